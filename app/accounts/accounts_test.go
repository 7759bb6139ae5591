package accounts_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/app/accounts"
	"gatehouse/app/internal/apptest"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/id"
)

func TestAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, err := w.Accounts.CreateAccount(w.ctx, w.admin, "second", "of the same people")
	apptest.Want(t, "CreateAccount", err, "")
	all, err := w.Accounts.Accounts(w.ctx, w.admin)
	if err != nil || len(all) != 2 || all[0].ID != w.account || all[1].Name != "second" {
		t.Errorf("got %+v and error %v, want both accounts", all, err)
	}
	roles, err := w.Accounts.Memberships(w.ctx, w.admin)
	apptest.Want(t, "Memberships", err, "")
	want := map[id.Account]access.Role{w.account: access.AccountAdmin, made.ID: access.AccountAdmin}
	if diff := cmp.Diff(want, roles); diff != "" {
		t.Errorf("memberships, want − got +:\n%s", diff)
	}
	_, err = w.Accounts.CreateAccount(w.ctx, w.admin, "second", "")
	apptest.Want(t, "a name that is taken", err, fault.Conflict)
	_, err = w.Accounts.CreateAccount(w.ctx, w.admin, "two\nlines", "")
	apptest.Want(t, "no name", err, fault.Invalid)

	member := w.ada(access.AccountMember)
	ada := w.login(adaEmail, adaPassword)
	for what, c := range map[string]access.Caller{"a member": ada, "an app": w.App(w.account), "an admin app": {
		Principal: id.Principal{Kind: id.AppPrincipal, ID: w.NewID()}, Account: w.account, Role: access.AdminApp,
	}} {
		_, err := w.Accounts.CreateAccount(w.ctx, c, "third", "")
		apptest.Want(t, "CreateAccount by "+what, err, fault.Denied)
	}
	_, err = w.Accounts.UpdateAccount(w.ctx, ada, w.account, accounts.AccountChange{Name: ptr("mine")})
	apptest.Want(t, "UpdateAccount by a member", err, fault.Denied)
	changed, err := w.Accounts.UpdateAccount(w.ctx, w.admin, w.account, accounts.AccountChange{Name: ptr("renamed")})
	if apptest.Want(t, "UpdateAccount", err, ""); changed.Name != "renamed" {
		t.Errorf("got %+v, want it renamed", changed)
	}
	_, err = w.Accounts.UpdateAccount(w.ctx, w.admin, w.account, accounts.AccountChange{Name: ptr("")})
	apptest.Want(t, "UpdateAccount to no name", err, fault.Invalid)
	if member.Accounts[made.ID] != "" {
		t.Error("a member of one account got into another")
	}
}

// What lies outside the caller's account answers as what does not exist.
func TestOutsidersSeeNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u, app := w.ada(access.AccountMember), w.newApp("app")
	outsider := w.Admin(w.AddAccount("elsewhere"))
	nobody := w.NewID()

	for _, user := range []id.User{u.ID, id.User(nobody)} {
		_, err := w.Accounts.User(w.ctx, outsider, user)
		wantAbsent(t, "User", err, "user does not exist")
		_, err = w.Accounts.UpdateUser(w.ctx, outsider, user, accounts.UserChange{FirstName: ptr("x")})
		wantAbsent(t, "UpdateUser", err, "user does not exist")
		wantAbsent(t, "DeleteUser", w.Accounts.DeleteUser(w.ctx, outsider, user), "user does not exist")
	}
	for _, a := range []id.App{app.ID, id.App(nobody)} {
		_, err := w.Accounts.App(w.ctx, outsider, a)
		wantAbsent(t, "App", err, "app does not exist")
		_, err = w.Accounts.UpdateApp(w.ctx, outsider, a, accounts.AppChange{Name: ptr("x")})
		wantAbsent(t, "UpdateApp", err, "app does not exist")
		_, err = w.Accounts.ResetSecret(w.ctx, outsider, a, 0)
		wantAbsent(t, "ResetSecret", err, "app does not exist")
		v, err := w.Accounts.Credential(w.ctx, outsider, a)
		wantAbsent(t, "Credential", err, "app does not exist")
		if !v.Empty() {
			t.Error("an outsider got a credential")
		}
		wantAbsent(t, "DeleteApp", w.Accounts.DeleteApp(w.ctx, outsider, a), "app does not exist")
	}
	for _, a := range []id.Account{outsider.Account, id.Account(nobody)} {
		_, err := w.Accounts.Account(w.ctx, w.admin, a)
		wantAbsent(t, "Account", err, "account does not exist")
		_, err = w.Accounts.UpdateAccount(w.ctx, w.admin, a, accounts.AccountChange{Name: ptr("x")})
		wantAbsent(t, "UpdateAccount", err, "account does not exist")
	}
	users, err := w.Accounts.Users(w.ctx, outsider)
	if apptest.Want(t, "Users", err, ""); len(users) != 0 {
		t.Errorf("an outsider sees %d users", len(users))
	}
	apps, err := w.Accounts.Apps(w.ctx, outsider)
	if apptest.Want(t, "Apps", err, ""); len(apps) != 0 {
		t.Errorf("an outsider sees %d apps", len(apps))
	}
	unselected := access.Caller{Principal: w.admin.Principal}
	_, err = w.Accounts.Users(w.ctx, unselected)
	apptest.Want(t, "Users before an account is selected", err, fault.Denied)
	_, err = w.Accounts.Apps(w.ctx, unselected)
	apptest.Want(t, "Apps before an account is selected", err, fault.Denied)
}

// A user of two accounts belongs to both: neither's administrators decide for the other.
func TestUserOfTwoAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.ada(access.AccountAdmin)
	ada := w.login(adaEmail, adaPassword)
	g := w.AddGroup(w.account, "group")
	second, err := w.Accounts.CreateAccount(w.ctx, ada, "second", "")
	apptest.Want(t, "CreateAccount", err, "")
	elsewhere := w.AddGroup(second.ID, "elsewhere")
	both := map[id.Group]access.Permissions{}
	for account, group := range map[id.Account]id.Group{w.account: g.ID, second.ID: elsewhere.ID} {
		both[group] = access.MayManage
		_, err := w.Accounts.UpdateUser(w.ctx, w.Admin(account), u.ID, accounts.UserChange{SetGroups: map[id.Group]access.Permissions{group: access.MayManage}})
		apptest.Want(t, "UpdateUser", err, "")
	}
	if got, err := w.Accounts.User(w.ctx, w.admin, u.ID); err != nil || cmp.Diff(both, got.Groups) != "" {
		t.Errorf("got groups %v and error %v, want those of both accounts", got.Groups, err)
	}
	_, err = w.Accounts.UpdateUser(w.ctx, w.admin, u.ID, accounts.UserChange{Enabled: ptr(false)})
	apptest.Want(t, "disabling by one account", err, fault.BadState)

	apptest.Want(t, "DeleteUser", w.Accounts.DeleteUser(w.ctx, w.admin, u.ID), "")
	_, err = w.Accounts.User(w.ctx, w.admin, u.ID)
	wantAbsent(t, "after it has left", err, "user does not exist")
	left, err := w.Accounts.User(w.ctx, w.Admin(second.ID), u.ID)
	apptest.Want(t, "in the other account", err, "")
	if diff := cmp.Diff(map[id.Group]access.Permissions{elsewhere.ID: access.MayManage}, left.Groups); diff != "" {
		t.Errorf("groups left, want − got +:\n%s", diff)
	}
	if c := w.login(adaEmail, adaPassword); c.Account != second.ID {
		t.Errorf("got account %q, want the one that is left", c.Account)
	}
}
