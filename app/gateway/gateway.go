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
	// Answers makes a harmless call to the library: what counts for health while
	// no slot is in use.
	Answers func(ctx context.Context) error
	Now     func() time.Time
	Log     *slog.Logger

	Linger       time.Duration // how long a slot that nobody uses stays logged in; 0 means 10 minutes
	ProbeEvery   time.Duration // between probes of a slot without traffic; 0 means 5 seconds
	ProbeTimeout time.Duration // after which a probe that hangs counts as failed; 0 means 3 seconds
}

// Gateway is the table of slots in use. Make it with New, keep it alive with
// Watch, end it with Close.
type Gateway struct {
	cfg Config

	mu      sync.Mutex // never held during a call to the HSM
	slots   map[uint]*slot
	library health
	closed  bool
	probes  sync.WaitGroup
}

// New returns a Gateway with no slot in use, unhealthy until the first Probe.
func New(cfg Config) *Gateway {
	for d, std := range map[*time.Duration]time.Duration{
		&cfg.Linger: 10 * time.Minute, &cfg.ProbeEvery: 5 * time.Second, &cfg.ProbeTimeout: 3 * time.Second,
	} {
		if *d == 0 {
			*d = std
		}
	}
	return &Gateway{cfg: cfg, slots: map[uint]*slot{}, library: health{state: suspect}}
}

// Open returns the token in the slot for one client, who closes it.
//
// The first opener logs in; later ones must present the same PIN, which is
// compared without asking the token. A PIN that the token has refused is tried
// again only when insist is set. Errors are those of token.Token, and
// fault.Exhausted after too many wrong PINs for a slot in use.
func (g *Gateway) Open(ctx context.Context, number uint, pin secret.Value, insist bool) (token.Token, error) {
	if pin.Empty() {
		return nil, fault.New(fault.Unavailable, "the connection has no PIN").Because(fault.PINMissing)
	}
	s, err := g.hold(number)
	if err != nil {
		return nil, err
	}
	defer g.release(s)
	select { // one opener at a time: the others find what it leaves
	case s.opening <- struct{}{}:
		defer func() { <-s.opening }()
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "waiting for the slot to be opened").Because(fault.TimedOut)
	}
	if l, err := g.share(s, pin, insist); l != nil || err != nil {
		return l.lease(), err
	}
	l, err := g.login(ctx, s, pin)
	return l.lease(), err
}

// hold returns the slot with that number, and keeps it in the table until release.
func (g *Gateway) hold(number uint) (*slot, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, errClosed()
	}
	s := g.slots[number]
	if s == nil {
		s = &slot{g: g, number: number, opening: make(chan struct{}, 1)}
		g.slots[number] = s
	}
	s.holders++
	return s, nil
}

// release forgets the slot when nothing is known of it.
func (g *Gateway) release(s *slot) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s.holders--
	g.forget(s)
}

func (g *Gateway) forget(s *slot) {
	if s.holders == 0 && s.login == nil && s.refused == nil && !s.failing() {
		delete(g.slots, s.number)
	}
}

// Close closes every token, which waits for the calls under way, and refuses
// everything from now on. It returns when all is closed or ctx ends.
func (g *Gateway) Close(ctx context.Context) error {
	g.mu.Lock()
	g.closed = true
	var logins []*login
	for _, s := range g.slots {
		if s.login != nil {
			logins = append(logins, s.login)
			s.login = nil
		}
	}
	g.mu.Unlock()

	done := make(chan error, 1)
	go func() {
		var first error
		for _, l := range logins {
			if err := l.close(); err != nil && first == nil {
				first = err
			}
		}
		g.probes.Wait()
		done <- first
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, ctx.Err(), "closing the slots").Because(fault.TimedOut)
	}
}

func errClosed() error { return fault.New(fault.Unavailable, "the gateway is stopping") }
