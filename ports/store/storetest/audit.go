package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"gatehouse/core/audit"
	"gatehouse/core/fault"
	"gatehouse/core/id"
)

func record(n int) audit.Record {
	return audit.Record{
		At: noon().Add(time.Duration(n) * time.Second), Correlation: fmt.Sprint(n), Account: "a",
		Actor: id.Principal{Kind: id.AppPrincipal, ID: "app"}, Action: "sign", Object: "key\x00<é>", Group: "g",
		Outcome: audit.Done, Detail: "\xff" + fmt.Sprint(n),
	}
}

// log reads the whole log and checks that it is a chain that ends at its head.
func (w *world) log(t *testing.T) []audit.Record {
	t.Helper()
	head, err := w.AuditHead(t.Context())
	wantDone(t, "AuditHead", err)
	var log []audit.Record
	v := audit.NewVerifier(audit.Head{})
	err = w.EachAudit(t.Context(), 1, func(r audit.Record) error {
		log = append(log, r)
		return v.Next(r)
	})
	wantDone(t, "the chain", err)
	wantDone(t, "the end of the chain", v.End(head))
	return log
}

func runAudit(t *testing.T, place func(t *testing.T) Place) {
	t.Run("begins empty", func(t *testing.T) {
		w := newWorld(t, place)
		want(t, "records", len(w.log(t)), 0)
		head, err := w.AuditHead(t.Context())
		wantDone(t, "AuditHead", err)
		want(t, "head", head, audit.Head{})
	})

	t.Run("links records in the order given, also after a restart", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		var expected []audit.Record
		head := audit.Head{}
		expect := func(records ...audit.Record) []audit.Record {
			for _, r := range records {
				r = audit.Link(r, head.Seq+1, head.Hash)
				head = audit.Head{Seq: r.Seq, Hash: r.Hash}
				expected = append(expected, r)
			}
			return records
		}
		wantDone(t, "AppendAudit", w.AppendAudit(ctx, expect(record(1))...))
		wantDone(t, "AppendAudit", w.AppendAudit(ctx))
		wantDone(t, "AppendAudit", w.AppendAudit(ctx, expect(record(3), record(2), audit.Record{At: noon()})...))
		w.reopen(t)
		wantDone(t, "AppendAudit", w.AppendAudit(ctx, expect(record(4))...))
		want(t, "log", w.log(t), expected)
	})

	t.Run("takes more than fits one transaction", func(t *testing.T) {
		w := newWorld(t, place)
		many := make([]audit.Record, 5000)
		for i := range many {
			many[i] = record(i)
		}
		wantDone(t, "AppendAudit", w.AppendAudit(t.Context(), many...))
		log := w.log(t)
		want(t, "records", len(log), len(many))
		want(t, "the last", log[len(log)-1].Correlation, fmt.Sprint(len(many)-1))
	})

	t.Run("is read from any number on, and stops when told", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		wantDone(t, "AppendAudit", w.AppendAudit(ctx, record(1), record(2), record(3)))
		for from, expected := range map[int64][]int64{-1: {1, 2, 3}, 2: {2, 3}, 3: {3}, 4: nil} {
			var got []int64
			err := w.EachAudit(ctx, from, func(r audit.Record) error {
				got = append(got, r.Seq)
				return w.AppendAudit(ctx) // the store may be used while it yields
			})
			wantDone(t, "EachAudit", err)
			want(t, fmt.Sprintf("numbers from %d on", from), got, expected)
		}
		stop := errors.New("stop")
		calls := 0
		err := w.EachAudit(ctx, 1, func(audit.Record) error { calls++; return stop })
		if err != stop || calls != 1 { //nolint:errorlint // as it is, not wrapped
			t.Errorf("EachAudit that is stopped: got %v after %d calls, want the error as it is after one", err, calls)
		}
	})

	t.Run("keeps every record of many callers, and the order of each", func(t *testing.T) {
		w := newWorld(t, place)
		const callers, each = 16, 25
		var wg sync.WaitGroup
		for c := range callers {
			wg.Go(func() {
				for n := range each {
					a, b := record(2*n), record(2*n+1)
					a.Object, b.Object = fmt.Sprint(c), fmt.Sprint(c)
					wantDone(t, "AppendAudit", w.AppendAudit(t.Context(), a, b))
				}
			})
		}
		wg.Go(func() { // others write meanwhile
			for n := range each {
				wantDone(t, "AddKey", w.AddKey(t.Context(), w.key(fmt.Sprint("key ", n)), ""))
			}
		})
		wg.Wait()
		log := w.log(t)
		want(t, "records", len(log), 2*callers*each)
		next := map[string]int{}
		for i, r := range log {
			if r.Correlation != fmt.Sprint(next[r.Object]) {
				t.Errorf("record %d of caller %s: got %s, want %d", i, r.Object, r.Correlation, next[r.Object])
			}
			next[r.Object]++
			if next[r.Object]%2 == 0 && log[i-1].Object != r.Object {
				t.Errorf("record %d: what was handed in together was torn apart", i)
			}
		}
	})

	t.Run("stays whole when callers give up", func(t *testing.T) {
		w := newWorld(t, place)
		const callers = 24
		results := make([]error, callers)
		var wg sync.WaitGroup
		for c := range callers {
			ctx, cancel := context.WithCancel(t.Context())
			wg.Go(func() { results[c] = w.AppendAudit(ctx, record(c)) })
			if c%3 == 0 {
				wg.Go(cancel)
			} else {
				t.Cleanup(cancel)
			}
		}
		wg.Wait()
		wantDone(t, "AppendAudit afterwards", w.AppendAudit(t.Context(), record(callers)))
		there := map[string]bool{}
		for _, r := range w.log(t) {
			if there[r.Correlation] {
				t.Errorf("record %s is there twice", r.Correlation)
			}
			there[r.Correlation] = true
		}
		for c, err := range results {
			switch {
			case err == nil && !there[fmt.Sprint(c)]:
				t.Errorf("record %d is missing, though it was said to be appended", c)
			case err != nil:
				wantFault(t, "AppendAudit that was given up", err, fault.Unavailable, "")
				if c%3 != 0 {
					t.Errorf("record %d was refused, though only others gave up: %v", c, err)
				}
			}
		}
	})
}
