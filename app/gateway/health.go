package gateway

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"gatehouse/core/fault"
)

// health is what is known of a slot's token, or of the library. It belongs to
// Gateway.mu.
type health struct {
	bad     bool
	why     error     // it is bad
	since   time.Time // it is bad, or not
	suspect bool      // a call went wrong in a way that may be the token's fault: ask it
	checked time.Time // when it was last known to be as it is
	probing time.Time // since when a probe is under way; zero when none is
}

// probeSoon is how long an unhealthy slot waits for its next probe.
const probeSoon = time.Second

// Who asks for the gateway's health every few seconds relies on it: then what was
// seen last must not be older than a second, in which Probe passes by.
const (
	watched      = 10 * time.Second       // after the last time that somebody asked
	probeWatched = 500 * time.Millisecond // between probes then: each time that Probe passes by
)

func (h *health) due(now time.Time, every time.Duration) bool {
	switch {
	case !h.probing.IsZero():
		return false
	case h.suspect:
		return true
	case h.bad:
		return now.Sub(h.checked) >= probeSoon
	default:
		return now.Sub(h.checked) >= every
	}
}

// stuck reports whether a probe has been under way for too long.
func (h *health) stuck(now time.Time, timeout time.Duration) bool {
	return !h.probing.IsZero() && now.Sub(h.probing) > timeout
}

// Healthy reports whether every slot in use serves, or, when none is in use,
// whether the library answers. It never waits for either.
func (g *Gateway) Healthy() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.cfg.Now()
	g.asked = now
	used := false
	for _, s := range g.slots {
		if !s.inUse() {
			continue
		}
		used = true
		if s.health.bad || s.health.stuck(now, g.cfg.ProbeTimeout) {
			return false
		}
	}
	return used || !g.library.bad && !g.library.stuck(now, g.cfg.ProbeTimeout)
}

// fail marks s as unhealthy.
func (g *Gateway) fail(s *slot, now time.Time, err error) {
	s.epoch.Add(1)
	s.trouble.Store(true)
	if !s.health.bad {
		g.cfg.Log.Warn("slot is unhealthy", slog.Uint64("slot", uint64(s.number)), slog.Any("error", err))
	}
	if !s.health.bad {
		s.health.since = now
	}
	s.health.bad, s.health.why, s.health.suspect, s.health.checked = true, err, false, now
}

// recover marks s as healthy.
func (g *Gateway) recover(s *slot, now time.Time) {
	if s.health.bad {
		g.cfg.Log.Info("slot is healthy again", slog.Uint64("slot", uint64(s.number)))
	}
	if s.health.bad || s.health.since.IsZero() {
		s.health.since = now
	}
	s.health.bad, s.health.why, s.health.suspect, s.health.checked = false, nil, false, now
	s.trouble.Store(false)
}

// bury marks l as refused by the token: its PIN is not tried again, and the
// slot says nothing about health any more.
func (g *Gateway) bury(l *login, err error, now time.Time) {
	l.dead = true
	l.slot.refused = l.slot.refused.with(l.pin, err)
	g.recover(l.slot, now) // the token answered
}

// observe draws conclusions from a call that began in epoch.
func (l *login) observe(ctx context.Context, epoch uint64, err error) {
	s := l.slot
	if err == nil && !s.trouble.Load() {
		if !s.traffic.Load() {
			s.traffic.Store(true)
		}
		return
	}
	g := s.g
	g.mu.Lock()
	defer g.mu.Unlock()
	if s.login != l {
		return // another has taken its place
	}
	now := g.cfg.Now()
	switch reason := fault.ReasonOf(err); {
	case err == nil:
		if epoch == s.epoch.Load() {
			g.recover(s, now)
		}
	case errors.Is(err, fault.Unavailable) && reason.Credential():
		g.bury(l, err, now)
	case errors.Is(err, fault.Unavailable) && ctx.Err() == nil && !late(ctx, now):
		g.fail(s, now, err)
	case errors.Is(err, fault.Unavailable) && !errors.Is(ctx.Err(), context.Canceled), errors.Is(err, fault.Internal):
		// The client's patience was short, or the token is ill: ask it.
		s.health.suspect = true
		s.trouble.Store(true)
	default: // the client's mistake, or it went away
	}
}

// late reports whether ctx's deadline has passed, of which a context that cannot
// be interrupted does not tell otherwise.
func late(ctx context.Context, now time.Time) bool {
	end, ok := ctx.Deadline()
	return ok && now.After(end)
}

// Status is what is known of a slot in use.
type Status struct {
	Slot    uint
	Healthy bool
	Since   time.Time // it has been so
	Why     error     // when it is not healthy, and an error said so
	Clients int
}

// Slots lists the slots in use, in order of their numbers.
func (g *Gateway) Slots() []Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.cfg.Now()
	var list []Status
	for _, s := range g.slots {
		if !s.inUse() {
			continue
		}
		st := Status{Slot: s.number, Since: s.health.since, Why: s.health.why, Healthy: !s.health.bad && !s.health.stuck(now, g.cfg.ProbeTimeout)}
		if s.login != nil {
			st.Clients = s.login.users
		}
		list = append(list, st)
	}
	slices.SortFunc(list, func(a, b Status) int { return cmp.Compare(a.Slot, b.Slot) })
	return list
}
