package storetest

import (
	"testing"
	"time"

	"gatehouse/core/access"
	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/secret"
)

func runAccounts(t *testing.T, place func(t *testing.T) Place) {
	t.Run("come back as they were stored, in order of creation", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		first, err := w.Account(ctx, w.account)
		wantDone(t, "Account", err)
		full := directory.Account{
			ID: "0", Name: "Aardvark", Description: "an <account>", CreatedAt: noon(), Enabled: true, Version: 4,
		}
		wantDone(t, "AddAccount", w.AddAccount(ctx, full))
		w.reopen(t)
		list, err := w.ListAccounts(ctx)
		wantDone(t, "ListAccounts", err)
		want(t, "accounts", list, []directory.Account{first, full})
	})

	t.Run("conflict by name", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		err := w.AddAccount(ctx, directory.Account{ID: "other", Name: "Acme"})
		wantFault(t, "AddAccount", err, fault.Conflict, "account already exists")
		other := w.addAccount(t, "Other")
		_, err = w.UpdateAccount(ctx, other, func(a directory.Account) (directory.Account, error) { a.Name = "Acme"; return a, nil })
		wantFault(t, "UpdateAccount", err, fault.Conflict, "account already exists")
	})

	t.Run("change with a new version, or not at all", func(t *testing.T) {
		w := newWorld(t, place)
		versioned(t, w.account, "no such account", "account does not exist", w.Account, w.UpdateAccount,
			func(a directory.Account) int64 { return a.Version },
			func(a *directory.Account) { a.Name, a.Enabled, a.Version = "renamed", false, 99 },
			func(a *directory.Account) { a.Name = "spoiled" },
			func(a *directory.Account) { a.ID = "another" })
	})
}

func (w *world) user(email string) directory.User {
	return directory.User{
		ID: id.User(w.uuid()), Email: email, PasswordHash: "$argon2id$", FirstName: "Zoë", LastName: "<b>", Description: "d",
		CreatedAt: noon(), LastLoginAt: noon().Add(time.Hour), Enabled: true,
		Accounts: map[id.Account]access.Role{w.account: access.AccountAdmin},
		Groups:   map[id.Group]access.Permissions{w.group: access.AllPermissions},
		Version:  2,
	}
}

func runUsers(t *testing.T, place func(t *testing.T) Place) {
	t.Run("come back as they were stored, in order of creation, also after a restart", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		other := w.addAccount(t, "Other")
		full, bare := w.user("z@example.org"), directory.User{ID: "0", Email: "a@example.org"}
		full.Accounts[other] = access.AccountMember
		for _, u := range []directory.User{full, bare} {
			wantDone(t, "AddUser", w.AddUser(ctx, u))
		}
		w.reopen(t)
		for _, u := range []directory.User{full, bare} {
			got, err := w.User(ctx, u.ID)
			wantDone(t, "User", err)
			want(t, "user", got, u)
			got, err = w.UserByEmail(ctx, u.Email)
			wantDone(t, "UserByEmail", err)
			want(t, "user by address", got, u)
		}
		for a, expected := range map[id.Account][]directory.User{
			w.account: {full}, other: {full}, "": {full, bare}, "no such account": {},
		} {
			list, err := w.ListUsers(ctx, a)
			wantDone(t, "ListUsers", err)
			want(t, "users of account "+string(a), list, expected)
		}
	})

	t.Run("conflict by address, and refer to what is there", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		a, b := w.user("a@example.org"), w.user("b@example.org")
		wantDone(t, "AddUser", w.AddUser(ctx, a))
		wantDone(t, "AddUser", w.AddUser(ctx, b))
		wantFault(t, "AddUser", w.AddUser(ctx, w.user("a@example.org")), fault.Conflict, "user already exists")
		_, err := w.UpdateUser(ctx, b.ID, func(u directory.User) (directory.User, error) { u.Email = a.Email; return u, nil })
		wantFault(t, "UpdateUser", err, fault.Conflict, "user already exists")
		lost := w.user("c@example.org")
		lost.Accounts = map[id.Account]access.Role{"no such account": access.AccountAdmin}
		wantFault(t, "no such account", w.AddUser(ctx, lost), fault.NotFound, "account does not exist")
		lost = w.user("c@example.org")
		lost.Groups = map[id.Group]access.Permissions{"no such group": access.MaySign}
		wantFault(t, "no such group", w.AddUser(ctx, lost), fault.NotFound, "group does not exist")
		_, err = w.UserByEmail(ctx, "c@example.org")
		wantFault(t, "UserByEmail after refusals", err, fault.NotFound, "user does not exist")
	})

	t.Run("change with a new version, or not at all", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		u := w.user("a@example.org")
		wantDone(t, "AddUser", w.AddUser(ctx, u))
		other := w.addAccount(t, "Other")
		versioned(t, u.ID, "no such user", "user does not exist", w.User, w.UpdateUser,
			func(u directory.User) int64 { return u.Version },
			func(u *directory.User) {
				u.Accounts = map[id.Account]access.Role{other: access.AccountAuditor}
				u.Groups, u.PasswordHash, u.Version = nil, "", 99
			},
			func(u *directory.User) { u.Accounts["x"], u.Groups["y"] = access.AccountAdmin, access.MaySign },
			func(u *directory.User) { u.ID = "another" })
	})

	t.Run("are forgotten when they are deleted", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		u := w.user("a@example.org")
		wantDone(t, "AddUser", w.AddUser(ctx, u))
		wantDone(t, "DeleteUser", w.DeleteUser(ctx, u.ID))
		_, err := w.User(ctx, u.ID)
		wantFault(t, "User", err, fault.NotFound, "user does not exist")
		wantFault(t, "a second DeleteUser", w.DeleteUser(ctx, u.ID), fault.NotFound, "user does not exist")
		wantDone(t, "AddUser of the same address", w.AddUser(ctx, w.user("a@example.org")))
	})
}

