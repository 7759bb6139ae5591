package dsmwire

import (
	"encoding/json"

	"gatehouse/core/fault"
)

// App is an application, as the API shows it.
type App struct {
	AppID                string         `json:"app_id"`
	AcctID               string         `json:"acct_id"`
	Name                 string         `json:"name"`
	Description          string         `json:"description,omitempty"`
	AppType              string         `json:"app_type"`
	Interface            string         `json:"interface,omitempty"`
	Role                 string         `json:"role"` // crypto or admin
	Enabled              bool           `json:"enabled"`
	AuthType             string         `json:"auth_type"` // Secret
	DefaultGroup         string         `json:"default_group,omitempty"`
	Groups               AppGroups      `json:"groups"`
	Creator              Principal      `json:"creator"`
	CreatedAt            Time           `json:"created_at"`
	LastUsedAt           Time           `json:"lastused_at,omitzero"`
	ClientConfigurations Object         `json:"client_configurations"`
	IPAddressPolicy      string         `json:"ip_address_policy"` // allow_all
	LastOperations       LastOperations `json:"last_operations"`
	LegacyAccess         bool           `json:"legacy_access"`
}

// LastOperations tells when an app last did something, in seconds since 1970.
type LastOperations struct {
	Generic *int64 `json:"generic,omitempty"`
}

// AppGroups are an app's groups with its permissions in each, or only the list
// of them: an untagged union.
type AppGroups struct {
	Permissions map[string][]string // by group; names may be nil after IDs were read
	IDs         []string            // when not nil, the list form
}

// MarshalJSON writes the list when there is one, else the permissions.
func (g AppGroups) MarshalJSON() ([]byte, error) {
	switch {
	case g.IDs != nil:
		return json.Marshal(g.IDs)
	case g.Permissions != nil:
		return json.Marshal(g.Permissions)
	default:
		return []byte("[]"), nil
	}
}

// UnmarshalJSON reads either form.
func (g *AppGroups) UnmarshalJSON(b []byte) error {
	*g = AppGroups{}
	if json.Unmarshal(b, &g.IDs) == nil {
		return nil
	}
	g.IDs = nil
	if json.Unmarshal(b, &g.Permissions) != nil {
		return fault.New(fault.Invalid, "groups of an app are neither a list of ids nor permissions by id")
	}
	return nil
}

// IsZero reports whether neither form is there.
func (g AppGroups) IsZero() bool { return g.IDs == nil && g.Permissions == nil }

// AppRequest asks for a new app or for a change of one.
type AppRequest struct {
	Name         *string    `json:"name,omitempty"`
	Description  *string    `json:"description,omitempty"`
	AppType      *string    `json:"app_type,omitempty"`
	Interface    *string    `json:"interface,omitempty"`
	Role         *string    `json:"role,omitempty"`
	Enabled      *bool      `json:"enabled,omitempty"`
	DefaultGroup *string    `json:"default_group,omitempty"`
	AddGroups    AppGroups  `json:"add_groups,omitzero"`
	ModGroups    AppGroups  `json:"mod_groups,omitzero"`
	DelGroups    []string   `json:"del_groups,omitempty"`
	SecretSize   *uint32    `json:"secret_size,omitempty"`
	Credential   *RawObject `json:"credential,omitempty"` // whoever reads it decides what it supports
}

// ResetSecretRequest asks for a new secret.
type ResetSecretRequest struct {
	SecretSize *uint32 `json:"secret_size,omitempty"`
}

// AppCredentialResponse is an app's credential, for who hands it to the app.
type AppCredentialResponse struct {
	AppID      string     `json:"app_id"`
	Credential Credential `json:"credential"`
}

// Credential is the secret of an app.
type Credential struct {
	Secret SecretText `json:"secret"`
}
