package access_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

var (
	now  = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	sign = operations.Sign{Hash: operations.SHA256, Input: []byte("x")}
	key  = keys.Key{
		ID: "k", Account: "a", Group: "g", Type: keys.EC, Curve: keys.P256,
		Ops: keys.OpSign | keys.OpVerify, State: keys.Active, Enabled: true,
	}
)

func app(change func(*access.Caller)) access.Caller {
	c := access.Caller{
		Account: "a", Role: access.CryptoApp, Principal: id.Principal{Kind: id.AppPrincipal, ID: "p"},
		Groups: map[id.Group]access.Permissions{"g": access.DefaultPermissions},
	}
	change(&c)
	return c
}

func TestAuthoriseUse(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		caller access.Caller
		key    keys.Key
		want   error
	}{
		"an app in the group":             {app(func(*access.Caller) {}), key, nil},
		"an app of another group":         {app(func(c *access.Caller) { c.Groups = map[id.Group]access.Permissions{"h": access.AllPermissions} }), key, fault.NotFound},
		"an app of another account":       {app(func(c *access.Caller) { c.Account = "b" }), key, fault.NotFound},
		"an app of no account":            {app(func(c *access.Caller) { c.Account = "" }), keys.Key{}, fault.NotFound},
		"an app without the permission":   {app(func(c *access.Caller) { c.Groups["g"] = access.MayVerify }), key, fault.Denied},
		"an administrator, not an app":    {app(func(c *access.Caller) { c.Role = access.AccountAdmin }), key, fault.Denied},
		"an app that manages":             {app(func(c *access.Caller) { c.Role = access.AdminApp }), key, fault.Denied},
		"a role that nobody knows":        {app(func(c *access.Caller) { c.Role = "root" }), key, fault.NotFound},
		"a key that forbids it":           {app(func(*access.Caller) {}), func() keys.Key { k := key; k.Ops = keys.OpVerify; return k }(), fault.Denied},
		"a key that is deactivated":       {app(func(*access.Caller) {}), func() keys.Key { k := key; k.State = keys.Deactivated; return k }(), fault.BadState},
		"a key of a type that cannot":     {app(func(*access.Caller) {}), func() keys.Key { k := key; k.Type = keys.AES; return k }(), fault.Invalid},
		"foreign and deactivated: absent": {app(func(c *access.Caller) { c.Account = "b" }), func() keys.Key { k := key; k.Enabled = false; return k }(), fault.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := access.AuthoriseUse(tc.caller, tc.key, sign, now)
			if !errors.Is(err, tc.want) || (err == nil) != (got != nil) {
				t.Errorf("got %v and error %v, want %v", got, err, tc.want)
			}
		})
	}

	t.Run("what is hidden answers as what is absent", func(t *testing.T) {
		t.Parallel()
		_, err := access.AuthoriseUse(app(func(c *access.Caller) { c.Account = "b" }), key, sign, now)
		if got, want := fault.Message(err), "sobject does not exist"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestSpend(t *testing.T) {
	t.Parallel()
	a, err := access.AuthoriseUse(app(func(*access.Caller) {}), key, sign, now)
	if err != nil {
		t.Fatal(err)
	}
	var spent atomic.Int32
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			if _, _, err := a.Spend(); err == nil {
				spent.Add(1)
			}
		})
	}
	wg.Wait()
	if got := spent.Load(); got != 1 {
		t.Errorf("got an authorised operation spent %d times, want once", got)
	}
	if _, _, err := new(access.Authorised).Spend(); !errors.Is(err, fault.Internal) {
		t.Errorf("got %v from one that nobody authorised, want it refused", err)
	}
}

