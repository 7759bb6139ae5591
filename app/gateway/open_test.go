package gateway_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"gatehouse/app/gateway"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/simulators/tokensim"
)

func TestSharingASlot(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.t
		a, b := w.mustOpen(pin), w.mustOpen(pin)
		w.wantTries(1)
		closing(t, a)
		if _, err := a.Check(t.Context()); !errors.Is(err, fault.Unavailable) {
			t.Errorf("after it was closed, got %v, want unavailable", err)
		}
		if _, err := b.Check(t.Context()); err != nil {
			t.Errorf("the other lease: %v", err)
		}
		closing(t, b)
		c := w.mustOpen(pin) // a client that comes back finds the slot logged in
		w.wantTries(1)
		closing(t, c)
		w.pass(11 * time.Minute)
		if got := w.g.Slots(); len(got) != 0 {
			t.Errorf("long after the last client, slots in use are %v, want none", got)
		}
		closing(t, w.mustOpen(pin))
		w.wantTries(2)
	})
}

func TestAnotherPIN(t *testing.T) {
	t.Parallel()
	t.Run("for a slot in use is refused without asking the token", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			t := w.t
			l := w.mustOpen(pin)
			if _, err := w.open(otherPIN, true); fault.ReasonOf(err) != fault.PINIncorrect || !errors.Is(err, fault.Unavailable) {
				t.Errorf("got %v, want PIN incorrect", err)
			}
			w.wantTries(1)
			if _, refused := w.slot.Logins(); refused != 0 {
				t.Errorf("the token refused %d logins, want none", refused)
			}
			closing(t, l)
		})
	})
	t.Run("for a slot that nobody uses is tried", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			t := w.t
			closing(t, w.mustOpen(pin))
			w.slot.SetPIN(secret.FromString(otherPIN))
			closing(t, w.mustOpen(otherPIN))
			w.wantTries(2)
		})
	})
	t.Run("guessed again and again is not even compared", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			t := w.t
			l := w.mustOpen(pin)
			for range 10 {
				_, _ = w.open(otherPIN, false)
			}
			for _, p := range []string{otherPIN, pin} {
				if _, err := w.open(p, false); !errors.Is(err, fault.Exhausted) {
					t.Errorf("after ten wrong PINs, got %v, want exhausted", err)
				}
			}
			w.pass(time.Minute)
			closing(t, l, w.mustOpen(pin))
			w.wantTries(1)
		})
	})
}

func TestRefusedPIN(t *testing.T) {
	t.Parallel()
	t.Run("is tried again only when a person asks", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			t := w.t
			for range 3 {
				if _, err := w.open(otherPIN, false); fault.ReasonOf(err) != fault.PINIncorrect {
					t.Errorf("got %v, want PIN incorrect", err)
				}
			}
			w.pass(time.Hour)
			w.wantTries(1)
			w.wantHealthy(true)
			_, _ = w.open(otherPIN, true)
			w.wantTries(2)
			w.slot.SetPIN(secret.FromString(otherPIN))
			l, err := w.open(otherPIN, true)
			if err != nil {
				t.Fatal(err)
			}
			closing(t, l, w.mustOpen(otherPIN))
			w.wantTries(3)
		})
	})
	t.Run("while in use ends the login for all", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			t := w.t
			w.pass(time.Second)
			old := w.mustOpen(pin)
			w.slot.SetPIN(secret.FromString(otherPIN))
			w.slot.DropLogins()
			if _, err := old.Check(t.Context()); !fault.ReasonOf(err).Credential() {
				t.Fatalf("got %v, want a credential reason", err)
			}
			w.wantHealthy(true)
			if _, err := w.open(pin, false); fault.ReasonOf(err) != fault.PINIncorrect {
				t.Errorf("the refused PIN: got %v, want PIN incorrect", err)
			}
			_, refused := w.slot.Logins()
			l := w.mustOpen(otherPIN)
			if _, again := w.slot.Logins(); again != refused {
				t.Errorf("the refused PIN was tried again")
			}
			if _, err := old.Check(t.Context()); !errors.Is(err, gateway.ErrRetired) {
				t.Errorf("the old lease: got %v, want ErrRetired", err)
			}
			closing(t, old, l)
		})
	})
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.t
		if _, err := w.open("", false); fault.ReasonOf(err) != fault.PINMissing {
			t.Errorf("without a PIN, got %v, want PIN missing", err)
		}
		if _, err := w.g.Open(t.Context(), 99, secret.FromString(pin), false); fault.ReasonOf(err) != fault.WrongSlot {
			t.Errorf("another slot: got %v, want no such slot", err)
		}
		w.wantHealthy(w.g.Healthy())
		w.pass(time.Second)
		w.wantHealthy(true)
		w.wantTries(0)
	})
}