func (w *world) app(name string) directory.App {
	return directory.App{
		ID: id.App(w.uuid()), Account: w.account, Name: name, Description: "d", Type: "t", Interface: "i",
		Role: access.CryptoApp, DefaultGroup: w.group,
		Groups:  map[id.Group]access.Permissions{w.group: access.DefaultPermissions},
		Secret:  secret.Sealed("sealed secret of " + name),
		Creator: id.Principal{Kind: id.UserPrincipal, ID: "u"}, CreatedAt: noon(), LastUsedAt: noon().Add(time.Hour),
		Enabled: true, Version: 2,
	}
}

func runApps(t *testing.T, place func(t *testing.T) Place) {
	t.Run("come back as they were stored, in order of creation, also after a restart", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		other := w.addAccount(t, "Other")
		full, bare := w.app("z"), directory.App{ID: "0", Account: w.account, Name: "a"}
		theirs := directory.App{ID: id.App(w.uuid()), Account: other, Name: "z"} // the same name in another account
		for _, a := range []directory.App{full, bare, theirs} {
			wantDone(t, "AddApp", w.AddApp(ctx, a))
		}
		w.reopen(t)
		for _, a := range []directory.App{full, bare, theirs} {
			got, err := w.App(ctx, a.ID)
			wantDone(t, "App", err)
			want(t, "app", got, a)
		}
		for a, expected := range map[id.Account][]directory.App{
			w.account: {full, bare}, other: {theirs}, "": {full, bare, theirs}, "no such account": {},
		} {
			list, err := w.ListApps(ctx, a)
			wantDone(t, "ListApps", err)
			want(t, "apps of account "+string(a), list, expected)
		}
	})

	t.Run("conflict by name within the account, and refer to what is there", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		a, b := w.app("a"), w.app("b")
		wantDone(t, "AddApp", w.AddApp(ctx, a))
		wantDone(t, "AddApp", w.AddApp(ctx, b))
		wantFault(t, "AddApp", w.AddApp(ctx, w.app("a")), fault.Conflict, "app already exists")
		_, err := w.UpdateApp(ctx, b.ID, func(a directory.App) (directory.App, error) { a.Name = "a"; return a, nil })
		wantFault(t, "UpdateApp", err, fault.Conflict, "app already exists")
		lost := w.app("c")
		lost.Account = "no such account"
		wantFault(t, "no such account", w.AddApp(ctx, lost), fault.NotFound, "account does not exist")
		lost = w.app("c")
		lost.DefaultGroup = "no such group"
		wantFault(t, "no such default group", w.AddApp(ctx, lost), fault.NotFound, "group does not exist")
		lost = w.app("c")
		lost.Groups["no such group"] = access.MaySign
		wantFault(t, "no such group", w.AddApp(ctx, lost), fault.NotFound, "group does not exist")
		_, err = w.App(ctx, lost.ID)
		wantFault(t, "App after refusals", err, fault.NotFound, "app does not exist")
	})

	t.Run("change with a new version, or not at all", func(t *testing.T) {
		w := newWorld(t, place)
		a := w.app("a")
		wantDone(t, "AddApp", w.AddApp(t.Context(), a))
		versioned(t, a.ID, "no such app", "app does not exist", w.App, w.UpdateApp,
			func(a directory.App) int64 { return a.Version },
			func(a *directory.App) {
				a.Name, a.DefaultGroup, a.Groups, a.Secret, a.Version = "renamed", "", nil, secret.Sealed("new"), 99
			},
			func(a *directory.App) { a.Groups["x"], a.Secret[0] = access.MaySign, 'X' },
			func(a *directory.App) { a.Account = "another" })
	})

	t.Run("are forgotten when they are deleted", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		a := w.app("a")
		wantDone(t, "AddApp", w.AddApp(ctx, a))
		wantDone(t, "DeleteApp", w.DeleteApp(ctx, a.ID))
		_, err := w.App(ctx, a.ID)
		wantFault(t, "App", err, fault.NotFound, "app does not exist")
		wantFault(t, "a second DeleteApp", w.DeleteApp(ctx, a.ID), fault.NotFound, "app does not exist")
	})
}
