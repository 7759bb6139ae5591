package failover_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/core/failover"
	"gatehouse/core/fault"
)

func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// after returns a breaker that has met these events.
func after(events ...failover.Event) failover.Breaker {
	var b failover.Breaker
	for _, e := range events {
		b = b.Next(e, noon(), 0)
	}
	return b
}

// The transitions, every one of them: a row is a state and how it is reached,
// and tells the state after each event.
func TestBreaker(t *testing.T) {
	t.Parallel()
	const (
		closed, open, half, held = failover.Closed, failover.Open, failover.HalfOpen, failover.Held

		succeeded, broken, failed, probing = failover.Succeeded, failover.Broken, failover.Failed, failover.Probing
		answered, dropped, refused, reset  = failover.Answered, failover.Dropped, failover.Refused, failover.Reset
	)
	type row map[failover.Event]failover.State
	for _, c := range []struct {
		name  string
		by    []failover.Event
		state failover.State
		to    row
	}{
		{"new", nil, closed, row{
			succeeded: closed, broken: open, failed: closed, probing: closed, answered: closed, dropped: closed, refused: held, reset: closed,
		}},
		{"one call has failed", []failover.Event{failed}, closed, row{
			succeeded: closed, broken: open, failed: closed, probing: closed, answered: closed, dropped: closed, refused: held, reset: closed,
		}},
		{"as many calls have failed as are tolerated, but one", []failover.Event{failed, failed}, closed, row{
			succeeded: closed, broken: open, failed: open, probing: closed, answered: closed, dropped: closed, refused: held, reset: closed,
		}},
		{"it could not be made", []failover.Event{broken}, open, row{
			succeeded: closed, broken: open, failed: open, probing: half, answered: closed, dropped: open, refused: held, reset: closed,
		}},
		{"it is being probed", []failover.Event{broken, probing}, half, row{
			succeeded: closed, broken: open, failed: open, probing: half, answered: closed, dropped: open, refused: held, reset: closed,
		}},
		{"it is on trial after a probe", []failover.Event{broken, probing, answered}, closed, row{
			succeeded: closed, broken: open, failed: open, probing: closed, answered: closed, dropped: closed, refused: held, reset: closed,
		}},
		{"its PIN was refused", []failover.Event{refused}, held, row{
			succeeded: held, broken: held, failed: held, probing: held, answered: held, dropped: held, refused: held, reset: closed,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := after(c.by...)
			if got := b.State(); got != c.state {
				t.Fatalf("got %s, want %s", got, c.state)
			}
			for _, e := range failover.Events() {
				want, told := c.to[e]
				if got := b.Next(e, noon(), 0).State(); got != want || !told {
					t.Errorf("%s: got %s, want %s", e, got, want)
				}
			}
		})
	}
	if b := after(failed); !b.Suspect() || after(failed, succeeded).Suspect() || after(broken).Suspect() {
		t.Error("a breaker is suspect after a failed call while it is closed, and then alone")
	}
	for _, late := range []failover.Event{failed, broken} {
		a, b := after(broken), after(broken, late).Next(late, noon().Add(time.Second), 0)
		if !a.Retry().Equal(b.Retry()) || a.Next(probing, noon(), 0).Next(broken, noon(), 0) != b.Next(probing, noon(), 0).Next(broken, noon(), 0) {
			t.Errorf("%s: a late failure of an earlier call put the probes off", late)
		}
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	for failed, want := range map[int]time.Duration{
		0: 250 * time.Millisecond, 1: 500 * time.Millisecond, 2: time.Second, 29: time.Second,
		30: 2 * time.Second, 31: 4 * time.Second, 32: 8 * time.Second, 33: 15 * time.Second, 1000: 15 * time.Second,
	} {
		if got := failover.Backoff(failed, 0); got != want {
			t.Errorf("after %d failed probes: got %v, want %v", failed, got, want)
		}
		if got, least := failover.Backoff(failed, 0.999), want*4/5; got < least || got >= want {
			t.Errorf("after %d failed probes with jitter: got %v, want between %v and %v", failed, got, least, want)
		}
	}
}

// Whatever happens: a refused PIN holds until a person acts, an open breaker has
// a probe ahead that comes soon enough, and a success closes it.
func TestBreakerProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var b failover.Breaker
		now, held, failures := noon(), false, 0
		for _, e := range rapid.SliceOf(rapid.SampledFrom(failover.Events())).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "passes")))
			before := b
			b = b.Next(e, now, rapid.Float64Range(0, 0.999).Draw(t, "jitter"))
			held = e == failover.Refused || held && e != failover.Reset
			if got := b.State() == failover.Held; got != held {
				t.Fatalf("after %s: got held %t, want %t", e, got, held)
			}
			if b.State() == failover.Open && before.State() != failover.Open {
				if wait := b.Retry().Sub(now); e != failover.Dropped && (wait < 200*time.Millisecond || wait > 15*time.Second) {
					t.Fatalf("the probe comes after %v", wait)
				}
			}
			if e == failover.Succeeded && !held && (b.State() != failover.Closed || b.Suspect()) {
				t.Fatalf("got %s after a success, want it closed", b.State())
			}
			failures++
			if e != failover.Failed || before.State() != failover.Closed {
				failures = 0
			}
			if failures >= failover.Tolerated && b.State() == failover.Closed {
				t.Fatalf("still closed after %d failures in a row", failures)
			}
		}
	})
}

func TestJudge(t *testing.T) {
	t.Parallel()
	down := func(r fault.Reason) error { return fault.New(fault.Unavailable, "x").Because(r) }
	for _, r := range fault.Reasons() {
		want := failover.Broken
		switch {
		case r.Credential():
			want = failover.Refused
		case r == fault.TimedOut || r == fault.TokenFailed || r == fault.LibraryDown:
			want = failover.Failed
		case r == fault.Busy:
			want = ""
		}
		if got, tells := failover.Judge(down(r)); got != want || tells != (want != "") {
			t.Errorf("%s: got %s, want %s", r, got, want)
		}
	}
	others := map[fault.Kind]failover.Event{fault.Unavailable: failover.Failed, fault.Internal: "", fault.Exhausted: ""}
	for _, k := range fault.Kinds() {
		want, is := others[k]
		if !is {
			want = failover.Succeeded
		}
		if got, _ := failover.Judge(fault.New(k, "x")); got != want {
			t.Errorf("%s: got %q, want %q", k, got, want)
		}
	}
	if got, tells := failover.Judge(nil); got != failover.Succeeded || !tells {
		t.Errorf("no error: got %s, want a success", got)
	}
	if _, tells := failover.Judge(fault.New(fault.Unavailable, "busy").Untried()); tells {
		t.Error("a busy connection was judged, want it left alone")
	}
}

func TestWorse(t *testing.T) {
	t.Parallel()
	best := []error{
		fault.New(fault.NotFound, "no such key"), fault.New(fault.Unavailable, "busy").Untried(),
		fault.New(fault.Unavailable, "down").Because(fault.Refused).Untried(), nil,
	}
	for i, a := range best {
		for j, b := range best {
			if got, want := failover.Worse(a, b), j > i; got != want {
				t.Errorf("%v and %v: got %t, want %t", a, b, got, want)
			}
		}
	}
	if failover.Lacking(errors.New("a bug")) || !failover.Lacking(best[0]) {
		t.Error("a key is lacking when a token says so, and then alone")
	}
}
