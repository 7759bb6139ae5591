package workers_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/app/workers"
	"gatehouse/core/healing"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
	"gatehouse/simulators/tokensim"
)

// telling is a worker that tells of its sessions.
type telling struct {
	token.Worker

	sessions hsm.Sessions
}

func (t *telling) Check(ctx context.Context) (hsm.Info, error) {
	info, err := t.Worker.Check(ctx)
	info.Sessions = t.sessions
	return info, err
}

// TestSessionsAreSteps: what a worker mends by itself counts, over all its processes.
func TestSessionsAreSteps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slot := tokensim.New(tokensim.Options{PIN: secret.FromString(pin)})
		var now *telling
		tok, err := workers.Open(t.Context(), workers.Config{
			Start: func(ctx context.Context, _ uint, pin secret.Value, _ workers.Identity) (token.Worker, error) {
				w, err := slot.StartWorker(ctx, pin)
				now = &telling{Worker: w}
				return now, err
			},
			Now: time.Now, Jitter: func() float64 { return 0 }, Log: slog.New(slog.DiscardHandler),
		}, 0, secret.FromString(pin))
		if err != nil {
			t.Fatal(err)
		}
		want := func(sessions, renewed, logins int) {
			t.Helper()
			if _, err := tok.Check(t.Context()); err != nil {
				t.Error(err)
			}
			got := tok.Workers()[0]
			if got.Sessions != sessions || got.Steps[healing.NewSession] != renewed || got.Steps[healing.NewLogin] != logins {
				t.Errorf("got %+v, want %d sessions, %d of them new, and %d logins", got, sessions, renewed, logins)
			}
		}
		now.sessions = hsm.Sessions{Open: 3, Renewed: 2, Logins: 1}
		want(3, 2, 1)
		want(3, 2, 1)
		now.sessions.Renewed = 7
		want(3, 7, 1)
		now.Kill()
		_, _ = tok.Check(t.Context())
		time.Sleep(time.Minute)
		now.sessions = hsm.Sessions{Open: 2, Renewed: 1}
		want(2, 8, 1)
		if err := tok.Close(); err != nil {
			t.Error(err)
		}
	})
}
