package gateway_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"gatehouse/app/gateway"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
	"gatehouse/ports/token/tokentest"
	"gatehouse/simulators/tokensim"
	"gatehouse/simulators/tokensim/tokensimtest"
)

// TestConformance runs the suite of the token port over a lease.
func TestConformance(t *testing.T) {
	t.Parallel()
	slot := tokensim.New(tokensim.Options{PIN: secret.FromString(tokensimtest.PIN), Label: "simulated"})
	g := gateway.New(gateway.Config{
		Open: func(ctx context.Context, _ uint, pin secret.Value) (token.Token, error) {
			tok, err := slot.Open(ctx, pin)
			if err != nil {
				return nil, err
			}
			return tok, nil
		},
		Answers: func(context.Context) error { return nil },
		Now:     time.Now,
		Log:     slog.New(slog.DiscardHandler),
	})
	tokentest.Run(t, tokensimtest.Harness(slot, func(t *testing.T, _ *tokensim.Slot, pin secret.Value) (token.Token, error) {
		t.Helper()
		l, err := g.Open(t.Context(), 0, pin, false)
		if err != nil {
			return nil, err
		}
		return l, nil
	}))
	if err := g.Close(context.Background()); err != nil {
		t.Errorf("closing the gateway: %v", err)
	}
	tokensimtest.Check(t, slot)
}
