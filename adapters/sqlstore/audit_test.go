package sqlstore_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"gatehouse/core/audit"
	"gatehouse/core/fault"
)

func TestTamperedAuditLog(t *testing.T) {
	t.Parallel()
	for name, try := range map[string]struct {
		spoil string
		want  audit.Damage
	}{
		"a changed record":             {"UPDATE audit SET outcome = 'refused' WHERE seq = 5", audit.Changed},
		"a changed time":               {"UPDATE audit SET at = at + 1 WHERE seq = 5", audit.Changed},
		"a changed hash":               {"UPDATE audit SET hash = prev WHERE seq = 5", audit.Changed},
		"a hash of another length":     {"UPDATE audit SET hash = x'00' WHERE seq = 5", audit.Changed},
		"a missing record":             {"DELETE FROM audit WHERE seq = 5", audit.Missing},
		"missing records at the begin": {"DELETE FROM audit WHERE seq < 5", audit.Missing},
		"a cut tail":                   {"DELETE FROM audit WHERE seq > 5", audit.CutTail},
		"an empty log":                 {"DELETE FROM audit", audit.CutTail},
		"records out of order":         {"UPDATE audit SET seq = CASE seq WHEN 5 THEN -6 WHEN 6 THEN -5 ELSE seq END; UPDATE audit SET seq = -seq WHERE seq < 0", audit.Changed},
		"a record put in":              {"UPDATE audit SET seq = -seq - 1 WHERE seq > 5; INSERT INTO audit SELECT 6, at, 'x', account_id, actor_kind, actor_id, action, object, group_id, outcome, detail, prev, hash FROM audit WHERE seq = 5; UPDATE audit SET seq = -seq WHERE seq < 0", audit.Changed},
		"a changed head":               {"UPDATE audit_head SET hash = zeroblob(32)", audit.Changed},
	} {
		t.Run(name+" is found, and still after more was appended", func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "gatehouse.db")
			s, reopen := openAt(t, path)
			for range 9 {
				if err := s.AppendAudit(t.Context(), signed()); err != nil {
					t.Fatal(err)
				}
			}
			wantIntact(t, s, 9)
			mustExec(t, raw(t, path), try.spoil)
			if _, err := verify(t.Context(), s); !errors.Is(err, try.want) || !errors.Is(err, fault.Internal) {
				t.Errorf("got %v, want damage %q", err, try.want)
			}
			s = reopen()
			err := s.AppendAudit(t.Context(), signed())
			if err != nil {
				wantKind(t, "AppendAudit", err, fault.Internal)
			}
			if _, err := verify(t.Context(), s); err == nil {
				t.Error("got no damage after another record, want it to stay visible")
			}
		})
	}

	t.Run("without a head, or beyond it, nothing is appended", func(t *testing.T) {
		t.Parallel()
		for _, spoil := range []string{"DELETE FROM audit_head", "UPDATE audit_head SET seq = 1"} {
			path := filepath.Join(t.TempDir(), "gatehouse.db")
			s, reopen := openAt(t, path)
			if err := s.AppendAudit(t.Context(), signed(), signed()); err != nil {
				t.Fatal(err)
			}
			mustExec(t, raw(t, path), spoil)
			s = reopen()
			wantKind(t, "AppendAudit after "+spoil, s.AppendAudit(t.Context(), signed()), fault.Internal)
		}
	})
}

func TestGroupCommit(t *testing.T) {
	t.Parallel()

	t.Run("those who wait share a transaction", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "gatehouse.db")
		s, _ := openAt(t, path)
		release := block(t, s)
		const callers = 100
		results := appendQueued(t.Context(), s, signed(), callers)
		before := size(t, path+"-wal")
		release()
		for range callers {
			if err := <-results; err != nil {
				t.Errorf("AppendAudit: %v", err)
			}
		}
		wantIntact(t, s, callers)
		// a transaction writes two pages of 4 KiB at least: those of the record and of the head
		if grown := size(t, path+"-wal") - before; grown >= callers*2*4096 {
			t.Errorf("the log grew by %d bytes for %d records, which is a transaction for each", grown, callers)
		}
	})

	t.Run("who gives up in time leaves no record", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		release := block(t, s)
		stays := appendQueued(t.Context(), s, signed(), 2)
		ctx, cancel := context.WithCancel(t.Context())
		leaves := make(chan error, 3)
		for range cap(leaves) {
			in := make(chan struct{})
			go func() {
				leaves <- s.AppendAudit(queued{ctx, sync.OnceFunc(func() { close(in) })}, signed(), signed())
			}()
			<-in
		}
		cancel()
		for range cap(leaves) {
			wantKind(t, "AppendAudit that was given up", <-leaves, fault.Unavailable)
		}
		release()
		for range cap(stays) {
			if err := <-stays; err != nil {
				t.Errorf("AppendAudit of another: %v", err)
			}
		}
		wantIntact(t, s, 2)
	})

	t.Run("others write while many append", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				for ctx.Err() == nil {
					if err := s.AppendAudit(ctx, signed()); err != nil && ctx.Err() == nil {
						t.Errorf("AppendAudit: %v", err)
						return
					}
				}
			})
		}
		for n := range 50 {
			if err := s.AddKey(t.Context(), virtual(n), ""); err != nil {
				t.Errorf("AddKey: %v", err)
			}
		}
		stop()
		wg.Wait()
		if _, err := verify(t.Context(), s); err != nil {
			t.Errorf("audit log: %v", err)
		}
	})
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
