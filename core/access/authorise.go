package access

import (
	"sync/atomic"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// Authorised is an operation that policy has allowed, once. It can only be made
// by AuthoriseUse, and only be spent by a key backend.
type Authorised struct {
	key   keys.Key
	op    operations.Operation
	spent atomic.Bool
}

// Spend returns the key and the operation, the first time only; later it is
// fault.Internal.
func (a *Authorised) Spend() (keys.Key, operations.Operation, error) {
	if a == nil || a.op == nil || !a.spent.CompareAndSwap(false, true) {
		return keys.Key{}, nil, fault.New(fault.Internal, "authorised operation spent twice")
	}
	return a.key, a.op, nil
}

// ErrNoSuchKey is the answer for a key that does not exist and for one that the
// caller must not know of. Its text is the API's.
func ErrNoSuchKey() error { return fault.New(fault.NotFound, "sobject does not exist") }

// ErrNoSuchGroup is the same for a group.
func ErrNoSuchGroup() error { return fault.New(fault.NotFound, "group does not exist") }

// opPermissions pairs key operations with the permission that an app needs.
var opPermissions = []struct {
	op   keys.Ops
	need Permissions
}{
	{keys.OpSign, MaySign},
	{keys.OpVerify, MayVerify},
	{keys.OpEncrypt, MayEncrypt},
	{keys.OpDecrypt, MayDecrypt},
	{keys.OpWrap, MayWrap},
	{keys.OpUnwrap, MayUnwrap},
	{keys.OpDerive, MayDerive},
	{keys.OpTransform, MayTransform},
	{keys.OpMAC, MayMAC},
	{keys.OpMACVerify, MayMACVerify},
	{keys.OpExport, MayExport},
	{keys.OpAgree, MayAgree},
	{keys.OpEncapsulate, MayEncapsulate},
	{keys.OpDecapsulate, MayDecapsulate},
}

func permissionsFor(ops keys.Ops) Permissions {
	var p Permissions
	for _, m := range opPermissions {
		if ops.Has(m.op) {
			p |= m.need
		}
	}
	return p
}

// AuthoriseUse decides whether c may do op with key k at now. NotFound outside
// the caller's groups, Denied without permission (of the caller or the key),
// BadState when the key's life cycle forbids it, Invalid when op does not fit the key.
func AuthoriseUse(c Caller, k keys.Key, op operations.Operation, now time.Time) (*Authorised, error) {
	if err := mayUse(c, k, op.Needs()); err != nil {
		return nil, err
	}
	if err := k.Permits(op.Needs(), now); err != nil {
		return nil, err
	}
	if err := operations.Check(op, k); err != nil {
		return nil, err
	}
	return &Authorised{key: k, op: op}, nil
}

// Export decides whether c may read the value of key k at now. Errors as AuthoriseUse.
func Export(c Caller, k keys.Key, now time.Time) error {
	if err := mayUse(c, k, keys.OpExport); err != nil {
		return err
	}
	return k.Permits(keys.OpExport, now)
}

func mayUse(c Caller, k keys.Key, ops keys.Ops) error {
	if err := SeeKey(c, k); err != nil {
		return err
	}
	if c.Role != CryptoApp {
		return fault.New(fault.Denied, "only applications may use keys")
	}
	if k.Group != "" && !c.Groups[k.Group].Has(permissionsFor(ops)) {
		return fault.New(fault.Denied, "application has no permission for this operation in the key's group")
	}
	return nil
}

// SeeKey decides whether c may know of key k. A key of no group is one that
// travels with requests (a transient or inline key): it is its maker's alone.
func SeeKey(c Caller, k keys.Key) error {
	own := k.Group == "" && k.Creator.ID != "" && c.Principal == k.Creator
	if c.Account == "" || c.Account != k.Account || !own && (k.Group == "" || !sees(c, k.Group)) {
		return ErrNoSuchKey()
	}
	return nil
}

// MakeTransient decides whether c may make keys that are stored nowhere.
func MakeTransient(c Caller) error {
	if c.Account == "" || c.Role != CryptoApp {
		return fault.New(fault.Denied, "only applications may make transient keys")
	}
	return nil
}

// SeeGroup decides whether c may know of group g of account a.
func SeeGroup(c Caller, a id.Account, g id.Group) error {
	if c.Account == "" || c.Account != a || !sees(c, g) {
		return ErrNoSuchGroup()
	}
	return nil
}

func sees(c Caller, g id.Group) bool {
	switch c.Role {
	case AccountAdmin, AccountAuditor, AdminApp:
		return true
	case AccountMember, CryptoApp:
		_, in := c.Groups[g]
		return in
	default:
		return false
	}
}

// ManageKeys decides whether c may create, change or delete keys in group g of
// account a. For an existing key, appManageable tells whether it allows crypto
// apps to manage it; for a new one it is true.
func ManageKeys(c Caller, a id.Account, g id.Group, appManageable bool) error {
	if err := SeeGroup(c, a, g); err != nil {
		return err
	}
	switch c.Role {
	case AccountAdmin, AdminApp:
		return nil
	case AccountMember:
		if c.Groups[g].Has(MayManage) {
			return nil
		}
	case CryptoApp:
		if c.Groups[g].Has(MayManage) && appManageable {
			return nil
		}
	case AccountAuditor:
	}
	return fault.New(fault.Denied, "no permission to manage keys of this group")
}

// ManageGroup decides whether c may change group g of account a: its settings,
// connections, and syncing it.
func ManageGroup(c Caller, a id.Account, g id.Group) error {
	if err := SeeGroup(c, a, g); err != nil {
		return err
	}
	switch c.Role {
	case AccountAdmin, AdminApp:
		return nil
	case AccountMember:
		if c.Groups[g].Has(MayManage) {
			return nil
		}
	case CryptoApp, AccountAuditor:
	}
	return fault.New(fault.Denied, "no permission to manage this group")
}

// Administer decides whether c may make groups, apps and users in its account.
func Administer(c Caller) error {
	if c.Account == "" {
		return fault.New(fault.Denied, "select an account first")
	}
	if c.Role == AccountAdmin || c.Role == AdminApp {
		return nil
	}
	return fault.New(fault.Denied, "only account administrators may do this")
}
