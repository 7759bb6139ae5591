package sqlstore_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/adapters/sqlstore"
	"gatehouse/core/fault"
	"gatehouse/core/keys"
)

func rename(k keys.Key) (keys.Key, error) { k.Name += "!"; return k, nil }

func TestLockedByAnotherProgram(t *testing.T) {
	t.Parallel()
	// locked returns a store whose database another program has locked.
	locked := func(t *testing.T, patience time.Duration) (s *sqlstore.Store, k keys.Key, unlock func()) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "gatehouse.db")
		s, err := sqlstore.Open(t.Context(), sqlstore.Options{Path: path, Patience: patience})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		fill(t, s)
		k = virtual(1)
		if err := s.AddKey(t.Context(), k, ""); err != nil {
			t.Fatal(err)
		}
		db := raw(t, path)
		mustExec(t, db, "BEGIN IMMEDIATE")
		return s, k, func() { mustExec(t, db, "ROLLBACK") }
	}

	t.Run("a write waits, and reads do not", func(t *testing.T) {
		t.Parallel()
		s, k, unlock := locked(t, time.Minute)
		done := make(chan error)
		go func() {
			_, err := s.UpdateKey(t.Context(), k.ID, rename)
			done <- err
		}()
		for range 10 {
			got, err := s.Key(t.Context(), k.ID)
			if err != nil || got.Name != k.Name {
				t.Errorf("Key: got %q and %v, want %q", got.Name, err, k.Name)
			}
		}
		select {
		case err := <-done:
			t.Errorf("UpdateKey came back while the database was locked: %v", err)
		default:
		}
		unlock()
		if err := <-done; err != nil {
			t.Errorf("UpdateKey: %v", err)
		}
	})

	t.Run("a write gives up after its patience", func(t *testing.T) {
		t.Parallel()
		s, k, unlock := locked(t, time.Millisecond)
		_, err := s.UpdateKey(t.Context(), k.ID, rename)
		wantKind(t, "UpdateKey", err, fault.Unavailable)
		wantKind(t, "AppendAudit", s.AppendAudit(t.Context(), signed()), fault.Unavailable)
		unlock()
		if _, err := s.UpdateKey(t.Context(), k.ID, rename); err != nil {
			t.Errorf("UpdateKey afterwards: %v", err)
		}
		if err := s.AppendAudit(t.Context(), signed()); err != nil {
			t.Errorf("AppendAudit afterwards: %v", err)
		}
		wantIntact(t, s, 1)
	})

	t.Run("a write ends with its context", func(t *testing.T) {
		t.Parallel()
		s, k, unlock := locked(t, time.Hour)
		defer unlock()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := s.UpdateKey(ctx, k.ID, rename)
		wantKind(t, "UpdateKey", err, fault.Unavailable)
		wantKind(t, "AppendAudit", s.AppendAudit(ctx, signed()), fault.Unavailable)
	})
}

func TestDiskFull(t *testing.T) {
	t.Parallel()
	s, reopen := openAt(t, filepath.Join(t.TempDir(), "gatehouse.db"))
	ctx := t.Context()
	if err := s.AppendAudit(ctx, signed()); err != nil {
		t.Fatal(err)
	}
	k := virtual(1)
	if err := s.AddKey(ctx, k, ""); err != nil {
		t.Fatal(err)
	}

	if err := sqlstore.LimitPages(ctx, s, 0); err != nil {
		t.Fatal(err)
	}
	big := signed()
	big.Detail = string(make([]byte, 10_000))
	wantKind(t, "AppendAudit", s.AppendAudit(ctx, big), fault.Unavailable)
	wantKind(t, "SyncKeys", s.SyncKeys(ctx, estate(200)[2:], nil), fault.Unavailable)
	_, err := s.UpdateKey(ctx, k.ID, func(k keys.Key) (keys.Key, error) { k.Description = big.Detail; return k, nil })
	wantKind(t, "UpdateKey", err, fault.Unavailable)
	if got, err := s.Key(ctx, k.ID); err != nil || got.Version != k.Version {
		t.Errorf("Key while the disk is full: got version %d and %v, want %d", got.Version, err, k.Version)
	}

	// everyone who shares a transaction shares its error
	release := block(t, s)
	const callers = 20
	results := appendQueued(context.WithoutCancel(ctx), s, big, callers)
	release()
	for range callers {
		wantKind(t, "AppendAudit with others", <-results, fault.Unavailable)
	}

	if err := sqlstore.LimitPages(ctx, s, -1); err != nil {
		t.Fatal(err)
	}
	if err := s.AppendAudit(ctx, big); err != nil {
		t.Errorf("AppendAudit with room again: %v", err)
	}
	if err := s.SyncKeys(ctx, estate(200)[2:], nil); err != nil {
		t.Errorf("SyncKeys with room again: %v", err)
	}
	wantIntact(t, s, 2)
	wantIntact(t, reopen(), 2)
}
