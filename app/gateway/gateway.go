// Package gateway is the use case of the HSM gateway: which slots are in use,
// who shares them, and whether the HSM behind them answers.
//
// It guarantees that a slot is logged in to once however many clients use it,
// that a PIN which the token has refused is not tried again until a person
// asks, and that telling the gateway's health never waits for the HSM.
// adapters/hmgserver serves it, adapters/health asks for its health. All
// methods may be called at once.
package gateway

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

// Config is what a Gateway needs.
type Config struct {
	// Open logs in to a slot: once, with this PIN. Its errors are those of
	// token.Token; fault.WrongSlot when there is no such slot.
	Open func(ctx context.Context, slot uint, pin secret.Value) (token.Token, error)
	// Answers makes a harmless call to the library, without any slot: what counts
	// for health while none is in use.
	Answers func(ctx context.Context) error
	// Isolated says that Open may be called for a slot that is open: tokens do not
	// share a login, as they do within one process. Another PIN than the one in
	// use is then tried instead of compared.
	Isolated bool
	Now      func() time.Time
	Log      *slog.Logger

	Linger       time.Duration // how long a slot that nobody uses stays logged in; 0 means 10 minutes
	ProbeEvery   time.Duration // between probes of a slot without traffic, while nobody asks for its health; 0 means 5 seconds
	ProbeTimeout time.Duration // after which a probe that hangs counts as failed; 0 means 3 seconds
}

// Gateway is the table of slots in use. Make it with New, keep it alive with
// Watch, end it with Close.
type Gateway struct {
	cfg Config

	mu      sync.Mutex // never held during a call to the HSM
	slots   map[uint]*slot
	library health
	asked   time.Time // when somebody last asked for the gateway's health
	closed  bool
	busy    sync.WaitGroup // probes, and tokens being closed
}

// New returns a Gateway with no slot in use, unhealthy until the first Probe.
func New(cfg Config) *Gateway {
	cfg.Linger = cmp.Or(cfg.Linger, 10*time.Minute)
	cfg.ProbeEvery = cmp.Or(cfg.ProbeEvery, 5*time.Second)
	cfg.ProbeTimeout = cmp.Or(cfg.ProbeTimeout, 3*time.Second)
	return &Gateway{cfg: cfg, slots: map[uint]*slot{}, library: health{bad: true}}
}

// Close closes every token, which waits for the calls under way, and refuses
// everything from now on. It returns when all is closed or ctx ends.
func (g *Gateway) Close(ctx context.Context) error {
	g.mu.Lock()
	g.closed = true
	for _, s := range g.slots {
		if s.login != nil {
			g.retire(s)
		}
	}
	g.mu.Unlock()

	done := make(chan struct{})
	go func() {
		g.busy.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, ctx.Err(), "closing the slots").Because(fault.TimedOut)
	}
}

func errStopping() error { return fault.New(fault.Unavailable, "the gateway is stopping") }