func TestManage(t *testing.T) {
	t.Parallel()
	inGroup := func(ops keys.Ops) keys.Key { return keys.Key{ID: "k", Account: "a", Group: "g", Ops: ops} }
	member := func(role access.Role, p access.Permissions) access.Caller {
		return access.Caller{Account: "a", Role: role, Groups: map[id.Group]access.Permissions{"g": p}}
	}
	outsider := func(role access.Role) access.Caller { return access.Caller{Account: "a", Role: role} }
	for name, tc := range map[string]struct {
		got, want error
	}{
		"administrator manages keys":       {access.ManageKey(outsider(access.AccountAdmin), inGroup(0), access.MayRotate), nil},
		"admin app manages keys":           {access.ManageKey(outsider(access.AdminApp), inGroup(0), access.MayRotate), nil},
		"member with the permission":       {access.ManageKey(member(access.AccountMember, access.MayManage), inGroup(0), access.MayRotate), nil},
		"member without it":                {access.ManageKey(member(access.AccountMember, access.MaySign), inGroup(keys.OpAppManageable), access.MayRotate), fault.Denied},
		"member of another group":          {access.ManageKey(outsider(access.AccountMember), inGroup(keys.OpAppManageable), access.MayRotate), fault.NotFound},
		"auditor changes nothing":          {access.ManageKey(member(access.AccountAuditor, access.AllPermissions), inGroup(keys.OpAppManageable), access.MayRotate), fault.Denied},
		"app on a manageable key":          {access.ManageKey(member(access.CryptoApp, access.MayManage), inGroup(keys.OpAppManageable), access.MayRotate), nil},
		"app on a key that is not":         {access.ManageKey(member(access.CryptoApp, access.MayManage), inGroup(0), access.MayRotate), fault.Denied},
		"app with that one permission":     {access.ManageKey(member(access.CryptoApp, access.MayRotate), inGroup(keys.OpAppManageable), access.MayRotate), nil},
		"app with another one":             {access.ManageKey(member(access.CryptoApp, access.MayDelete), inGroup(keys.OpAppManageable), access.MayRotate), fault.Denied},
		"app with one of two":              {access.ManageKey(member(access.CryptoApp, access.MayDelete), inGroup(keys.OpAppManageable), access.MayDelete|access.MayRotate), fault.Denied},
		"app that makes keys":              {access.CreateKeys(member(access.CryptoApp, access.MayCreate), "a", "g"), nil},
		"app that only uses keys":          {access.CreateKeys(member(access.CryptoApp, access.MaySign|access.MayDelete), "a", "g"), fault.Denied},
		"app that makes keys elsewhere":    {access.CreateKeys(member(access.CryptoApp, access.MayManage), "a", "h"), fault.NotFound},
		"a key that stays in its group":    {access.ExportTo(outsider(access.AccountAdmin), inGroup(0)), fault.Denied},
		"a key that may leave":             {access.ExportTo(outsider(access.AccountAdmin), inGroup(keys.OpExport)), nil},
		"a key that its app may not take":  {access.ExportTo(member(access.CryptoApp, access.MayManage), inGroup(keys.OpExport)), fault.Denied},
		"app does not manage groups":       {access.ManageGroup(member(access.CryptoApp, access.AllPermissions), "a", "g"), fault.Denied},
		"administrator of another account": {access.ManageGroup(outsider(access.AccountAdmin), "b", "g"), fault.NotFound},
		"nobody administers no account":    {access.Administer(access.Caller{Role: access.AccountAdmin}), fault.Denied},
		"member does not administer":       {access.Administer(outsider(access.AccountMember)), fault.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !errors.Is(tc.got, tc.want) {
				t.Errorf("got %v, want %v", tc.got, tc.want)
			}
		})
	}
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	t.Run("names read back as the same set", rapid.MakeCheck(func(t *rapid.T) {
		want := access.Permissions(rapid.Uint32Range(0, uint32(access.AllPermissions)).Draw(t, "permissions"))
		got, err := access.ParsePermissions(want.Names())
		if err != nil || got != want {
			t.Errorf("got %v and error %v, want %v", got.Names(), err, want.Names())
		}
	}))
	t.Run("what has no operation here is no permission", func(t *testing.T) {
		t.Parallel()
		if got, err := access.ParsePermissions([]string{"CREATE_SOBJECTS", "AUDIT"}); err != nil || got != access.MayCreate {
			t.Errorf("got %v and error %v, want CREATE_SOBJECTS", got.Names(), err)
		}
	})
	t.Run("an unknown name is refused", func(t *testing.T) {
		t.Parallel()
		if _, err := access.ParsePermissions([]string{"ROOT"}); !errors.Is(err, fault.Invalid) {
			t.Errorf("got %v, want it refused", err)
		}
	})
}

func TestPolicyOfModes(t *testing.T) {
	t.Parallel()
	k := keys.Key{
		ID: "k", Account: "acct", Group: "g", Type: keys.AES, Size: 256, Ops: keys.OpEncrypt, State: keys.Active, Enabled: true,
	}
	c := access.Caller{
		Principal: id.Principal{Kind: id.AppPrincipal, ID: "app"}, Account: "acct", Role: access.CryptoApp,
		Groups: map[id.Group]access.Permissions{"g": access.AllPermissions},
	}
	op := operations.Encrypt{Mode: operations.ECB, Plain: make([]byte, 16)}
	if _, err := access.AuthoriseUse(c, k, op, time.Unix(0, 0)); !errors.Is(err, fault.Denied) {
		t.Errorf("ECB that the key's policy does not name: got %v, want it denied", err)
	}
	k.Cipher.Mode = "ECB"
	if _, err := access.AuthoriseUse(c, k, op, time.Unix(0, 0)); err != nil {
		t.Errorf("ECB that the key's policy names: got %v", err)
	}
}
