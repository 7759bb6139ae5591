package sessions_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/app/internal/apptest"
	"gatehouse/app/sessions"
	"gatehouse/core/access"
	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/secret"
	"gatehouse/ports/seal"
)

const (
	email    = "ada@gatehouse.example"
	password = "correct horse battery staple"
	apiKey   = "the second half of an API key"
)

// world is a service with an account, a user and an app.
type world struct {
	*apptest.World
	t       *testing.T
	account id.Account
	group   groups.Group
	user    id.User
	app     id.App
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{World: apptest.New(t), t: t}
	ctx := t.Context()
	w.account = w.AddAccount("main")
	w.group = w.AddGroup(w.account, "group")
	w.user, w.app = id.User(w.NewID()), id.App(w.NewID())
	hash, err := apptest.HashPassword(secret.FromString(password))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := w.Sealer.Seal(seal.AppCredential, string(w.app), secret.FromString(apiKey))
	if err != nil {
		t.Fatal(err)
	}
	may := map[id.Group]access.Permissions{w.group.ID: access.MaySign}
	for _, err := range []error{
		w.Catalogue.AddUser(ctx, directory.User{
			ID: w.user, Email: email, PasswordHash: hash, CreatedAt: w.Now(), Enabled: true,
			Accounts: map[id.Account]access.Role{w.account: access.AccountAdmin}, Groups: may,
		}),
		w.Catalogue.AddApp(ctx, directory.App{
			ID: w.app, Account: w.account, Name: "app", Role: access.CryptoApp, DefaultGroup: w.group.ID, Groups: may,
			Secret: sealed, CreatedAt: w.Now(), Enabled: true,
		}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *world) basic(name, pass string) (access.Caller, error) {
	return w.Sessions.Basic(w.t.Context(), name, secret.FromString(pass))
}

// open opens a session with a credential and returns its token.
func (w *world) open(name, pass string) secret.Value {
	w.t.Helper()
	c, err := w.basic(name, pass)
	if err != nil {
		w.t.Fatal(err)
	}
	o, err := w.Sessions.Open(w.t.Context(), c)
	if err != nil {
		w.t.Fatal(err)
	}
	return o.Token
}

// wantRefused wants the one answer that every wrong credential gets, word by word.
func wantRefused(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil || err.Error() != sessions.ErrCredential().Error() || !errors.Is(err, fault.Unauthenticated) {
		t.Errorf("%s: got %v, want %v", what, err, sessions.ErrCredential())
	}
}

func TestWhoIsAsking(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	may := map[id.Group]access.Permissions{w.group.ID: access.MaySign}
	user := access.Caller{Principal: id.Principal{Kind: id.UserPrincipal, ID: string(w.user)}, Account: w.account, Role: access.AccountAdmin, Groups: may}
	app := access.Caller{
		Principal: id.Principal{Kind: id.AppPrincipal, ID: string(w.app)}, Account: w.account, Role: access.CryptoApp, Groups: may, Default: w.group.ID,
	}
	for _, c := range []struct {
		name, pass string
		want       access.Caller
	}{
		{string(w.app), apiKey, app},
		{email, password, user},
		{strings.ToUpper(email), password, user},
	} {
		got, err := w.basic(c.name, c.pass)
		apptest.Want(t, c.name, err, "")
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s, want − got +:\n%s", c.name, diff)
		}
		got, err = w.Sessions.Bearer(t.Context(), w.open(c.name, c.pass))
		apptest.Want(t, c.name+" by a session", err, "")
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s by a session, want − got +:\n%s", c.name, diff)
		}
	}
}

func TestWrongCredentialsGetOneAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.open(email, password)
	for _, c := range []struct{ what, name, pass string }{
		{"an unknown app", w.NewID(), apiKey},
		{"a wrong API key", string(w.app), apiKey + "!"},
		{"an empty API key", string(w.app), ""},
		{"a user's id", string(w.user), password},
		{"an unknown user", "nobody@gatehouse.example", password},
		{"a wrong password", email, password + "!"},
		{"an empty password", email, ""},
		{"no name", "", password},
	} {
		got, err := w.basic(c.name, c.pass)
		wantRefused(t, c.what, err)
		if diff := cmp.Diff(access.Caller{}, got); diff != "" {
			t.Errorf("%s: got a caller:\n%s", c.what, diff)
		}
	}
	_, err := w.Sessions.Bearer(t.Context(), secret.FromString("no token"))
	wantRefused(t, "an unknown token", err)
	w.Pass(sessions.Lifetime)
	_, err = w.Sessions.Bearer(t.Context(), token)
	wantRefused(t, "an expired token", err)
}

// Whoever is switched off is out at once, with whatever it shows (the emergency brake).
func TestSwitchedOffIsOut(t *testing.T) {
	t.Parallel()
	for what, off := range map[string]func(w *world) error{
		"app": func(w *world) error {
			_, err := w.Catalogue.UpdateApp(w.t.Context(), w.app, func(a directory.App) (directory.App, error) { a.Enabled = false; return a, nil })
			return err
		},
		"user": func(w *world) error {
			_, err := w.Catalogue.UpdateUser(w.t.Context(), w.user, func(u directory.User) (directory.User, error) { u.Enabled = false; return u, nil })
			return err
		},
		"account": func(w *world) error {
			_, err := w.Catalogue.UpdateAccount(w.t.Context(), w.account, func(a directory.Account) (directory.Account, error) { a.Enabled = false; return a, nil })
			return err
		},
		"membership": func(w *world) error {
			_, err := w.Catalogue.UpdateUser(w.t.Context(), w.user, func(u directory.User) (directory.User, error) { u.Accounts = nil; return u, nil })
			return err
		},
		"existence": func(w *world) error {
			return errors.Join(w.Catalogue.DeleteApp(w.t.Context(), w.app), w.Catalogue.DeleteUser(w.t.Context(), w.user))
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			shown := map[string]func() error{}
			for who, c := range map[string][2]string{"app": {string(w.app), apiKey}, "user": {email, password}} {
				token := w.open(c[0], c[1])
				if what == who || what == "account" || what == "existence" {
					shown[who+"'s credential"] = func() error { _, err := w.basic(c[0], c[1]); return err }
				}
				if what == who || what == "account" || what == "existence" || what == "membership" && who == "user" {
					shown[who+"'s session"] = func() error { _, err := w.Sessions.Bearer(t.Context(), token); return err }
				}
			}
			for how, show := range shown {
				apptest.Want(t, how+" before", show(), "")
			}
			if err := off(w); err != nil {
				t.Fatal(err)
			}
			for how, show := range shown {
				wantRefused(t, how, show())
			}
		})
	}
}

// No credential is in an error, however it is printed.
func TestErrorsHoldNoCredential(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const marker = "tr0ub4dor"
	var errs []error
	for _, name := range []string{email, string(w.app), marker + "@gatehouse.example"} {
		for range 9 { // until it is throttled
			_, err := w.basic(name, marker)
			errs = append(errs, err)
		}
	}
	_, err := w.Sessions.Bearer(t.Context(), secret.FromString(marker))
	errs = append(errs, err, w.Sessions.Refresh(t.Context(), secret.FromString(marker)))
	for _, err := range errs {
		if text := fmt.Sprintf("%v %+v %#v %s", err, err, err, fault.Message(err)); err == nil || strings.Contains(text, marker) {
			t.Errorf("got %q, want an error without the credential", text)
		}
	}
}
