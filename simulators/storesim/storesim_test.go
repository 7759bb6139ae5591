package storesim_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"gatehouse/adapters/sqlstore"
	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/ports/store"
	"gatehouse/ports/store/storetest"
	"gatehouse/simulators/storesim"
)

func open(t *testing.T, path string) (*storesim.Store, error) {
	t.Helper()
	s, err := sqlstore.Open(context.WithoutCancel(t.Context()), sqlstore.Options{Path: path})
	if err != nil {
		return nil, err
	}
	return storesim.New(s), nil
}

// Without faults it is the store behind it in every respect.
func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Place {
		path := filepath.Join(t.TempDir(), "gatehouse.db")
		return func() (store.Store, error) { return open(t, path) }
	})
}

func TestFaults(t *testing.T) {
	t.Parallel()
	s, err := open(t, filepath.Join(t.TempDir(), "gatehouse.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	ctx := t.Context()
	add := func(a id.Account) error { return s.AddAccount(ctx, directory.Account{ID: a, Name: string(a)}) }
	there := func(a id.Account) bool { _, err := s.Account(ctx, a); return err == nil }

	s.Fail(storesim.Fault{Call: "AddAccount", Skip: 1, Err: storesim.Lost()})
	if err := add("passes"); err != nil {
		t.Errorf("the call that is let through: got %v, want no error", err)
	}
	if err := add("refused"); !errors.Is(err, fault.Unavailable) || there("refused") {
		t.Errorf("a call that fails: got %v and stored %t, want a failure and nothing stored", err, there("refused"))
	}
	s.Fail(storesim.Fault{Call: "AddAccount", Apply: true, Err: storesim.Lost()})
	if err := add("applied"); !errors.Is(err, fault.Unavailable) || !there("applied") {
		t.Errorf("a call that fails afterwards: got %v and stored %t, want a failure all the same", err, there("applied"))
	}
	if err := add("later"); err != nil {
		t.Errorf("after the faults: got %v, want no error", err)
	}
	if got, calls := s.Writes(), s.Calls()["AddAccount"]; got != 4 || calls != 4 {
		t.Errorf("got %d writes and %d calls, want 4", got, calls)
	}

	moment := false
	s.Fail(storesim.Fault{Call: "Account", Before: func() { moment = add("meanwhile") == nil }})
	if !there("meanwhile") || !moment {
		t.Error("what happens before a call was not seen by it")
	}

	s.Fail(storesim.Fault{Stays: true, Err: storesim.Lost()})
	if err := add("dead"); !errors.Is(err, fault.Unavailable) || there("later") {
		t.Errorf("a dead store: got %v, want every call to fail", err)
	}
	if left := s.Clear(); len(left) != 1 || !there("later") {
		t.Errorf("got %d faults left, want the one that stays, and a store that works again", len(left))
	}
}
