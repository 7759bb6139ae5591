package apptest

import (
	"context"
	"encoding/hex"
	"errors"
	"testing"

	"gatehouse/app/grouping"
	"gatehouse/app/slotkeys"
	"gatehouse/core/access"
	"gatehouse/core/audit"
	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

func (w *World) dial(ctx context.Context, conn groups.Connection, a slotkeys.Access) (token.Token, error) {
	if w.Dial != nil {
		return w.Dial(ctx, conn, a)
	}
	t, err := w.HSM.Open(ctx, a.PIN)
	if err != nil {
		return nil, err // not t: a nil *Token in the interface would pass for a token
	}
	return t, nil
}

// AddAccount adds an account straight to the store.
func (w *World) AddAccount(name string) id.Account {
	w.tb.Helper()
	a := directory.Account{ID: id.Account(w.NewID()), Name: name, CreatedAt: w.Now(), Enabled: true}
	if err := w.Catalogue.AddAccount(w.tb.Context(), a); err != nil {
		w.tb.Fatal(err)
	}
	return a.ID
}

// AddGroup makes an ordinary group.
func (w *World) AddGroup(a id.Account, name string) groups.Group {
	w.tb.Helper()
	return w.addGroup(a, grouping.NewGroup{Name: name})
}

// AddHSMGroup makes a group that is linked to the world's HSM.
func (w *World) AddHSMGroup(a id.Account, name string, p groups.Policy) groups.Group {
	w.tb.Helper()
	return w.addGroup(a, grouping.NewGroup{Name: name, Policy: p, Connections: []grouping.Connection{Connection("hsm.example")}})
}

func (w *World) addGroup(a id.Account, n grouping.NewGroup) groups.Group {
	w.tb.Helper()
	g, err := w.Grouping.Create(w.tb.Context(), w.Admin(a), n)
	if err != nil {
		w.tb.Fatal(err)
	}
	return g
}

// Connection returns a connection to the world's HSM, as an administrator gives it.
func Connection(address string) grouping.Connection {
	slot := uint(7)
	return grouping.Connection{Kind: groups.SoftHSM, Address: address, Slot: &slot, PIN: secret.FromString(PIN)}
}

// Admin returns a caller who administers account a.
func (w *World) Admin(a id.Account) access.Caller { return w.User(a, access.AccountAdmin, nil) }

// User returns a caller of a user's role with these permissions in groups.
func (w *World) User(a id.Account, r access.Role, in map[id.Group]access.Permissions) access.Caller {
	return access.Caller{Principal: id.Principal{Kind: id.UserPrincipal, ID: w.NewID()}, Account: a, Role: r, Groups: in}
}

// App returns a caller that is an app, which may do everything in the groups,
// the first of which is its default.
func (w *World) App(a id.Account, gs ...groups.Group) access.Caller {
	in := map[id.Group]access.Permissions{}
	for _, g := range gs {
		in[g.ID] = access.AllPermissions
	}
	c := access.Caller{Principal: id.Principal{Kind: id.AppPrincipal, ID: w.NewID()}, Account: a, Role: access.CryptoApp, Groups: in}
	if len(gs) > 0 {
		c.Default = gs[0].ID
	}
	return c
}

// Recorded returns the audit records that are written while do runs, each as
// its outcome and action.
func (w *World) Recorded(do func()) []string {
	w.tb.Helper()
	lines := []string{}
	for _, r := range w.Records(do) {
		lines = append(lines, string(r.Outcome)+" "+r.Action)
	}
	return lines
}

// Records returns the audit records that are written while do runs.
func (w *World) Records(do func()) []audit.Record {
	w.tb.Helper()
	ctx := w.tb.Context()
	before, err := w.Store.AuditHead(ctx)
	if err != nil {
		w.tb.Fatal(err)
	}
	do()
	var records []audit.Record
	if err := w.Store.EachAudit(ctx, before.Seq+1, func(r audit.Record) error {
		records = append(records, r)
		return nil
	}); err != nil {
		w.tb.Fatal(err)
	}
	return records
}

// Want fails the test unless err is of that kind; no kind wants no error.
func Want(tb testing.TB, what string, err error, kind fault.Kind) {
	tb.Helper()
	switch {
	case kind == "" && err != nil:
		tb.Errorf("%s: got %v (%v), want no error", what, err, fault.KindOf(err))
	case kind != "" && err == nil:
		tb.Errorf("%s: got no error, want %v", what, kind)
	case kind != "" && !errors.Is(err, kind):
		tb.Errorf("%s: got %v (%v), want %v", what, err, fault.KindOf(err), kind)
	}
}

// HashPassword and CheckPassword stand in for package passwords, which takes its time.
func HashPassword(password secret.Value) (string, error) {
	sum := password.Digest()
	return hex.EncodeToString(sum[:]), nil
}

// CheckPassword reports whether the password has that hash.
func CheckPassword(hash string, password secret.Value) bool {
	got, err := HashPassword(password)
	return err == nil && got == hash
}
