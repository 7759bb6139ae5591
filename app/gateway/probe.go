package gateway

import (
	"context"
	"errors"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
)

// Watch probes at every tick until ctx ends.
func (g *Gateway) Watch(ctx context.Context, tick <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
			g.Probe(ctx)
		}
	}
}

// Probe begins the probes that are due and closes slots that nobody has used
// for long. It does not wait for either; it is to be called about every second.
// Probes end with ctx.
func (g *Gateway) Probe(ctx context.Context) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	now := g.cfg.Now()
	every := g.cfg.ProbeEvery
	if !g.asked.IsZero() && now.Sub(g.asked) < watched {
		every = min(every, probeWatched)
	}
	used := false
	for _, s := range g.slots {
		g.expire(s, now)
		if !s.inUse() {
			g.forget(s)
			continue
		}
		used = true
		if s.traffic.Swap(false) && !s.trouble.Load() {
			s.health.checked = now
		}
		if s.health.stuck(now, g.cfg.ProbeTimeout) && !s.health.bad {
			g.fail(s, now, context.DeadlineExceeded)
		}
		if s.health.due(now, every) {
			s.health.probing = now
			l, retry, epoch := s.login, s.retry, s.epoch.Load()
			g.busy.Go(func() { g.probe(ctx, s, l, retry, epoch) })
		}
	}
	if !used && g.library.due(now, every) {
		g.library.probing = now
		g.busy.Go(func() { g.probeLibrary(ctx) })
	}
}

// expire gives up what nobody has used for long.
func (g *Gateway) expire(s *slot, now time.Time) {
	switch l := s.login; {
	case s.holders > 0:
	case l != nil && l.users == 0 && now.Sub(l.idle) >= g.cfg.Linger:
		g.retire(s)
		fallthrough
	case l == nil && now.Sub(s.asked) >= g.cfg.Linger:
		s.retry = secret.Value{}
		s.health = health{probing: s.health.probing}
		s.trouble.Store(false)
	}
}

// probe asks the token of s whether it serves: with a real call where there is
// a login, by logging in where that failed before the PIN was looked at, and
// otherwise through the library.
func (g *Gateway) probe(ctx context.Context, s *slot, l *login, retry secret.Value, epoch uint64) {
	ctx, cancel := context.WithTimeout(ctx, g.cfg.ProbeTimeout)
	defer cancel()
	var err error
	switch {
	case l != nil:
		_, err = l.tok.Check(ctx)
	case !retry.Empty():
		g.reopen(ctx, s, retry)
	default:
		err = g.cfg.Answers(ctx)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.cfg.Now()
	s.health.probing = time.Time{}
	switch {
	case errors.Is(ctx.Err(), context.Canceled), s.login != l, l == nil && !retry.Empty():
		// Stopping, or somebody has opened it meanwhile and knows better.
	case err == nil:
		if epoch == s.epoch.Load() {
			g.recover(s, now)
		}
	case l != nil && fault.ReasonOf(err).Credential():
		g.bury(l, err, now)
	default:
		g.fail(s, now, err)
	}
}

// reopen tries to log in with a PIN that the token has not looked at yet.
func (g *Gateway) reopen(ctx context.Context, s *slot, pin secret.Value) {
	select {
	case s.opening <- struct{}{}:
		defer func() { <-s.opening }()
	default:
		return // a client is at it
	}
	g.mu.Lock()
	stale := s.login != nil || !s.retry.Equal(pin)
	g.mu.Unlock()
	if stale {
		return
	}
	tok, err := g.cfg.Open(ctx, s.number, pin)
	_, _ = g.opened(ctx, s, pin, 0, tok, err) // records it
}

// probeLibrary asks the library whether it answers.
func (g *Gateway) probeLibrary(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, g.cfg.ProbeTimeout)
	defer cancel()
	err := g.cfg.Answers(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.library = health{bad: err != nil, checked: g.cfg.Now()}
}
