package restapi

import (
	"context"
	"net/http"
	"time"

	"gatehouse/adapters/dsmwire"
	"gatehouse/app/accounts"
	"gatehouse/core/directory"
	"gatehouse/core/id"
)

// accountRequest holds what of an account can be set; what the API has beyond
// that is refused when it is more than empty, because it would not be obeyed.
type accountRequest struct {
	dsmwire.AccountRequest
	ApprovalPolicy          unbuilt `json:"approval_policy,omitzero"`
	AuthConfig              unbuilt `json:"auth_config,omitzero"`
	CryptographicPolicy     unbuilt `json:"cryptographic_policy,omitzero"`
	KeyHistoryPolicy        unbuilt `json:"key_history_policy,omitzero"`
	KeyMetadataPolicy       unbuilt `json:"key_metadata_policy,omitzero"`
	PluginCodeSigningPolicy unbuilt `json:"plugin_code_signing_policy,omitzero"`
	AddLdap                 unbuilt `json:"add_ldap,omitzero"`
	ModLdap                 unbuilt `json:"mod_ldap,omitzero"`
	AddLoggingConfigs       unbuilt `json:"add_logging_configs,omitzero"`
	ModLoggingConfigs       unbuilt `json:"mod_logging_configs,omitzero"`
	ParentAcctID            unbuilt `json:"parent_acct_id,omitzero"`
}

func (r accountRequest) check() error {
	if r.Enabled != nil && !*r.Enabled {
		return notYet("disabling an account")
	}
	return refuseUnbuilt(
		named{"approval_policy", r.ApprovalPolicy}, named{"auth_config", r.AuthConfig},
		named{"cryptographic_policy", r.CryptographicPolicy}, named{"key_history_policy", r.KeyHistoryPolicy},
		named{"key_metadata_policy", r.KeyMetadataPolicy}, named{"plugin_code_signing_policy", r.PluginCodeSigningPolicy},
		named{"add_ldap", r.AddLdap}, named{"mod_ldap", r.ModLdap}, named{"add_logging_configs", r.AddLoggingConfigs},
		named{"mod_logging_configs", r.ModLoggingConfigs}, named{"parent_acct_id", r.ParentAcctID},
	)
}

func accountOf(a directory.Account) dsmwire.Account {
	standard := dsmwire.Tag{Type: "Standard"}
	return dsmwire.Account{
		AcctID: string(a.ID), Name: a.Name, Description: a.Description, CreatedAt: dsmwire.NewTime(a.CreatedAt), Enabled: a.Enabled,
		OriginalPurpose: standard, Purpose: standard, Subscription: dsmwire.Subscription{OnPrem: &dsmwire.Object{}},
	}
}

var accountSorting = sorting[directory.Account]{
	param: "sort_by",
	fields: map[string]sortField[directory.Account]{
		"acct_id": {key: func(a directory.Account) string { return string(a.ID) }, start: "previous_id"},
	},
	created: func(a directory.Account) time.Time { return a.CreatedAt },
	id:      func(a directory.Account) string { return string(a.ID) },
}

// accounts registers /sys/v1/accounts.
func (s *server) accounts() {
	register(s, endpoint[none, []dsmwire.Account]{
		ID: "ListAccounts", Method: http.MethodGet, Path: "/sys/v1/accounts", Tag: "Accounts", Summary: "The caller's accounts",
		Query: []param{limitParam, {Name: "previous_id"}, {Name: "sort_by", Doc: "acct_id:asc or acct_id:desc"}},
		Do: func(ctx context.Context, c *call[none]) ([]dsmwire.Account, error) {
			all, err := s.Accounts.Accounts(ctx, c.Caller)
			if err != nil {
				return nil, err
			}
			p, err := accountSorting.page(c.query())
			if err != nil {
				return nil, err
			}
			page, _ := p.of(all)
			return mapped(page, accountOf), nil
		},
	})
	register(s, endpoint[accountRequest, dsmwire.Account]{
		ID: "CreateAccount", Method: http.MethodPost, Path: "/sys/v1/accounts", Tag: "Accounts", Status: http.StatusCreated,
		Summary: "Make an account that the calling user administers",
		Do: func(ctx context.Context, c *call[accountRequest]) (dsmwire.Account, error) {
			if err := c.Body.check(); err != nil {
				return dsmwire.Account{}, err
			}
			a, err := s.Accounts.CreateAccount(ctx, c.Caller, or(c.Body.Name, ""), or(c.Body.Description, ""))
			return accountOf(a), err
		},
	})
	register(s, endpoint[none, dsmwire.Account]{
		ID: "GetAccount", Method: http.MethodGet, Path: "/sys/v1/accounts/{acct_id}", Tag: "Accounts", Summary: "An account",
		Do: func(ctx context.Context, c *call[none]) (dsmwire.Account, error) {
			account, err := pathID[id.Account](&c.request, "acct_id")
			if err != nil {
				return dsmwire.Account{}, err
			}
			a, err := s.Accounts.Account(ctx, c.Caller, account)
			return accountOf(a), err
		},
	})
	register(s, endpoint[accountRequest, dsmwire.Account]{
		ID: "UpdateAccount", Method: http.MethodPatch, Path: "/sys/v1/accounts/{acct_id}", Tag: "Accounts", Summary: "Change an account",
		Do: func(ctx context.Context, c *call[accountRequest]) (dsmwire.Account, error) {
			account, err := pathID[id.Account](&c.request, "acct_id")
			if err == nil {
				err = c.Body.check()
			}
			if err != nil {
				return dsmwire.Account{}, err
			}
			a, err := s.Accounts.UpdateAccount(ctx, c.Caller, account, accounts.AccountChange{Name: c.Body.Name, Description: c.Body.Description})
			return accountOf(a), err
		},
	})
	register(s, endpoint[none, map[string][]string]{
		ID: "GetUserAccounts", Method: http.MethodGet, Path: "/sys/v1/users/accounts", Tag: "Users",
		Summary: "The caller's accounts, each with what the caller is in it",
		Do: func(ctx context.Context, c *call[none]) (map[string][]string, error) {
			memberships, err := s.Accounts.Memberships(ctx, c.Caller)
			flags := map[string][]string{}
			for account, role := range memberships {
				flags[string(account)] = accountFlags(role, true)
			}
			return flags, err
		},
	})
}

// or returns what p points to, or otherwise.
func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

// mapped returns f of every item; never nil.
func mapped[T, R any](items []T, f func(T) R) []R {
	out := make([]R, 0, len(items))
	for _, item := range items {
		out = append(out, f(item))
	}
	return out
}
