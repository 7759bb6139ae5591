package access

import (
	"strings"
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
// the caller's groups, Denied without permission (of the caller, of the key, or
// of its policy for that mode),
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
	if err := operations.Permit(op, k); err != nil {
		return nil, err
	}
	return &Authorised{key: k, op: op}, nil
}

// Export decides whether c may read the value of key k at now. Errors as AuthoriseUse.
func Export(c Caller, k keys.Key, now time.Time) error {
	if err := takeOut(c, k, now); err != nil {
		return err
	}
	return k.Export.Plain()
}

// ExportWrapped decides whether c may take key k out at now under the key by,
// which has no id when it travels with the request. Errors as AuthoriseUse.
func ExportWrapped(c Caller, k keys.Key, by id.Key, now time.Time) error {
	if err := takeOut(c, k, now); err != nil {
		return err
	}
	return k.Export.WrappedBy(by)
}

func takeOut(c Caller, k keys.Key, now time.Time) error {
	if err := mayUse(c, k, keys.OpExport); err != nil {
		return err
	}
	return k.Permits(keys.OpExport, now)
}

// Peer decides whether c may agree with key k as the other side's public key.
// One that is only a public key needs no AGREEKEY, which no public key has.
func Peer(c Caller, k keys.Key, now time.Time) error {
	var ops keys.Ops
	if !k.PublicOnly {
		ops = keys.OpAgree
	}
	if err := mayUse(c, k, ops); err != nil {
		return err
	}
	return k.Permits(ops, now)
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

// CreateKeys decides whether c may make keys in group g of account a.
func CreateKeys(c Caller, a id.Account, g id.Group) error {
	if err := SeeGroup(c, a, g); err != nil {
		return err
	}
	return manages(c, g, MayCreate, true)
}

// ManageKey decides whether c may do to key k what those permissions stand for.
// A key tells by APPMANAGEABLE whether crypto apps may manage it at all.
func ManageKey(c Caller, k keys.Key, need Permissions) error {
	if err := SeeKey(c, k); err != nil {
		return err
	}
	return manages(c, k.Group, need, k.Ops.Has(keys.OpAppManageable))
}

func manages(c Caller, g id.Group, need Permissions, appManageable bool) error {
	switch c.Role {
	case AccountAdmin, AdminApp:
		return nil
	case AccountMember:
		if c.Groups[g].manages(need) {
			return nil
		}
	case CryptoApp:
		if !appManageable {
			return fault.New(fault.Denied, "the sobject is not to be managed by applications: its key_ops lack APPMANAGEABLE")
		}
		if c.Groups[g].manages(need) {
			return nil
		}
	case AccountAuditor:
	}
	return fault.New(fault.Denied, "no permission %s in this group", strings.Join(need.Names(), ", "))
}

// ExportTo decides whether c may have key k copied into another group, which is
// as good as an export: the key itself must allow that, and an app needs the
// permission.
func ExportTo(c Caller, k keys.Key) error {
	if !k.Ops.Has(keys.OpExport) {
		return fault.New(fault.Denied, "the sobject may not leave its group: its key_ops lack EXPORT")
	}
	if c.Role == CryptoApp && !c.Groups[k.Group].Has(MayExport) {
		return fault.New(fault.Denied, "no permission EXPORT in the sobject's group")
	}
	return k.Export.Plain()
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
