package failover_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"gatehouse/core/failover"
	"gatehouse/core/fault"
)

func TestAgain(t *testing.T) {
	t.Parallel()
	worth := []fault.Reason{fault.Unspecified, fault.TimedOut, fault.TokenGone, fault.TokenFailed, fault.LibraryDown}
	for _, r := range append(fault.Reasons(), fault.Unspecified) {
		err := fault.New(fault.Unavailable, "x").Because(r)
		if _, got := failover.Again(err, 0); got != slices.Contains(worth, r) {
			t.Errorf("%q: got %t, want %t", r, got, !got)
		}
	}
	for name, err := range map[string]error{
		"no error": nil, "the request's fault": fault.New(fault.Invalid, "x"), "a bug": errors.New("x"),
		"a busy HSM": fault.New(fault.Unavailable, "x").Untried(),
	} {
		if _, got := failover.Again(err, 0); got {
			t.Errorf("%s is worth another round", name)
		}
	}
}

func TestRoundsEnd(t *testing.T) {
	t.Parallel()
	var all, last time.Duration
	for rounds := 0; ; rounds++ {
		pause, worth := failover.Again(fault.New(fault.Unavailable, "x"), rounds)
		if !worth {
			break
		}
		if pause < last {
			t.Errorf("round %d: got a pause of %s after one of %s", rounds, pause, last)
		}
		all, last = all+pause, pause
	}
	if all != 6*time.Second {
		t.Errorf("the pauses are %s together, want 6s", all)
	}
}

// TestWhatEndsLibraries: a request that may be the cause is made once more only,
// and one that has waited for a library in vain as often as any.
func TestWhatEndsLibraries(t *testing.T) {
	t.Parallel()
	ended := fault.New(fault.Unavailable, "the library ended during the call").Because(fault.LibraryDown)
	for _, c := range []struct {
		err    error
		rounds int
		want   bool
	}{{ended, 0, true}, {ended, 1, false}, {ended.Untried(), 1, true}} {
		if _, got := failover.Again(c.err, c.rounds); got != c.want {
			t.Errorf("%v after %d rounds: got %t, want %t", c.err, c.rounds, got, c.want)
		}
	}
}
