package accounts_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"gatehouse/app/internal/apptest"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/secret"
	"gatehouse/simulators/storesim"
)

const adminEmail = "admin@gatehouse.example"

// world is a service with its first account.
type world struct {
	*apptest.World
	t        *testing.T
	ctx      context.Context //nolint:containedctx // the test's
	admin    access.Caller
	password secret.Value
	account  id.Account
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{World: apptest.New(t), t: t, ctx: t.Context()}
	var err error
	if w.password, _, err = w.Accounts.FirstAdministrator(w.ctx, "main", adminEmail); err != nil {
		t.Fatal(err)
	}
	w.admin = w.login(adminEmail, w.password)
	w.account = w.admin.Account
	return w
}

func (w *world) login(name string, password secret.Value) access.Caller {
	w.t.Helper()
	c, err := w.Sessions.Basic(w.ctx, name, password)
	if err != nil {
		w.t.Fatalf("logging in as %s: %v", name, err)
	}
	return c
}

// session opens a session and returns a function that tells whether it still works.
func (w *world) session(name string, password secret.Value) func() error {
	w.t.Helper()
	o, err := w.Sessions.Open(w.ctx, w.login(name, password))
	if err != nil {
		w.t.Fatal(err)
	}
	return func() error { _, err := w.Sessions.Bearer(w.ctx, o.Token); return err }
}

// wantAbsent wants the answer that what does not exist gets, word by word.
func wantAbsent(t *testing.T, what string, err error, message string) {
	t.Helper()
	apptest.Want(t, what, err, fault.NotFound)
	if got := fault.Message(err); got != message {
		t.Errorf("%s: got %q, want %q", what, got, message)
	}
}

func TestFirstAdministrator(t *testing.T) {
	t.Parallel()
	t.Run("is made once", func(t *testing.T) {
		t.Parallel()
		w := &world{World: apptest.New(t), t: t, ctx: t.Context()}
		recorded := w.Recorded(func() {
			password, made, err := w.Accounts.FirstAdministrator(w.ctx, "main", adminEmail)
			if err != nil || !made || password.Len() < 20 {
				t.Errorf("got made %t, %d bytes of password and error %v, want an administrator", made, password.Len(), err)
			}
			c := w.login(adminEmail, password)
			if acct, err := w.Accounts.Account(w.ctx, c, c.Account); err != nil || acct.Name != "main" || c.Role != access.AccountAdmin {
				t.Errorf("got account %+v, role %q and error %v, want the administrator of main", acct, c.Role, err)
			}
		})
		want := []string{"begun account create", "done account create", "begun user create", "done user create"}
		if !slices.Equal(recorded, want) {
			t.Errorf("got the records %q, want %q", recorded, want)
		}
		for range 2 {
			password, made, err := w.Accounts.FirstAdministrator(w.ctx, "other", "other@gatehouse.example")
			if err != nil || made || !password.Empty() {
				t.Errorf("a later start: got made %t and error %v, want nothing made", made, err)
			}
			w.Restart()
		}
	})

	t.Run("is made by a start that follows one that was cut off", func(t *testing.T) {
		t.Parallel()
		for _, f := range []storesim.Fault{
			{Call: "AddAccount"},
			{Call: "AddAccount", Apply: true},
			{Call: "AddUser"},
			{Call: "AppendAudit"},
			{Call: "AppendAudit", Skip: 1, Apply: true},
			{Call: "AppendAudit", Skip: 2},
		} {
			w := &world{World: apptest.New(t), t: t, ctx: t.Context()}
			what := fmt.Sprintf("%+v", f)
			f.Err = storesim.Lost()
			w.Store.Fail(f)
			password, made, err := w.Accounts.FirstAdministrator(w.ctx, "main", adminEmail)
			apptest.Want(t, what, err, fault.Unavailable)
			if made || !password.Empty() {
				t.Errorf("%s: got made %t, want no administrator yet", what, made)
			}
			w.Restart()
			password, made, err = w.Accounts.FirstAdministrator(w.ctx, "main", adminEmail)
			if err != nil || !made {
				t.Fatalf("%s: got made %t and error %v from the next start, want an administrator", what, made, err)
			}
			c := w.login(adminEmail, password)
			all, err := w.Store.ListAccounts(w.ctx)
			if err != nil || len(all) != 1 || all[0].ID != c.Account {
				t.Errorf("%s: got accounts %+v and error %v, want the one of the administrator", what, all, err)
			}
		}
	})

	t.Run("leaves nothing behind when its name or the account's is none", func(t *testing.T) {
		t.Parallel()
		w := apptest.New(t)
		for account, email := range map[string]string{"main": "no address", " ": adminEmail} {
			_, _, err := w.Accounts.FirstAdministrator(t.Context(), account, email)
			apptest.Want(t, account+email, err, fault.Invalid)
		}
		if n := w.Store.Writes(); n != 0 {
			t.Errorf("got %d writes, want none", n)
		}
	})
}
