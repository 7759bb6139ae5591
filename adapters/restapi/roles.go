package restapi

import (
	"slices"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/id"
)

// accountRoles pairs roles with the API's names for them, the first of a name
// being what the name means.
var accountRoles = []struct {
	role access.Role
	name string
}{
	{access.AccountAdmin, dsmwire.RoleAdministrator},
	{access.AccountMember, dsmwire.RoleMember},
	{access.AccountAuditor, dsmwire.RoleAuditor},
	{access.AdminApp, dsmwire.RoleAdministrator},
	{access.CryptoApp, dsmwire.RoleMember},
}

// accountFlags returns a role as a set of flags.
func accountFlags(r access.Role, enabled bool) []string {
	flags := []string{}
	for _, known := range accountRoles {
		if known.role == r {
			flags = append(flags, known.name)
		}
	}
	if enabled {
		flags = append(flags, dsmwire.FlagEnabled)
	}
	return flags
}

// parseAccountFlags reads the one role in a set of flags; nil when it holds
// only flags. Whether the user is enabled is the field enable's to say.
func parseAccountFlags(flags []string) (*access.Role, error) {
	var role *access.Role
next:
	for _, f := range flags {
		if f == dsmwire.FlagEnabled || f == dsmwire.FlagInvited {
			continue
		}
		for _, known := range accountRoles {
			if known.name != f {
				continue
			}
			if role != nil && *role != known.role {
				return nil, fault.New(fault.Invalid, "account_role holds more than one role")
			}
			role = &known.role
			continue next
		}
		if id.Valid(f) {
			return nil, notYet("a custom role")
		}
		return nil, fault.New(fault.Invalid, "account_role holds a name that the API does not know")
	}
	return role, nil
}

func groupRoles(p access.Permissions) []string {
	if p.Has(access.MayManage) {
		return []string{dsmwire.GroupAdministrator}
	}
	return []string{dsmwire.GroupAuditor}
}

func parseGroupRoles(roles []string) (access.Permissions, error) {
	var p access.Permissions
	for _, r := range roles {
		switch {
		case r == dsmwire.GroupAdministrator:
			p |= access.MayManage
		case r == dsmwire.GroupAuditor:
		case id.Valid(r):
			return 0, notYet("a custom role")
		default:
			return 0, fault.New(fault.Invalid, "a group's roles hold a name that the API does not know")
		}
	}
	return p, nil
}

// filtered returns the items that keep is true for.
func filtered[T any](items []T, keep func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(items), func(t T) bool { return !keep(t) })
}