func TestOpenWaitsForWhoOpens(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.t
		w.slot.Fail(tokensim.Fault{Call: tokensim.Open, Delay: 4 * time.Second})
		first := make(chan *gateway.Lease, 1)
		go func() { first <- w.mustOpen(pin) }()
		w.pass(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := w.g.Open(ctx, slotNo, secret.FromString(pin), false); fault.ReasonOf(err) != fault.TimedOut {
			t.Errorf("with a short patience, got %v, want timed out", err)
		}
		second := w.mustOpen(pin)
		w.wantTries(1)
		closing(t, <-first, second)
	})
}

func TestClosed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.t
		l := w.mustOpen(pin)
		if err := w.g.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Check(t.Context()); !errors.Is(err, fault.Unavailable) {
			t.Errorf("a lease: got %v, want unavailable", err)
		}
		if _, err := w.open(pin, true); !errors.Is(err, fault.Unavailable) {
			t.Errorf("opening: got %v, want unavailable", err)
		}
		closing(t, l)
	})
}

// TestAnotherPINTried: where logins do not share a process, the token itself
// says whether another PIN is right.
func TestAnotherPINTried(t *testing.T) {
	t.Parallel()
	t.Run("wrong, costs one attempt and disturbs nobody", func(t *testing.T) {
		t.Parallel()
		inOne(t, true, func(w *world) {
			t := w.t
			l := w.mustOpen(pin)
			for range 5 {
				if _, err := w.open(otherPIN, false); !errors.Is(err, fault.PINIncorrect) {
					t.Errorf("got %v, want the PIN refused", err)
				}
			}
			w.wantTries(2)
			if _, err := l.Check(t.Context()); err != nil {
				t.Errorf("the slot in use: %v", err)
			}
			w.wantHealthy(true)
			closing(t, l)
		})
	})
	t.Run("ten wrong ones cost ten attempts, whatever comes after", func(t *testing.T) {
		t.Parallel()
		inOne(t, true, func(w *world) {
			t := w.t
			l := w.mustOpen(pin)
			for range 3 {
				for i := range 10 {
					_, _ = w.open("wrong"+strconv.Itoa(i), false)
				}
				w.pass(time.Minute)
			}
			w.wantTries(11)
			closing(t, l)
		})
	})
	t.Run("right, takes the place of the former", func(t *testing.T) {
		t.Parallel()
		inOne(t, true, func(w *world) {
			t := w.t
			old := w.mustOpen(pin)
			w.slot.SetPIN(secret.FromString(otherPIN))
			l := w.mustOpen(otherPIN)
			if _, err := old.Check(t.Context()); !errors.Is(err, gateway.ErrRetired) {
				t.Errorf("the former lease: got %v, want it retired", err)
			}
			if _, err := w.open(pin, false); !errors.Is(err, fault.PINIncorrect) {
				t.Errorf("the former PIN: got %v, want it refused", err)
			}
			w.wantTries(3)
			w.wantHealthy(true)
			closing(t, old, l)
		})
	})
}

// TestExchangedToken: another token in the slot serves nobody until a person
// says that it is meant to be there.
func TestExchangedToken(t *testing.T) {
	t.Parallel()
	for _, isolated := range []bool{false, true} {
		t.Run("isolated "+strconv.FormatBool(isolated), func(t *testing.T) {
			t.Parallel()
			inOne(t, isolated, func(w *world) {
				t := w.t
				old := w.mustOpen(pin)
				w.slot.Swap()
				if _, err := old.Check(t.Context()); !errors.Is(err, fault.TokenGone) {
					t.Fatalf("got %v, want the token gone", err)
				}
				w.wantHealthy(false)
				again := w.mustOpen(pin) // not by a person
				if _, err := again.Check(t.Context()); !errors.Is(err, fault.TokenGone) {
					t.Errorf("got %v, want the token gone still", err)
				}
				accepted, err := w.open(pin, true)
				if err != nil {
					t.Fatalf("a person asks: %v", err)
				}
				if _, err := accepted.Check(t.Context()); err != nil {
					t.Errorf("the new token: %v", err)
				}
				if _, err := old.Check(t.Context()); !errors.Is(err, gateway.ErrRetired) {
					t.Errorf("the former lease: got %v, want it retired", err)
				}
				w.wantHealthy(true)
				closing(t, old, again, accepted)
			})
		})
	}
}
