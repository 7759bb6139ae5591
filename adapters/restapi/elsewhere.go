package restapi

import (
	"context"
	"net/http"

	"gatehouse/adapters/dsmwire"
)

// unbuiltCalls are the calls of the API under /sys that Gatehouse does not have,
// as patterns of net/http: each is answered plainly, to anybody, rather than
// as an unknown path.
var unbuiltCalls = []struct{ what, pattern string }{
	{"extending accounts", "/sys/v1/account_extensions/{rest...}"},
	{"deleting accounts", "DELETE /sys/v1/accounts/{acct_id}"},
	{"replication", "/sys/v1/accounts/{acct_id}/replication/{rest...}"},
	{"counting an account's usage", "GET /sys/v1/accounts/{acct_id}/usage"},
	{"approval requests", "/sys/v1/approval_requests"},
	{"approval requests", "/sys/v1/approval_requests/{rest...}"},
	{"changing an app's groups one by one", "/sys/v1/apps/{app_id}/groups"},
	{"changing an app's groups one by one", "/sys/v1/apps/{app_id}/groups/{rest...}"},
	{"integration credentials", "/sys/v1/credentials"},
	{"integration credentials", "/sys/v1/credentials/{rest...}"},
	{"external roles", "/sys/v1/external_roles"},
	{"external roles", "/sys/v1/external_roles/{rest...}"},
	{"key vaults of a cloud", "POST /sys/v1/groups/hmg/azure_vaults"},
	{"key rings of a cloud", "POST /sys/v1/groups/hmg/gcp_key_rings"},
	{"key collections of a cloud", "POST /sys/v1/groups/hmg/scan_collections"},
	{"LDAP", "/sys/v1/ldap/{rest...}"},
	{"reading the audit log", "/sys/v1/logs"},
	{"plugins", "/sys/v1/marketplace"},
	{"plugins", "/sys/v1/plugins"},
	{"plugins", "/sys/v1/plugins/{rest...}"},
	{"custom roles", "/sys/v1/roles"},
	{"custom roles", "/sys/v1/roles/{rest...}"},
	{"SAML", "GET /saml/metadata.xml"},
	{"a second factor", "/sys/v1/session/auth/2fa/{rest...}"},
	{"a second factor", "/sys/v1/session/config_2fa/{rest...}"},
	{"credentials of a cloud", "POST /sys/v1/session/aws_temporary_credentials"},
	{"statistics", "/sys/v1/stats/{rest...}"},
	{"showing TLS certificates", "GET /sys/v1/tls_certificates"},
	{"showing TLS keys", "GET /sys/v1/tls_public_keys"},
	{"deleting oneself", "DELETE /sys/v1/users"},
	{"mending a forgotten password", "POST /sys/v1/users/forgot_password"},
	{"a second factor", "POST /sys/v1/users/generate_recovery_codes"},
	{"inviting users", "POST /sys/v1/users/invite"},
	{"inviting users", "POST /sys/v1/users/process_invite"},
	{"confirming e-mail addresses", "POST /sys/v1/users/resend_confirm_email"},
	{"custom roles", "GET /sys/v1/users/permissions"},
	{"this change of a user", "/sys/v1/users/{user_id}/{rest...}"},
}

// elsewhere registers what is not there.
func (s *server) elsewhere() {
	for _, c := range unbuiltCalls {
		s.mux.HandleFunc(c.pattern, func(w http.ResponseWriter, r *http.Request) { s.refuse(w, r, notYet(c.what)) })
	}
	register(s, endpoint[none, dsmwire.Object]{
		ID: "GetClientConfigs", Method: http.MethodGet, Path: "/sys/v1/apps/client_configs", Tag: "Apps",
		Summary: "What clients are told to do: nothing in particular",
		Do:      func(context.Context, *call[none]) (dsmwire.Object, error) { return dsmwire.Object{}, nil },
	})
}
