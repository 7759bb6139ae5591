package ledger_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/app/internal/apptest"
	"gatehouse/app/ledger"
	"gatehouse/core/access"
	"gatehouse/core/audit"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/ports/store"
	"gatehouse/simulators/storesim"
)

var entry = ledger.Entry{
	Caller: access.Caller{Principal: id.Principal{Kind: id.AppPrincipal, ID: "app"}, Account: "account"},
	Action: "key create", Group: "group",
}

// outcomes are what each kind of error is recorded as.
var outcomes = map[fault.Kind]audit.Outcome{
	fault.Invalid: audit.Refused, fault.Unauthenticated: audit.Refused, fault.Denied: audit.Refused,
	fault.NotFound: audit.Refused, fault.Conflict: audit.Refused, fault.BadState: audit.Refused,
	fault.Unsupported: audit.Refused, fault.Exhausted: audit.Failed, fault.Unavailable: audit.Failed, fault.Internal: audit.Failed,
}

func TestChange(t *testing.T) {
	t.Parallel()
	t.Run("records what it comes upon under its correlation id, all or nothing", func(t *testing.T) {
		t.Parallel()
		w := apptest.New(t)
		notes := []ledger.Note{{"key missing", "one", ""}, {"key imported by sync", "two", "id 01"}}
		got := w.Records(func() {
			err := w.Ledger.Change(t.Context(), entry, func(e *ledger.Entry) error {
				apptest.Want(t, "no notes", w.Ledger.Notes(t.Context(), *e, nil), "")
				return w.Ledger.Notes(t.Context(), *e, notes)
			})
			apptest.Want(t, "Change", err, "")
		})
		if len(got) != 4 {
			t.Fatalf("got %d records, want 4", len(got))
		}
		for i, n := range notes {
			r := got[i+1]
			if r.Correlation != got[0].Correlation || r.Action != n.Action || r.Object != n.Object || r.Detail != n.Detail || r.Group != "group" || r.Outcome != audit.Done {
				t.Errorf("got %+v, want a record of %+v under %s", r, n, got[0].Correlation)
			}
		}
		w.Store.Fail(storesim.Fault{Call: "AppendAudit", Skip: 1, Err: storesim.Lost()})
		err := w.Ledger.Change(t.Context(), entry, func(e *ledger.Entry) error { return w.Ledger.Notes(t.Context(), *e, notes) })
		apptest.Want(t, "notes that cannot be written", err, fault.Unavailable)
	})
	t.Run("is recorded as begun and as ended, with one correlation id", func(t *testing.T) {
		t.Parallel()
		w := apptest.New(t)
		got := w.Records(func() {
			err := w.Ledger.Change(t.Context(), entry, func(e *ledger.Entry) error {
				e.Object = "key"
				return nil
			})
			apptest.Want(t, "Change", err, "")
		})
		if len(got) != 2 {
			t.Fatalf("got %d records, want 2", len(got))
		}
		begun := audit.Record{
			At: w.Now(), Correlation: got[0].Correlation, Account: "account", Actor: entry.Caller.Principal,
			Action: "key create", Group: "group", Outcome: audit.Begun,
		}
		done := begun
		done.Object, done.Outcome = "key", audit.Done
		for i, want := range []audit.Record{begun, done} {
			want.Seq, want.Prev, want.Hash = got[i].Seq, got[i].Prev, got[i].Hash
			if diff := cmp.Diff(want, got[i]); diff != "" {
				t.Errorf("record %d, want − got +:\n%s", i, diff)
			}
		}
	})

	t.Run("is recorded as it ended, without the cause", func(t *testing.T) {
		t.Parallel()
		w := apptest.New(t)
		for _, kind := range fault.Kinds() {
			failure := fault.Wrap(kind, errors.New("cause"), "what callers see")
			got := w.Records(func() {
				if err := w.Ledger.Change(t.Context(), entry, func(*ledger.Entry) error { return failure }); !errors.Is(err, failure) {
					t.Errorf("%s: got %v, want the error as it is", kind, err)
				}
			})
			detail := "what callers see"
			if kind == fault.Internal {
				detail = ""
			}
			if len(got) != 2 || got[1].Outcome != outcomes[kind] || got[1].Detail != detail {
				t.Errorf("%s: got %+v, want it as %s", kind, got, outcomes[kind])
			}
		}
	})

	t.Run("is not begun when that cannot be recorded", func(t *testing.T) {
		t.Parallel()
		w := apptest.New(t)
		gone, leave := context.WithCancel(t.Context())
		leave()
		for what, ctx := range map[string]context.Context{"the store fails": t.Context(), "the requester has gone": gone} {
			w.Store.Clear()
			w.Store.Fail(storesim.Fault{Call: "AppendAudit", Err: storesim.Lost()})
			err := w.Ledger.Change(ctx, entry, func(*ledger.Entry) error {
				t.Errorf("%s: it was done all the same", what)
				return nil
			})
			apptest.Want(t, what, err, fault.Unavailable)
		}
	})

	t.Run("has failed when its end cannot be recorded", func(t *testing.T) {
		t.Parallel()
		w := apptest.New(t)
		w.Store.Fail(storesim.Fault{Call: "AppendAudit", Skip: 1, Err: storesim.Lost()})
		apptest.Want(t, "done", w.Ledger.Change(t.Context(), entry, func(*ledger.Entry) error { return nil }), fault.Unavailable)

		w.Store.Fail(storesim.Fault{Call: "AppendAudit", Skip: 1, Err: storesim.Lost()})
		err := w.Ledger.Change(t.Context(), entry, func(*ledger.Entry) error { return fault.New(fault.Conflict, "taken") })
		apptest.Want(t, "refused", err, fault.Conflict)
	})

	t.Run("is recorded to its end when the requester goes away", func(t *testing.T) {
		t.Parallel()
		w := apptest.New(t)
		ctx, leave := context.WithCancel(t.Context())
		got := w.Recorded(func() {
			apptest.Want(t, "Change", w.Ledger.Change(ctx, entry, func(*ledger.Entry) error { leave(); return nil }), "")
		})
		if want := []string{"begun key create", "done key create"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestUse(t *testing.T) {
	t.Parallel()
	w := apptest.New(t)
	use := func(highVolume bool, result error) error {
		return w.Ledger.Use(t.Context(), entry, func(e *ledger.Entry) error {
			e.Action, e.HighVolume = "sign", highVolume
			return result
		})
	}
	refusal := fault.New(fault.Denied, "no")
	for _, c := range []struct {
		name       string
		highVolume bool
		result     error
		want       []string
	}{
		{"a use is recorded once", false, nil, []string{"done sign"}},
		{"a refusal is recorded", false, refusal, []string{"refused sign"}},
		{"HIGHVOLUME leaves out what succeeds", true, nil, []string{}},
		{"HIGHVOLUME does not leave out a refusal", true, refusal, []string{"refused sign"}},
	} {
		got := w.Recorded(func() {
			if err := use(c.highVolume, c.result); !errors.Is(err, c.result) {
				t.Errorf("%s: got %v, want %v", c.name, err, c.result)
			}
		})
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}

	w.Store.Fail(storesim.Fault{Call: "AppendAudit", Err: storesim.Lost(), Stays: true})
	apptest.Want(t, "a use that is not recorded", use(false, nil), fault.Unavailable)
	apptest.Want(t, "a refusal that is not recorded", use(false, refusal), fault.Denied)
	apptest.Want(t, "HIGHVOLUME, which needs no record", use(true, nil), "")
}

// hanging is a log whose disk does not answer.
type hanging struct{ store.Audit }

func (hanging) AppendAudit(ctx context.Context, _ ...audit.Record) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestAHangingLogHoldsNobodyForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := ledger.New(hanging{}, time.Now, func() string { return "id" })
		start := time.Now()
		err := l.Use(t.Context(), entry, func(*ledger.Entry) error { return nil })
		apptest.Want(t, "Use", err, fault.Unavailable)
		if took := time.Since(start); took != ledger.RecordWithin {
			t.Errorf("it took %v, want %v", took, ledger.RecordWithin)
		}
	})
}
