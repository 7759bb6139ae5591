// Package storetest is the conformance suite of the port store: what every
// implementation must do, told as tests. Implementations call Run from a test
// of their own.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/ports/store"
)

// Place is where a store lives. It opens the store: empty at first, and after a
// Close with what was stored before.
type Place func() (store.Store, error)

// Run runs the suite. Every test gets a new place.
func Run(t *testing.T, place func(t *testing.T) Place) {
	t.Run("keys", func(t *testing.T) { runKeys(t, place) })
	t.Run("changes of keys", func(t *testing.T) { runKeyChanges(t, place) })
	t.Run("lives of keys", func(t *testing.T) { runLives(t, place) })
	t.Run("syncs", func(t *testing.T) { runSyncs(t, place) })
	t.Run("lists of keys", func(t *testing.T) { runLists(t, place) })
	t.Run("groups", func(t *testing.T) { runGroups(t, place) })
	t.Run("accounts", func(t *testing.T) { runAccounts(t, place) })
	t.Run("users", func(t *testing.T) { runUsers(t, place) })
	t.Run("apps", func(t *testing.T) { runApps(t, place) })
	t.Run("sessions", func(t *testing.T) { runSessions(t, place) })
	t.Run("scans", func(t *testing.T) { runScans(t, place) })
	t.Run("intents", func(t *testing.T) { runIntents(t, place) })
	t.Run("audit", func(t *testing.T) { runAudit(t, place) })
	t.Run("settings", func(t *testing.T) { runSettings(t, place) })
	t.Run("reseal", func(t *testing.T) { runReseal(t, place) })
	t.Run("contexts and closing", func(t *testing.T) { runLife(t, place) })
}

// world is a store with an account and a group in it.
type world struct {
	store.Store
	open    Place
	account id.Account
	group   id.Group
	ids     int
}

func newWorld(t *testing.T, place func(t *testing.T) Place) *world {
	t.Helper()
	w := &world{open: place(t)}
	w.reopen(t)
	w.account = w.addAccount(t, "Acme")
	w.group = w.addGroup(t, w.account, "Keys")
	return w
}

// reopen closes the store, if it is open, and opens it again.
func (w *world) reopen(t *testing.T) {
	t.Helper()
	if w.Store != nil {
		if err := w.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	s, err := w.open()
	if err != nil {
		t.Fatalf("opening the store: %v", err)
	}
	w.Store = s
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

// uuid returns an id that the world has not seen. Later ones are greater.
func (w *world) uuid() string {
	w.ids++
	return fmt.Sprintf("%08x-0000-4000-8000-00000000abcd", w.ids)
}

func (w *world) addAccount(t *testing.T, name string) id.Account {
	t.Helper()
	a := directory.Account{ID: id.Account(w.uuid()), Name: name, CreatedAt: noon(), Enabled: true, Version: 1}
	if err := w.AddAccount(t.Context(), a); err != nil {
		t.Fatalf("AddAccount: %v", err)
	}
	return a.ID
}

func (w *world) addGroup(t *testing.T, a id.Account, name string) id.Group {
	t.Helper()
	g := groups.Group{ID: id.Group(w.uuid()), Account: a, Name: name, CreatedAt: noon(), Version: 1}
	if err := w.AddGroup(t.Context(), g); err != nil {
		t.Fatalf("AddGroup: %v", err)
	}
	return g.ID
}

// key returns a small ordinary key of the world's group.
func (w *world) key(name string) keys.Key {
	return keys.Key{
		ID: id.Key(w.uuid()), Account: w.account, Group: w.group, Name: name, Type: keys.AES, Size: 256,
		Ops: keys.OpEncrypt | keys.OpDecrypt, State: keys.Active, Enabled: true, Origin: keys.OriginGenerated,
		Creator: id.Principal{Kind: id.AppPrincipal, ID: "11111111-0000-4000-8000-000000000000"},
		KCV:     "0a1b2c", CreatedAt: noon(), Material: secret.Sealed("sealed " + name), Version: 1,
	}
}

func (w *world) addKey(t *testing.T, name string) keys.Key {
	t.Helper()
	k := w.key(name)
	w.mustAdd(t, k)
	return k
}

func (w *world) mustAdd(t *testing.T, k keys.Key) {
	t.Helper()
	if err := w.AddKey(t.Context(), k, ""); err != nil {
		t.Fatalf("AddKey: %v", err)
	}
}

// noon is a time with all the precision that is kept.
func noon() time.Time { return time.Date(2026, 11, 5, 12, 0, 0, 123456000, time.UTC) }

// want checks a value.
func want[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s, want − got +:\n%s", what, diff)
	}
}

// wantFault checks the kind of an error, and its message unless that is empty.
func wantFault(t *testing.T, what string, err error, kind fault.Kind, message string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: got no error, want %v", what, kind)
		return
	}
	if !errors.Is(err, kind) {
		t.Errorf("%s: got %v (%v), want %v", what, fault.KindOf(err), err, kind)
	}
	if got := fault.Message(err); message != "" && got != message {
		t.Errorf("%s: got the message %q, want %q", what, got, message)
	}
}

// wantDone checks that there is no error.
func wantDone(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: got %v, want no error", what, err)
	}
}

// errChange is what a change closure refuses with.
var errChange = errors.New("refused by the change")

// refusing returns a change that spoils its value and refuses.
func refusing[T any](spoil func(*T)) func(T) (T, error) {
	return func(v T) (T, error) {
		spoil(&v)
		return v, errChange
	}
}

// versioned checks what is common to all updates: the value changes, its version
// grows by one, times keep to the microsecond, a refused change leaves it alone,
// what is not there is not found.
func versioned[ID, T any](
	t *testing.T, known, unknown ID, notFound string,
	read func(context.Context, ID) (T, error),
	update func(context.Context, ID, func(T) (T, error)) (T, error),
	version func(T) int64, change, spoil, steal func(*T),
) {
	t.Helper()
	ctx := t.Context()
	before, err := read(ctx, known)
	if err != nil {
		t.Fatalf("reading what is to be updated: %v", err)
	}
	expected, _ := read(ctx, known)
	change(&expected)

	_, err = update(ctx, known, refusing(spoil))
	if err != errChange { //nolint:errorlint // as it is, not wrapped
		t.Errorf("a refused change: got %v, want the error of the change as it is", err)
	}
	if after, err := read(ctx, known); err != nil {
		t.Errorf("reading after a refused change: %v", err)
	} else {
		want(t, "value after a refused change", after, before)
	}

	_, err = update(ctx, known, func(v T) (T, error) { steal(&v); return v, nil })
	wantFault(t, "a change of identity", err, fault.Internal, "")

	got, err := update(ctx, known, func(v T) (T, error) { change(&v); return v, nil })
	wantDone(t, "update", err)
	if n := version(got); n != version(before)+1 {
		t.Errorf("version: got %d, want %d", n, version(before)+1)
	}
	after, err := read(ctx, known)
	wantDone(t, "reading after an update", err)
	want(t, "what was read and what the update returned", after, got)
	if cmp.Equal(after, before) {
		t.Error("got the value from before the update, want another one")
	}

	_, err = update(ctx, unknown, func(v T) (T, error) { t.Error("the change of nothing was called"); return v, nil })
	wantFault(t, "update of what is not there", err, fault.NotFound, notFound)
	_, err = read(ctx, unknown)
	wantFault(t, "reading what is not there", err, fault.NotFound, notFound)
}
