package healing_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/core/fault"
	"gatehouse/core/healing"
)

func unavailable(r fault.Reason) error {
	return fault.New(fault.Unavailable, "out of service").Because(r)
}

func TestFirst(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want healing.Step
	}{
		{nil, healing.None},
		{fault.New(fault.Invalid, "the request's fault"), healing.None},
		{fault.New(fault.Internal, "who knows"), healing.None},
		{fault.TokenFailed, healing.None}, // a bare reason is no error of a token
		{unavailable(fault.PINIncorrect), healing.None},
		{unavailable(fault.PINLocked), healing.None},
		{unavailable(fault.PINExpired), healing.None},
		{unavailable(fault.PINMissing), healing.None},
		{unavailable(fault.TokenFailed), healing.NewLibrary},
		{unavailable(fault.TokenGone), healing.NewLibrary},
		{unavailable(fault.WrongSlot), healing.NewLibrary},
		{unavailable(fault.TimedOut), healing.NewWorker},
		{unavailable(fault.Unspecified), healing.NewWorker},
		{errors.New("no fault"), healing.None},
	} {
		if got := healing.First(c.err); got != c.want {
			t.Errorf("after %v: got %s, want %s", c.err, got, c.want)
		}
	}
}

// TestClimb follows a ladder whose steps do not help.
func TestClimb(t *testing.T) {
	t.Parallel()
	var l healing.Ladder
	for i, want := range []healing.Order{
		{Step: healing.NewLibrary},
		{Step: healing.NewWorker, After: 50 * time.Millisecond * 3 / 4},
		{Step: healing.NewWorker, After: 100 * time.Millisecond * 3 / 4},
		{Step: healing.NewWorker, After: 200 * time.Millisecond * 3 / 4},
		{Step: healing.NewWorker, After: 400 * time.Millisecond * 3 / 4},
		{Step: healing.NewWorker, After: 800 * time.Millisecond * 3 / 4},
		{Step: healing.NewWorker, After: time.Second * 3 / 4},
		{Step: healing.NewWorker, After: time.Second * 3 / 4},
	} {
		var got healing.Order
		var ok bool
		if l, got, ok = l.Climb(unavailable(fault.TokenFailed), 0.5); !ok || got != want {
			t.Fatalf("step %d: got %v %t, want %v", i, got, ok, want)
		}
	}
}

func TestHealed(t *testing.T) {
	t.Parallel()
	fail := unavailable(fault.TokenFailed)
	l, _, _ := healing.Ladder{}.Climb(fail, 0)
	l = l.Serves()
	soon, again, _ := l.Fails(time.Second).Climb(fail, 0)
	if again.Step != healing.NewLibrary || again.After == 0 {
		t.Errorf("failing again at once: got %+v, want the first step after a pause", again)
	}
	_, later, _ := soon.Serves().Fails(time.Minute).Climb(fail, 0)
	if want := (healing.Order{Step: healing.NewLibrary}); later != want {
		t.Errorf("failing after a minute: got %+v, want %+v", later, want)
	}
}

// TestAnyLadder: whatever fails, steps never get cheaper until the token serves,
// pauses stay within a second, and after a refused PIN nothing is done any more.
func TestAnyLadder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var l healing.Ladder
		last, refused := healing.None, false
		for range rapid.IntRange(1, 40).Draw(t, "events") {
			if rapid.Bool().Draw(t, "serves") {
				l, last = l.Serves().Fails(rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(t, "served")), healing.None
			}
			err := unavailable(rapid.SampledFrom(append(fault.Reasons(), fault.Unspecified)).Draw(t, "reason"))
			var o healing.Order
			var ok bool
			l, o, ok = l.Climb(err, rapid.Float64Range(0, 0.999).Draw(t, "jitter"))
			refused = refused || healing.Refused(err)
			switch {
			case ok == refused:
				t.Fatalf("after %v: got an order %t although the PIN was refused %t", err, ok, refused)
			case !ok:
				continue
			case o.Step < last, o.Step < healing.First(err), last != healing.None && o.Step == last && o.Step != healing.NewWorker:
				t.Fatalf("after %v: got %s, which does not climb from %s", err, o.Step, last)
			case o.After < 0 || o.After > time.Second:
				t.Fatalf("got a pause of %v", o.After)
			}
			last = o.Step
		}
	})
}
