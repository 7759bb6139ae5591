package accounts_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/app/accounts"
	"gatehouse/app/internal/apptest"
	"gatehouse/core/access"
	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/secret"
)

const adaEmail = "ada@gatehouse.example"

var adaPassword = secret.FromString("correct horse battery staple")

// ada makes a user of a role.
func (w *world) ada(r access.Role) directory.User {
	w.t.Helper()
	u, err := w.Accounts.CreateUser(w.ctx, w.admin, accounts.NewUser{Email: adaEmail, Password: adaPassword, FirstName: "Ada", Role: r})
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

func ptr[T any](v T) *T { return &v }

func TestCreateUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.ada("")
	got, err := w.Accounts.User(w.ctx, w.login(adaEmail, adaPassword), u.ID)
	apptest.Want(t, "User", err, "")
	if got.FirstName != "Ada" || got.Email != adaEmail || got.Accounts[w.account] != access.AccountMember {
		t.Errorf("got %+v, want Ada, a member", got)
	}
	for what, c := range map[string]struct {
		change func(*accounts.NewUser)
		want   fault.Kind
	}{
		"an address that is taken": {func(n *accounts.NewUser) { n.Email = strings.ToUpper(adaEmail) }, fault.Conflict},
		"no address":               {func(n *accounts.NewUser) { n.Email = "" }, fault.Invalid},
		"an address with a name":   {func(n *accounts.NewUser) { n.Email = "Bob <bob@gatehouse.example>" }, fault.Invalid},
		"a long address":           {func(n *accounts.NewUser) { n.Email = strings.Repeat("a", 251) + "@b.c" }, fault.Invalid},
		"a short password":         {func(n *accounts.NewUser) { n.Password = secret.FromString("elevenbytes") }, fault.Invalid},
		"a long password":          {func(n *accounts.NewUser) { n.Password = secret.New(make([]byte, 257)) }, fault.Invalid},
		"a role of apps":           {func(n *accounts.NewUser) { n.Role = access.AdminApp }, fault.Invalid},
		"a role of nobody":         {func(n *accounts.NewUser) { n.Role = "root" }, fault.Invalid},
	} {
		n := accounts.NewUser{Email: "bob@gatehouse.example", Password: adaPassword}
		c.change(&n)
		_, err := w.Accounts.CreateUser(w.ctx, w.admin, n)
		apptest.Want(t, what, err, c.want)
	}
	for _, r := range []access.Role{access.AccountMember, access.AccountAuditor, access.CryptoApp} {
		_, err := w.Accounts.CreateUser(w.ctx, w.User(w.account, r, nil), accounts.NewUser{Email: "bob@gatehouse.example", Password: adaPassword})
		apptest.Want(t, "by "+string(r), err, fault.Denied)
	}
	all, err := w.Accounts.Users(w.ctx, w.admin)
	if apptest.Want(t, "Users", err, ""); len(all) != 2 {
		t.Errorf("got %d users, want the administrator and Ada", len(all))
	}
}

func TestUpdateUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.ada(access.AccountMember)
	ada := w.login(adaEmail, adaPassword)
	g, other := w.AddGroup(w.account, "group"), w.AddGroup(w.AddAccount("other"), "foreign")

	changed, err := w.Accounts.UpdateUser(w.ctx, ada, u.ID, accounts.UserChange{LastName: ptr("Lovelace")})
	if apptest.Want(t, "her own name", err, ""); changed.LastName != "Lovelace" || changed.FirstName != "Ada" {
		t.Errorf("got %+v, want the last name changed", changed)
	}
	for what, ch := range map[string]accounts.UserChange{
		"role":   {Role: ptr(access.AccountAdmin)},
		"groups": {SetGroups: map[id.Group]access.Permissions{g.ID: access.MayManage}},
		"leave":  {RemoveGroups: []id.Group{g.ID}},
		"enable": {Enabled: ptr(true)},
	} {
		_, err := w.Accounts.UpdateUser(w.ctx, ada, u.ID, ch)
		apptest.Want(t, "by herself "+what, err, fault.Denied)
	}
	_, err = w.Accounts.UpdateUser(w.ctx, ada, id.User(w.admin.Principal.ID), accounts.UserChange{LastName: ptr("Lovelace")})
	apptest.Want(t, "another's name", err, fault.Denied)

	changed, err = w.Accounts.UpdateUser(w.ctx, w.admin, u.ID, accounts.UserChange{
		Role: ptr(access.AccountAuditor), SetGroups: map[id.Group]access.Permissions{g.ID: access.MayManage},
	})
	apptest.Want(t, "by an administrator", err, "")
	if diff := cmp.Diff(map[id.Group]access.Permissions{g.ID: access.MayManage}, changed.Groups); diff != "" || changed.Accounts[w.account] != access.AccountAuditor {
		t.Errorf("got role %q and groups (want − got +):\n%s", changed.Accounts[w.account], diff)
	}
	for what, ch := range map[string]accounts.UserChange{
		"another account's group": {SetGroups: map[id.Group]access.Permissions{other.ID: access.MayManage}},
		"no group":                {SetGroups: map[id.Group]access.Permissions{id.Group(w.NewID()): access.MayManage}},
		"leaving another's group": {RemoveGroups: []id.Group{other.ID}},
	} {
		_, err := w.Accounts.UpdateUser(w.ctx, w.admin, u.ID, ch)
		wantAbsent(t, what, err, "group does not exist")
	}
	_, err = w.Accounts.UpdateUser(w.ctx, w.admin, u.ID, accounts.UserChange{Role: ptr(access.CryptoApp)})
	apptest.Want(t, "a role of apps", err, fault.Invalid)
}

func TestDisabledUserIsOutAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.ada(access.AccountMember)
	works := w.session(adaEmail, adaPassword)
	_, err := w.Accounts.UpdateUser(w.ctx, w.admin, u.ID, accounts.UserChange{Enabled: ptr(false)})
	apptest.Want(t, "UpdateUser", err, "")
	apptest.Want(t, "her session", works(), fault.Unauthenticated)
	_, err = w.Accounts.UpdateUser(w.ctx, w.admin, u.ID, accounts.UserChange{Enabled: ptr(true)})
	apptest.Want(t, "UpdateUser", err, "")
	apptest.Want(t, "her session when she is back", works(), "")
}

func TestNobodyLocksAnAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	self := id.User(w.admin.Principal.ID)
	for what, ch := range map[string]accounts.UserChange{
		"disable": {Enabled: ptr(false)}, "demote": {Role: ptr(access.AccountMember)},
	} {
		_, err := w.Accounts.UpdateUser(w.ctx, w.admin, self, ch)
		apptest.Want(t, what+" itself", err, fault.BadState)
	}
	apptest.Want(t, "delete itself", w.Accounts.DeleteUser(w.ctx, w.admin, self), fault.BadState)
	_, err := w.Accounts.UpdateUser(w.ctx, w.admin, self, accounts.UserChange{Role: ptr(access.AccountAdmin), Enabled: ptr(true)})
	apptest.Want(t, "what it is already", err, "")
}

func TestDeleteUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.ada(access.AccountMember)
	works := w.session(adaEmail, adaPassword)
	apptest.Want(t, "by herself", w.Accounts.DeleteUser(w.ctx, w.login(adaEmail, adaPassword), u.ID), fault.Denied)
	apptest.Want(t, "DeleteUser", w.Accounts.DeleteUser(w.ctx, w.admin, u.ID), "")
	apptest.Want(t, "her session", works(), fault.Unauthenticated)
	wantAbsent(t, "a second time", w.Accounts.DeleteUser(w.ctx, w.admin, u.ID), "user does not exist")
	w.ada(access.AccountMember) // her address is free again
	apptest.Want(t, "the session of her who was before", works(), fault.Unauthenticated)
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ada(access.AccountMember)
	ada, works := w.login(adaEmail, adaPassword), w.session(adaEmail, adaPassword)
	apptest.Want(t, "a short one", w.Accounts.ChangePassword(w.ctx, ada, secret.FromString("short")), fault.Invalid)
	apptest.Want(t, "her session", works(), "")
	next := secret.FromString("another one of some length")
	got := w.Recorded(func() { apptest.Want(t, "ChangePassword", w.Accounts.ChangePassword(w.ctx, ada, next), "") })
	if want := []string{"begun password change", "done password change"}; !slices.Equal(got, want) {
		t.Errorf("got the records %q, want %q", got, want)
	}
	apptest.Want(t, "her session", works(), fault.Unauthenticated)
	_, err := w.Sessions.Basic(w.ctx, adaEmail, adaPassword)
	apptest.Want(t, "the old password", err, fault.Unauthenticated)
	w.login(adaEmail, next)
	apptest.Want(t, "of an app", w.Accounts.ChangePassword(w.ctx, w.App(w.account), next), fault.Denied)
}
