package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"gatehouse/adapters/sqlstore"
	"gatehouse/core/audit"
	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/keys"
)

// open opens a store in a new directory, with account "a" and group "g".
func open(tb testing.TB) *sqlstore.Store {
	tb.Helper()
	s, _ := openAt(tb, filepath.Join(tb.TempDir(), "gatehouse.db"))
	return s
}

// openAt is open at a path of the test's choice. It returns what reopens it.
func openAt(tb testing.TB, path string) (s *sqlstore.Store, reopen func() *sqlstore.Store) {
	tb.Helper()
	reopen = func() *sqlstore.Store {
		tb.Helper()
		if s != nil {
			if err := s.Close(); err != nil {
				tb.Errorf("Close: %v", err)
			}
		}
		var err error
		if s, err = sqlstore.Open(tb.Context(), sqlstore.Options{Path: path}); err != nil {
			tb.Fatalf("Open: %v", err)
		}
		return s
	}
	reopen()
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("Close: %v", err)
		}
	})
	if _, err := s.Account(tb.Context(), "a"); errors.Is(err, fault.NotFound) {
		fill(tb, s)
	}
	return s, reopen
}

func fill(tb testing.TB, s *sqlstore.Store) {
	tb.Helper()
	if err := s.AddAccount(tb.Context(), directory.Account{ID: "a", Name: "Acme"}); err != nil {
		tb.Fatalf("AddAccount: %v", err)
	}
	if err := s.AddGroup(tb.Context(), groups.Group{ID: "g", Account: "a", Name: "Keys"}); err != nil {
		tb.Fatalf("AddGroup: %v", err)
	}
}

// raw opens the database as any other program would.
func raw(tb testing.TB, path string) *sql.DB {
	tb.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		tb.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

func mustExec(tb testing.TB, db *sql.DB, query string, args ...any) {
	tb.Helper()
	if _, err := db.ExecContext(tb.Context(), query, args...); err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
}

// errEnd stops a verification at the head that it began with.
var errEnd = errors.New("the end")

// verify reads the audit log up to its head and returns how many records it has
// and what is wrong with it.
func verify(ctx context.Context, s *sqlstore.Store) (records int, err error) {
	head, err := s.AuditHead(ctx)
	if err != nil {
		return 0, err
	}
	v := audit.NewVerifier(audit.Head{})
	err = s.EachAudit(ctx, 1, func(r audit.Record) error {
		if r.Seq > head.Seq {
			return errEnd
		}
		records++
		return v.Next(r)
	})
	if errors.Is(err, errEnd) {
		err = nil
	}
	return records, errors.Join(err, v.End(head))
}

func wantIntact(tb testing.TB, s *sqlstore.Store, records int) {
	tb.Helper()
	n, err := verify(tb.Context(), s)
	if err != nil || n != records {
		tb.Errorf("audit log: got %d records and %v, want %d and a chain", n, err, records)
	}
}

func wantKind(tb testing.TB, what string, err error, kind fault.Kind) {
	tb.Helper()
	if !errors.Is(err, kind) {
		tb.Errorf("%s: got %v, want an error of kind %v", what, err, kind)
	}
}

// block keeps the one who writes busy, until release is called.
func block(tb testing.TB, s *sqlstore.Store) (release func()) {
	tb.Helper()
	k := virtual(1 << 20)
	if err := s.AddKey(tb.Context(), k, ""); err != nil {
		tb.Fatalf("AddKey: %v", err)
	}
	begun, free, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		_, err := s.UpdateKey(context.WithoutCancel(tb.Context()), k.ID, func(k keys.Key) (keys.Key, error) {
			close(begun)
			<-free
			return k, nil
		})
		done <- err
	}()
	<-begun
	return func() {
		tb.Helper()
		close(free)
		if err := <-done; err != nil {
			tb.Errorf("UpdateKey: %v", err)
		}
	}
}

// queued is a context that tells when a call waits for its end: a call of
// AppendAudit does so once it has its place in the queue.
type queued struct {
	context.Context //nolint:containedctx // it is one
	once            func()
}

func (q queued) Done() <-chan struct{} {
	q.once()
	return q.Context.Done()
}

// appendQueued calls AppendAudit for each of the callers, in goroutines, and
// returns their results once all are in the queue. The store must be blocked.
// The first call is taken from the queue alone, the others wait there.
func appendQueued(ctx context.Context, s *sqlstore.Store, r audit.Record, callers int) <-chan error {
	results := make(chan error, callers)
	for n := range callers {
		in := make(chan struct{})
		go func() {
			results <- s.AppendAudit(queued{ctx, sync.OnceFunc(func() { close(in) })}, r)
		}()
		<-in
		for n == 0 && sqlstore.AuditWaiting(s) > 0 {
			runtime.Gosched()
		}
	}
	return results
}
