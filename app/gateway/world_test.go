package gateway_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/app/gateway"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
	"gatehouse/simulators/tokensim"
)

const (
	pin      = "1234"
	otherPIN = "9876"
	slotNo   = 7
)

// world is a gateway over a simulated slot, watched every second of a clock
// that stands still while anything runs.
type world struct {
	t       *testing.T
	slot    *tokensim.Slot
	g       *gateway.Gateway
	tries   atomic.Int64 // PINs that reached the token
	library atomic.Pointer[func(context.Context) error]

	isolated bool
}

// inWorld runs a test in a bubble of its own time.
func inWorld(t *testing.T, test func(w *world)) {
	t.Helper()
	inOne(t, false, test)
}

// inOne is inWorld, isolated or not.
func inOne(t *testing.T, isolated bool, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			isolated: isolated,
			t:        t, slot: tokensim.New(tokensim.Options{PIN: secret.FromString(pin), Slot: slotNo}),
		}
		w.answer(nil)
		w.g = gateway.New(gateway.Config{
			Open: func(ctx context.Context, slot uint, p secret.Value) (token.Token, error) {
				if slot != slotNo {
					return nil, fault.New(fault.Unavailable, "there is no such slot").Because(fault.WrongSlot)
				}
				w.tries.Add(1)
				tok, err := w.slot.Open(ctx, p)
				if err != nil {
					return nil, err
				}
				return tok, nil
			},
			Answers:  func(ctx context.Context) error { return (*w.library.Load())(ctx) },
			Isolated: w.isolated,
			Now:      time.Now,
			Log:      slog.New(slog.DiscardHandler),
		})
		ctx, stop := context.WithCancel(t.Context())
		ticker := time.NewTicker(time.Second)
		go w.g.Watch(ctx, ticker.C)
		defer func() {
			w.slot.Release()
			stop()
			if err := w.g.Close(context.WithoutCancel(ctx)); err != nil {
				t.Errorf("closing the gateway: %v", err)
			}
		}()
		test(w)
	})
}

// answer sets what the library answers from now on.
func (w *world) answer(err error) {
	f := func(context.Context) error { return err }
	w.library.Store(&f)
}

// pass lets time pass: the bubble's, which costs none.
func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) open(p string, insist bool) (*gateway.Lease, error) {
	w.t.Helper()
	return w.g.Open(w.t.Context(), slotNo, secret.FromString(p), insist)
}

func (w *world) mustOpen(p string) *gateway.Lease {
	w.t.Helper()
	l, err := w.open(p, false)
	if err != nil {
		w.t.Fatalf("opening the slot: %v", err)
	}
	return l
}

func (w *world) wantHealthy(want bool) {
	w.t.Helper()
	if got := w.g.Healthy(); got != want {
		w.t.Errorf("healthy: got %t, want %t", got, want)
	}
}

func (w *world) wantTries(want int) {
	w.t.Helper()
	if got := int(w.tries.Load()); got != want {
		w.t.Errorf("the token saw %d PINs, want %d", got, want)
	}
}

func closing(t *testing.T, ls ...*gateway.Lease) {
	t.Helper()
	for _, l := range ls {
		if err := l.Close(); err != nil {
			t.Errorf("closing a lease: %v", err)
		}
	}
}
