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
	MayManage // all the finer permissions from MayCreate on
	MayAgree
	MayTransform
	MayEncapsulate
	MayDecapsulate

	// Of the management of keys, each by itself.
	MayCreate
	MayCopy
	MayRotate
	MayActivate
	MayRevoke
	MayRevert
	MayMove
	MayUpdateProfile
	MayUpdateEnabled
	MayUpdatePolicies
	MayUpdateOps
	MayDeleteMaterial
	MayDelete
	MayDestroy
)

var permissionNames = [...]string{
	"SIGN", "VERIFY", "ENCRYPT", "DECRYPT", "WRAPKEY", "UNWRAPKEY", "DERIVEKEY", "MACGENERATE",
	"MACVERIFY", "EXPORT", "MANAGE", "AGREEKEY", "TRANSFORM", "ENCAPSULATE", "DECAPSULATE",
	"CREATE_SOBJECTS", "COPY_SOBJECTS", "ROTATE_SOBJECTS", "ACTIVATE_SOBJECTS", "REVOKE_SOBJECTS", "REVERT_SOBJECTS",
	"MOVE_SOBJECTS", "UPDATE_SOBJECTS_PROFILE", "UPDATE_SOBJECTS_ENABLED_STATE", "UPDATE_SOBJECT_POLICIES",
	"UPDATE_KEY_OPS", "DELETE_KEY_MATERIAL", "DELETE_SOBJECTS", "DESTROY_SOBJECTS",
}

// AllPermissions is every permission that Gatehouse enforces.
const AllPermissions = MayDestroy<<1 - 1

// DefaultPermissions is what an app gets in a group when nothing is named: all but export.
const DefaultPermissions = AllPermissions &^ MayExport

// nothingHere are permissions of the API without an operation here.
var nothingHere = map[string]bool{
	"MASKDECRYPT": true, "AUDIT": true, "CALCULATE_DIGEST": true, "RESTORE_EXTERNAL_SOBJECTS": true, "UPDATE_EXTERNAL_ROLES": true,
}

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
		if !nothingHere[n] {
			return 0, fault.New(fault.Invalid, "permissions hold a name that the API does not know")
		}
	}
	return p, nil
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

// manages reports whether p allows all of want, each by itself or by MANAGE.
func (p Permissions) manages(want Permissions) bool { return p.Has(MayManage) || p.Has(want) }
