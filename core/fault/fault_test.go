package fault_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"gatehouse/core/fault"
)

func TestError(t *testing.T) {
	t.Parallel()
	cause := errors.New("CKR_DEVICE_ERROR")
	err := fmt.Errorf("signing: %w", fault.Wrap(fault.Unavailable, cause, "the HSM is failing").Because(fault.TokenFailed))

	t.Run("tells its kind, its reason and its cause", func(t *testing.T) {
		t.Parallel()
		for _, want := range []error{fault.Unavailable, fault.TokenFailed, cause} {
			if !errors.Is(err, want) {
				t.Errorf("got an error that is not %v, want it to be", want)
			}
		}
		if errors.Is(err, fault.Internal) || errors.Is(err, fault.PINIncorrect) {
			t.Error("got an error of another kind or reason, want none")
		}
	})
	t.Run("shows the caller the message without the cause", func(t *testing.T) {
		t.Parallel()
		if got, want := fault.Message(err), "the HSM is failing"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("an error without a kind is internal and shows nothing", func(t *testing.T) {
		t.Parallel()
		if got := fault.KindOf(cause); got != fault.Internal {
			t.Errorf("got kind %q, want %q", got, fault.Internal)
		}
		if got := fault.Message(fault.Wrap(fault.Internal, cause, "row 7 is damaged")); got != "" {
			t.Errorf("got %q, want nothing", got)
		}
	})
	t.Run("the reason is found below other errors", func(t *testing.T) {
		t.Parallel()
		wrapped := fault.Wrap(fault.Unavailable, err, "Not Connected")
		if got := fault.ReasonOf(wrapped); got != fault.TokenFailed {
			t.Errorf("got %q, want %q", got, fault.TokenFailed)
		}
	})
}

func TestAfter(t *testing.T) {
	t.Parallel()
	busy := fault.New(fault.Unavailable, "busy")
	if got := fault.AfterOf(busy); got != 0 {
		t.Errorf("got %v, want nothing: nobody said it", got)
	}
	err := fault.Wrap(fault.Unavailable, fmt.Errorf("signing: %w", busy.Untried().After(time.Second)), "Not Connected")
	if got := fault.AfterOf(fmt.Errorf("on the way: %w", err)); got != time.Second {
		t.Errorf("got %v, want a second", got)
	}
	if got := fault.AfterOf(errors.New("x")); got != 0 {
		t.Errorf("got %v of an error without a kind, want nothing", got)
	}
}

func TestUntried(t *testing.T) {
	t.Parallel()
	e := fault.Wrap(fault.Unavailable, errors.New("cause"), "message").Because(fault.Refused)
	if errors.Is(e, fault.Untried) {
		t.Error("an error says that nothing was tried, though nobody said so")
	}
	u := fmt.Errorf("generating a key: %w", e.Untried())
	if !errors.Is(u, fault.Untried) || !errors.Is(u, fault.Unavailable) || fault.ReasonOf(u) != fault.Refused || fault.Message(u) != "message" {
		t.Errorf("got %v, want the same error, untried", u)
	}
}
