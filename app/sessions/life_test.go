package sessions_test

import (
	"slices"
	"testing"
	"time"

	"gatehouse/app/internal/apptest"
	"gatehouse/app/sessions"
	"gatehouse/core/access"
	"gatehouse/core/audit"
	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/secret"
	"gatehouse/simulators/storesim"
)

func TestLifeOfASession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	works := func(token secret.Value) error { _, err := w.Sessions.Bearer(ctx, token); return err }
	first, second := w.open(email, password), w.open(email, password)
	if first.Equal(second) {
		t.Error("two sessions have one token")
	}
	w.Pass(sessions.Lifetime - time.Second)
	apptest.Want(t, "Refresh", w.Sessions.Refresh(ctx, first), "")
	w.Pass(time.Second)
	apptest.Want(t, "the session that was refreshed", works(first), "")
	wantRefused(t, "the one that was not", works(second))
	wantRefused(t, "Refresh of an expired session", w.Sessions.Refresh(ctx, second))
	wantRefused(t, "Refresh of no session", w.Sessions.Refresh(ctx, secret.FromString("none")))

	w.Pass(time.Second)
	apptest.Want(t, "Sweep", w.Sessions.Sweep(ctx), "")
	apptest.Want(t, "a session that Sweep must leave alone", works(first), "")
	if _, err := w.Store.Session(ctx, second.Digest()); fault.KindOf(err) != fault.NotFound {
		t.Errorf("got %v from the store after Sweep, want the expired session gone", err)
	}

	apptest.Want(t, "Terminate", w.Sessions.Terminate(ctx, first), "")
	wantRefused(t, "a session that was ended", works(first))
	wantRefused(t, "Refresh of an ended session", w.Sessions.Refresh(ctx, first))
	apptest.Want(t, "Terminate again", w.Sessions.Terminate(ctx, first), "")
}

func TestASwitchedOffUserKeepsNoSessionAlive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.open(email, password)
	if _, err := w.Catalogue.UpdateUser(t.Context(), w.user, func(u directory.User) (directory.User, error) { u.Enabled = false; return u, nil }); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, "Refresh", w.Sessions.Refresh(t.Context(), token))
	wantRefused(t, "SelectAccount", w.Sessions.SelectAccount(t.Context(), token, w.account))
}

func TestSelectAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	other, foreign, closed := w.AddAccount("other"), w.AddAccount("foreign"), w.AddAccount("closed")
	if _, err := w.Catalogue.UpdateUser(ctx, w.user, func(u directory.User) (directory.User, error) {
		u.Accounts = map[id.Account]access.Role{w.account: access.AccountAdmin, other: access.AccountAuditor, closed: access.AccountAdmin}
		return u, nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Catalogue.UpdateAccount(ctx, closed, func(a directory.Account) (directory.Account, error) { a.Enabled = false; return a, nil }); err != nil {
		t.Fatal(err)
	}
	token := w.open(email, password)
	in := func() (id.Account, access.Role) {
		t.Helper()
		c, err := w.Sessions.Bearer(ctx, token)
		apptest.Want(t, "Bearer", err, "")
		return c.Account, c.Role
	}
	if a, r := in(); a != "" || r != "" {
		t.Errorf("of a user of several accounts: got account %q and role %q, want none before one is selected", a, r)
	}
	apptest.Want(t, "SelectAccount", w.Sessions.SelectAccount(ctx, token, other), "")
	if a, r := in(); a != other || r != access.AccountAuditor {
		t.Errorf("got account %q and role %q, want %q and auditor", a, r, other)
	}
	for what, a := range map[string]id.Account{"another's account": foreign, "a closed account": closed, "no account": id.Account(w.NewID())} {
		err := w.Sessions.SelectAccount(ctx, token, a)
		apptest.Want(t, what, err, fault.NotFound)
		if got := fault.Message(err); got != "account does not exist" {
			t.Errorf("%s: got %q, want it not to exist", what, got)
		}
	}
	if a, _ := in(); a != other {
		t.Errorf("got account %q after refusals, want the one selected before", a)
	}
	w.Restart() // so that nothing is in memory
	w.Store.Fail(storesim.Fault{Call: "Account", Err: storesim.Lost()})
	apptest.Want(t, "while the store is out of reach", w.Sessions.SelectAccount(ctx, token, w.account), fault.Unavailable)

	app := w.open(string(w.app), apiKey)
	apptest.Want(t, "an app's session", w.Sessions.SelectAccount(ctx, app, w.account), fault.Invalid)
	wantRefused(t, "no session", w.Sessions.SelectAccount(ctx, secret.FromString("none"), w.account))
}

func TestLoginsAreRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	t.Run("and no token is given for one that is not", func(t *testing.T) {
		c, err := w.basic(email, password)
		apptest.Want(t, "Basic", err, "")
		w.Store.Fail(storesim.Fault{Call: "AppendAudit", Err: storesim.Lost()})
		opened, err := w.Sessions.Open(t.Context(), c)
		apptest.Want(t, "Open", err, fault.Unavailable)
		if !opened.Token.Empty() {
			t.Error("got a token, want none")
		}
	})
	t.Run("with who it was", func(t *testing.T) {
		for name, pass := range map[string]string{email: password, string(w.app): apiKey} {
			got := w.Records(func() { w.open(name, pass) })
			if len(got) != 1 || got[0].Action != "log in" || got[0].Outcome != audit.Done || got[0].Actor.ID != got[0].Object || got[0].Account != w.account {
				t.Errorf("%s: got %+v, want one record of a login in the account", name, got)
			}
		}
	})
	t.Run("refused ones of who exists together, now and then", func(t *testing.T) {
		got := w.Recorded(func() {
			for range 50 {
				for _, name := range []string{email, string(w.app), "nobody@gatehouse.example", w.NewID()} {
					_, _ = w.basic(name, "wrong")
				}
			}
		})
		if len(got) != 0 {
			t.Errorf("got %q while it went on, want nothing yet: it would tell who exists by the time it takes", got)
		}
		w.Store.Fail(storesim.Fault{Call: "AppendAudit", Skip: 1, Err: storesim.Lost()})
		recorded := w.Records(func() {
			apptest.Want(t, "Sweep while the log cannot be written", w.Sessions.Sweep(t.Context()), fault.Unavailable)
			apptest.Want(t, "Sweep", w.Sessions.Sweep(t.Context()), "")
			apptest.Want(t, "Sweep again", w.Sessions.Sweep(t.Context()), "")
		})
		type line struct {
			actor   string
			account id.Account
			outcome audit.Outcome
			detail  string
		}
		var lines []line
		for _, r := range recorded {
			lines = append(lines, line{r.Actor.ID, r.Account, r.Outcome, r.Detail})
		}
		want := []line{ // the user was throttled after five
			{string(w.user), w.account, audit.Refused, "invalid credentials, 5 times"},
			{string(w.app), w.account, audit.Refused, "invalid credentials, 50 times"},
		}
		if !slices.Equal(lines, want) {
			t.Errorf("got %+v, want %+v", lines, want)
		}
	})
}
