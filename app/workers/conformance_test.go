package workers_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"gatehouse/app/workers"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
	"gatehouse/ports/token/tokentest"
	"gatehouse/simulators/tokensim"
	"gatehouse/simulators/tokensim/tokensimtest"
)

// TestConformance runs the suite of the token port over two workers, with all
// that the simulator can do to a token.
func TestConformance(t *testing.T) {
	t.Parallel()
	slot := tokensim.New(tokensim.Options{PIN: secret.FromString(tokensimtest.PIN), Label: "simulated"})
	h := tokensimtest.Harness(slot, func(t *testing.T, slot *tokensim.Slot, pin secret.Value) (token.Token, error) {
		t.Helper()
		s, err := workers.Open(t.Context(), config(t, slot), 0, pin)
		if err != nil {
			return nil, err
		}
		return s, nil
	})
	hang := h.Hang
	h.Hang = func(t *testing.T, c tokentest.Call) (<-chan struct{}, func()) {
		t.Helper()
		if c != tokentest.Check {
			return hang(t, c)
		}
		// Both workers are asked, in no order: if one alone hung, the other one could have answered before.
		slot.Fail(tokensim.Fault{Call: tokensim.Check, Hang: true})
		reached, release := hang(t, c)
		return reached, func() { slot.Clear(); release() }
	}
	tokentest.Run(t, h)
	tokensimtest.Check(t, slot)
}

func config(t *testing.T, slot *tokensim.Slot) workers.Config {
	t.Helper()
	return workers.Config{
		Start: func(ctx context.Context, _ uint, pin secret.Value, expected workers.Identity) (token.Worker, error) {
			w, err := slot.StartWorker(ctx, pin)
			if err != nil {
				return nil, err
			}
			info, err := w.Check(ctx)
			if err != nil {
				w.Kill()
				return nil, err
			}
			if expected != (workers.Identity{}) && workers.IdentityOf(info) != expected {
				w.Kill()
				return nil, fault.New(fault.Unavailable, "another token").Because(fault.TokenGone)
			}
			return w, nil
		},
		Now: time.Now, Jitter: func() float64 { return 0.5 }, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Workers: 2,
	}
}
