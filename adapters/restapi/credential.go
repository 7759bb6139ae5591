package restapi

import (
	"context"
	"encoding/json"
	"net/http"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/id"
)

// credentialRequest is the credential that a new app asks for: a secret, which
// the service always makes itself.
type credentialRequest struct{ size int }

// UnmarshalJSON reads {"secret": ""} and {"secret": {"size": n}}.
func (c *credentialRequest) UnmarshalJSON(b []byte) error {
	var given map[string]json.RawMessage
	if json.Unmarshal(b, &given) != nil || len(given) != 1 {
		return fault.New(fault.Invalid, "credential is not one that the API knows")
	}
	secret, ok := given["secret"]
	if !ok {
		return c.other(given)
	}
	var text string
	if json.Unmarshal(secret, &text) == nil {
		if text == "" {
			return nil
		}
		return notYet("a secret that the caller chose")
	}
	var generate struct {
		Size *uint32 `json:"size"`
	}
	if json.Unmarshal(secret, &generate) != nil {
		return fault.New(fault.Invalid, "credential.secret is not one that the API knows")
	}
	c.size = int(or(generate.Size, 0))
	return nil
}

// other refuses the credentials that only the API knows, and what nobody knows.
func (*credentialRequest) other(given map[string]json.RawMessage) error {
	for _, known := range []string{
		"all", "certificate", "trustedca", "googleserviceaccount", "signedjwt", "ldap", "awsiam", "awsxks", "googleworkspacecse",
	} {
		if _, ok := given[known]; ok {
			return notYet("a credential of kind " + known)
		}
	}
	return fault.New(fault.Invalid, "credential is not one that the API knows")
}

// resetRequest asks for a new secret, with what is refused of it.
type resetRequest struct {
	dsmwire.ResetSecretRequest
	MigrationPeriod nonZero `json:"credential_migration_period,omitzero"`
}

// credentials registers the secrets of apps.
func (s *server) credentials() {
	register(s, endpoint[none, dsmwire.AppCredentialResponse]{
		ID: "GetAppCredential", Method: http.MethodGet, Path: "/sys/v1/apps/{app_id}/credential", Tag: "Apps",
		Summary: "An app's secret; its API key is the base64 of app_id:secret",
		Do: func(ctx context.Context, c *call[none]) (dsmwire.AppCredentialResponse, error) {
			app, err := pathID[id.App](&c.request, "app_id")
			if err != nil {
				return dsmwire.AppCredentialResponse{}, err
			}
			v, err := s.Accounts.Credential(ctx, c.Caller, app)
			return dsmwire.AppCredentialResponse{
				AppID: string(app), Credential: dsmwire.Credential{Secret: dsmwire.NewSecretText(v)},
			}, err
		},
	})
	register(s, endpoint[resetRequest, dsmwire.App]{
		ID: "ResetAppSecret", Method: http.MethodPost, Path: "/sys/v1/apps/{app_id}/reset_secret", Tag: "Apps", Optional: true,
		Summary: "Give an app a new secret; the old one is worthless from then on", Query: appParams,
		Do: func(ctx context.Context, c *call[resetRequest]) (dsmwire.App, error) {
			app, show, err := appAndView(&c.request)
			if err == nil {
				err = c.Body.MigrationPeriod.refuse("credential_migration_period")
			}
			if err != nil {
				return dsmwire.App{}, err
			}
			a, err := s.Accounts.ResetSecret(ctx, c.Caller, app, int(or(c.Body.SecretSize, 0)))
			return show(a), err
		},
	})
}
