package restapi

import (
	"maps"

	"gatehouse/adapters/dsmwire"
	"gatehouse/app/accounts"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/id"
)

// appRequest makes or changes an app. What Gatehouse does not have is refused
// when it asks for something.
type appRequest struct {
	dsmwire.AppRequest
	Credential *credentialRequest `json:"credential,omitempty"`

	AccountMembership unbuilt  `json:"account_membership,omitzero"`
	MigrationPeriod   nonZero  `json:"credential_migration_period,omitzero"`
	ClientConfig      unbuilt  `json:"client_configurations,omitzero"`
	AddressPolicy     notOpen  `json:"ip_address_policy,omitzero"`
	OauthConfig       enabling `json:"oauth_config,omitzero"`
}

// secretSize returns how long a secret is asked for; 0 leaves it to the use case.
func (r appRequest) secretSize() int {
	if r.SecretSize == nil && r.Credential != nil {
		return r.Credential.size
	}
	return int(or(r.SecretSize, 0))
}

func (r appRequest) check() error {
	return refuseUnbuilt(
		named{"account_membership", r.AccountMembership}, named{"credential_migration_period", r.MigrationPeriod.unbuilt},
		named{"client_configurations", r.ClientConfig}, named{"ip_address_policy", r.AddressPolicy.unbuilt},
		named{"oauth_config", r.OauthConfig.unbuilt},
	)
}

// appRoles are the API's names for what an app is.
var appRoles = map[string]access.Role{"crypto": access.CryptoApp, "admin": access.AdminApp}

// role reads the role; nil when it is not given.
func (r appRequest) role() (*access.Role, error) {
	var given *access.Role
	if r.Role != nil {
		role, known := appRoles[*r.Role]
		if !known {
			return nil, fault.New(fault.Invalid, "role is not one that the API knows")
		}
		given = &role
	}
	return given, nil
}

func (r appRequest) newApp() (accounts.NewApp, error) {
	if err := r.check(); err != nil {
		return accounts.NewApp{}, err
	}
	role, err := r.role()
	if err != nil {
		return accounts.NewApp{}, err
	}
	if !or(r.Enabled, true) {
		return accounts.NewApp{}, notYet("making an app that is disabled from the start")
	}
	added, err := appGroups(r.AddGroups)
	if err != nil {
		return accounts.NewApp{}, err
	}
	n := accounts.NewApp{
		Name: or(r.Name, ""), Description: or(r.Description, ""), Type: or(r.AppType, ""), Interface: or(r.Interface, ""),
		Role: or(role, access.CryptoApp), Groups: added, SecretSize: r.secretSize(),
	}
	if r.DefaultGroup != nil {
		n.Default, err = parseID[id.Group](*r.DefaultGroup, "default_group")
	}
	return n, err
}

func (r appRequest) change() (accounts.AppChange, error) {
	ch := accounts.AppChange{Name: r.Name, Description: r.Description, Type: r.AppType, Interface: r.Interface, Enabled: r.Enabled}
	err := r.check()
	if err != nil {
		return ch, err
	}
	if r.Credential != nil || r.SecretSize != nil {
		return ch, notYet("changing a credential other than by reset_secret")
	}
	if ch.Role, err = r.role(); err != nil {
		return ch, err
	}
	if r.DefaultGroup != nil {
		g, err := parseID[id.Group](*r.DefaultGroup, "default_group")
		if err != nil {
			return ch, err
		}
		ch.Default = &g
	}
	if ch.SetGroups, err = appGroups(r.AddGroups); err != nil {
		return ch, err
	}
	modified, err := appGroups(r.ModGroups)
	if err != nil {
		return ch, err
	}
	maps.Copy(ch.SetGroups, modified)
	for _, del := range r.DelGroups {
		g, err := parseID[id.Group](del, "del_groups")
		if err != nil {
			return ch, err
		}
		ch.RemoveGroups = append(ch.RemoveGroups, g)
	}
	return ch, nil
}

// appGroups reads an app's groups in either form; the list form means the
// default permissions in each.
func appGroups(g dsmwire.AppGroups) (map[id.Group]access.Permissions, error) {
	groups := map[id.Group]access.Permissions{}
	for _, s := range g.IDs {
		gid, err := parseID[id.Group](s, "a group's id")
		if err != nil {
			return nil, err
		}
		groups[gid] = access.DefaultPermissions
	}
	for s, names := range g.Permissions {
		gid, err := parseID[id.Group](s, "a group's id")
		if err != nil {
			return nil, err
		}
		groups[gid] = access.DefaultPermissions
		if names != nil {
			if groups[gid], err = access.ParsePermissions(names); err != nil {
				return nil, err
			}
		}
	}
	return groups, nil
}
