// Package access decides who may do what, and hands out the single-use
// authorised operation without which no key backend does anything.
//
// Decisions are pure functions over the caller, the group and the key. What
// lies outside the caller's account or groups answers exactly as what does not exist.
package access

import (
	"gatehouse/core/fault"
	"gatehouse/core/id"
)

// Role tells what kind of caller a principal is.
type Role string

// The roles. Users manage; crypto apps use keys; admin apps manage as users do.
const (
	AccountAdmin   Role = "admin"    // a user who administers the account
	AccountMember  Role = "member"   // a user who sees and manages the groups it belongs to
	AccountAuditor Role = "auditor"  // a user who sees everything and changes nothing
	CryptoApp      Role = "app"      // an app of role crypto
	AdminApp       Role = "adminapp" // an app of role admin
)

// Caller is an authenticated principal with what its decisions need.
type Caller struct {
	Principal id.Principal
	Account   id.Account // empty for a user who has not selected an account
	Role      Role
	Groups    map[id.Group]Permissions // the groups that it belongs to
	Default   id.Group                 // an app's default group
}

// Permissions is a set of what an app or a member may do in a group.
type Permissions uint32

// The permissions of the API that Gatehouse enforces. Those of key use have
// the same names as the key_ops that they allow.
const (
	MaySign Permissions = 1 << iota
	MayVerify
	MayEncrypt
	MayDecrypt
	MayWrap
	MayUnwrap
	MayDerive
	MayMAC
	MayMACVerify
	MayExport
	MayManage // create, change and delete keys
	MayAgree
	MayTransform
	MayEncapsulate
	MayDecapsulate
)

var permissionNames = [...]string{
	"SIGN", "VERIFY", "ENCRYPT", "DECRYPT", "WRAPKEY", "UNWRAPKEY", "DERIVEKEY", "MACGENERATE",
	"MACVERIFY", "EXPORT", "MANAGE", "AGREEKEY", "TRANSFORM", "ENCAPSULATE", "DECAPSULATE",
}

// AllPermissions is every permission that Gatehouse enforces.
const AllPermissions = MayDecapsulate<<1 - 1

// DefaultPermissions is what an app gets in a group when nothing is named: all but export.
const DefaultPermissions = AllPermissions &^ MayExport

// ParsePermissions reads names of permissions; Invalid for an unknown one.
func ParsePermissions(names []string) (Permissions, error) {
	var p Permissions
next:
	for _, n := range names {
		for i, known := range permissionNames {
			if n == known {
				p |= 1 << i
				continue next
			}
		}
		if !knownToAPI[n] {
			return 0, fault.New(fault.Invalid, "permissions hold a name that the API does not know")
		}
		p |= MayManage & finer(n)
	}
	return p, nil
}

// knownToAPI are the API's finer permissions of key management and the ones
// without an operation here. The management ones count as MANAGE.
var knownToAPI = map[string]bool{
	"MASKDECRYPT": true, "AUDIT": true, "CALCULATE_DIGEST": true,
	"CREATE_SOBJECTS": true, "COPY_SOBJECTS": true, "ROTATE_SOBJECTS": true, "ACTIVATE_SOBJECTS": true,
	"REVOKE_SOBJECTS": true, "REVERT_SOBJECTS": true, "MOVE_SOBJECTS": true, "DELETE_KEY_MATERIAL": true,
	"DELETE_SOBJECTS": true, "DESTROY_SOBJECTS": true, "RESTORE_EXTERNAL_SOBJECTS": true,
	"UPDATE_SOBJECTS_PROFILE": true, "UPDATE_SOBJECTS_ENABLED_STATE": true, "UPDATE_SOBJECT_POLICIES": true,
	"UPDATE_KEY_OPS": true, "UPDATE_EXTERNAL_ROLES": true,
}

func finer(name string) Permissions {
	switch name {
	case "MASKDECRYPT", "AUDIT", "CALCULATE_DIGEST":
		return 0
	default:
		return AllPermissions
	}
}

// Names lists the permissions in the API's spelling; never nil.
func (p Permissions) Names() []string {
	names := []string{}
	for i, n := range permissionNames {
		if p&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return names
}

// Has reports whether p holds all of want.
func (p Permissions) Has(want Permissions) bool { return p&want == want }
