package gateway_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/simulators/tokensim"
)

var (
	deviceError = fault.New(fault.Unavailable, "the HSM reports a failure").Because(fault.TokenFailed)
	noSuchKey   = hsm.Ref{Class: hsm.SecretKey, Type: keys.AES, ID: []byte("none")}
	encrypt     = operations.Encrypt{Mode: operations.GCM, Plain: []byte("x")}
)

func TestHealthWithoutSlots(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.wantHealthy(false) // nothing is known yet
		w.pass(time.Second)
		w.wantHealthy(true)
		w.answer(deviceError)
		w.pass(6 * time.Second)
		w.wantHealthy(false)
		w.answer(nil)
		w.pass(6 * time.Second)
		w.wantHealthy(true)
		hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		w.library.Store(&hang)
		w.pass(10 * time.Second)
		w.wantHealthy(false)
	})
}

// TestHealthOfCalls calls a slot in use with one thing wrong.
func TestHealthOfCalls(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fault tokensim.Fault
		want  bool // right after the call
	}{
		{"device error", tokensim.Fault{Call: tokensim.Operate, Err: deviceError}, false},
		{"wrong argument", tokensim.Fault{Call: tokensim.Operate, Err: fault.New(fault.Invalid, "bad argument")}, true},
		{"unsupported", tokensim.Fault{Call: tokensim.Operate, Err: fault.New(fault.Unsupported, "no mechanism")}, true},
		{"internal error", tokensim.Fault{Call: tokensim.Operate, Err: fault.New(fault.Internal, "what now?")}, true},
		{"no such key", tokensim.Fault{}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				t := w.t
				l := w.mustOpen(pin)
				if c.fault.Call != "" {
					w.slot.Fail(c.fault)
				}
				if _, err := l.Operate(t.Context(), noSuchKey, encrypt); err == nil {
					t.Fatal("got no error")
				}
				w.wantHealthy(c.want)
				w.pass(2 * time.Second) // the token serves: a probe finds out
				w.wantHealthy(true)
				closing(t, l)
			})
		})
	}
}

func TestUnhealthyUntilAGoodCall(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.t
		l := w.mustOpen(pin)
		w.slot.Fail(tokensim.Fault{Err: deviceError, Stays: true})
		w.pass(6 * time.Second) // nobody calls: the probe notices
		w.wantHealthy(false)
		w.pass(time.Hour)
		w.wantHealthy(false)
		w.slot.Clear()
		if _, err := l.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.wantHealthy(true)
		closing(t, l)
	})
}

func TestSuspectTokenIsAsked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		end  func(context.Context) (context.Context, context.CancelFunc)
	}{
		{"deadline", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 100*time.Millisecond)
		}},
		{"internal", context.WithCancel},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				t := w.t
				l := w.mustOpen(pin)
				w.slot.Fail(
					tokensim.Fault{Call: tokensim.Operate, Hang: c.name == "deadline", Err: fault.New(fault.Internal, "what now?")},
					tokensim.Fault{Call: tokensim.Check, Err: deviceError},
				)
				ctx, cancel := c.end(t.Context())
				defer cancel()
				_, _ = l.Operate(ctx, noSuchKey, encrypt)
				w.wantHealthy(true)
				w.pass(time.Second + time.Millisecond)
				w.wantHealthy(false)
				w.pass(2 * time.Second)
				w.wantHealthy(true)
				closing(t, l)
			})
		})
	}
}

func TestClientThatGoesAwaySaysNothing(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.t
		l := w.mustOpen(pin)
		w.slot.Fail(tokensim.Fault{Call: tokensim.Operate, Hang: true}, tokensim.Fault{Call: tokensim.Check, Err: deviceError})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _, _ = l.Operate(ctx, noSuchKey, encrypt) }()
		w.pass(time.Millisecond)
		cancel()
		w.pass(2 * time.Second) // no probe is due yet
		w.wantHealthy(true)
		broken := errors.New("the client reads no further")
		_ = l.Inventory(t.Context(), hsm.Filter{}, func(hsm.Object) error { return broken })
		w.wantHealthy(true)
		closing(t, l)
	})
}

func TestHungProbe(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.t
		l := w.mustOpen(pin)
		w.slot.Fail(tokensim.Fault{Call: tokensim.Check, Hang: true, Stays: true})
		w.pass(10 * time.Second)
		w.wantHealthy(false)
		w.slot.Clear()
		w.slot.Release()
		w.pass(5 * time.Second)
		w.wantHealthy(true)
		closing(t, l)
	})
}

// TestWatchedHealth: while somebody asks for it, it is never old.
func TestWatchedHealth(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		l := w.mustOpen(pin)
		w.pass(20 * time.Second)
		w.wantHealthy(true)
		w.slot.Fail(tokensim.Fault{Call: tokensim.Check, Hang: true, Stays: true})
		for range 4 {
			w.pass(time.Second)
			_ = w.g.Healthy()
		}
		w.pass(time.Second)
		w.wantHealthy(false)
		closing(w.t, l)
	})
}

// TestProbeThatIgnoresItsContext: even a probe that never returns tells something.
func TestProbeThatIgnoresItsContext(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.pass(time.Second)
		w.wantHealthy(true)
		stuck := make(chan struct{})
		hang := func(context.Context) error { <-stuck; return nil }
		w.library.Store(&hang)
		w.pass(10 * time.Second)
		w.wantHealthy(false)
		w.answer(nil)
		w.pass(time.Minute)
		w.wantHealthy(false) // nothing is known until it returns
		close(stuck)
		w.pass(time.Second)
		w.wantHealthy(true)
	})
}

func TestOpeningThatFails(t *testing.T) {
	t.Parallel()
	t.Run("is unhealthy until the token lets itself be opened", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			t := w.t
			w.slot.Fail(tokensim.Fault{Call: tokensim.Open, Err: deviceError, Stays: true})
			if _, err := w.open(pin, false); !errors.Is(err, fault.TokenFailed) {
				t.Fatalf("got %v, want the HSM's failure", err)
			}
			w.wantHealthy(false)
			w.pass(10 * time.Second)
			w.wantHealthy(false)
			w.slot.Clear()
			w.pass(2 * time.Second)
			w.wantHealthy(true)
			tries := int(w.tries.Load())
			closing(t, w.mustOpen(pin))
			w.wantTries(tries)
		})
	})
	t.Run("stops with the first PIN that is refused", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			w.slot.Fail(tokensim.Fault{Call: tokensim.Open, Err: deviceError})
			_, _ = w.open(otherPIN, false)
			w.pass(time.Minute)
			w.wantTries(2)
			w.wantHealthy(true)
		})
	})
	t.Run("without an end is not tried again", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			t := w.t
			w.slot.Fail(tokensim.Fault{Call: tokensim.Open, Hang: true})
			w.answer(deviceError)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := w.g.Open(ctx, slotNo, secret.FromString(pin), false); !errors.Is(err, fault.Unavailable) {
				t.Fatalf("got %v, want unavailable", err)
			}
			w.wantHealthy(false)
			w.pass(time.Minute)
			w.wantHealthy(false)
			w.answer(nil)
			w.pass(2 * time.Second)
			w.wantHealthy(true)
			w.wantTries(1)
		})
	})
}

func TestStatus(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.t
		a, b := w.mustOpen(pin), w.mustOpen(pin)
		got := w.g.Slots()
		if len(got) != 1 || got[0].Slot != slotNo || got[0].Clients != 2 || !got[0].Healthy {
			t.Errorf("got %+v, want slot %d with 2 clients, healthy", got, slotNo)
		}
		closing(t, a, b)
	})
}
