package gateway

import (
	"context"
	"errors"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

// Open returns the token in a slot for one client, who closes it.
//
// The first opener logs in; later ones must present the same PIN, which is
// compared without asking the token. A PIN that the token has refused is tried
// again only when insist is set: a person asks; then a token that has taken the
// place of another is accepted, too. Errors are those of
// token.Token, and fault.Exhausted after too many wrong PINs for a slot in use.
func (g *Gateway) Open(ctx context.Context, number uint, pin secret.Value, insist bool) (*Lease, error) {
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
	l, old, err := g.share(s, pin, insist)
	if err != nil {
		return nil, err
	}
	if old != nil {
		select { // its sessions must be gone before another PIN can log in
		case <-old.gone:
		case <-ctx.Done():
			return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "closing the slot before it is opened anew").Because(fault.TimedOut)
		}
	}
	if l == nil {
		tok, err := g.cfg.Open(ctx, number, pin)
		if l, err = g.opened(ctx, s, pin, 1, tok, err); err != nil {
			return nil, err
		}
	}
	return &Lease{login: l}, nil
}

func errGuessing() error {
	return fault.New(fault.Exhausted, "too many wrong PINs for this slot; try again later")
}

// hold returns the slot with that number, and keeps it in the table until release.
func (g *Gateway) hold(number uint) (*slot, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, errStopping()
	}
	s := g.slots[number]
	if s == nil {
		s = &slot{g: g, number: number, opening: make(chan struct{}, 1)}
		g.slots[number] = s
	}
	s.holders++
	return s, nil
}

func (g *Gateway) release(s *slot) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s.holders--
	g.forget(s)
}

// forget drops a slot of which nothing is to be remembered.
func (g *Gateway) forget(s *slot) {
	if s.holders == 0 && !s.inUse() && s.login == nil && len(s.refused) == 0 {
		delete(g.slots, s.number)
	}
}

// share returns the login that is there when pin opens it. Otherwise it tells
// why not, or returns none: pin is to be tried, once old, if any, is gone.
func (g *Gateway) share(s *slot, pin secret.Value, insist bool) (l, old *login, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, nil, errStopping()
	}
	s.asked = g.cfg.Now()
	// A person who asks after the token was exchanged accepts the new one.
	exchanged := insist && s.health.bad && errors.Is(s.health.why, fault.TokenGone)
	if l := s.login; l != nil && !l.dead && !exchanged {
		if !g.cfg.Isolated && !s.strikes.allow(g.cfg.Now()) {
			return nil, nil, errGuessing()
		}
		if pin.Equal(l.pin) {
			l.users++
			return l, nil, nil
		}
		if l.users > 0 && !g.cfg.Isolated {
			s.strikes.add(g.cfg.Now())
			return nil, nil, fault.New(fault.Unavailable, "the slot is in use with another PIN").Because(fault.PINIncorrect)
		}
	}
	if err := s.refused.of(pin); err != nil && !insist {
		return nil, nil, err
	}
	if g.cfg.Isolated { // the login that is there serves until another one stands
		if s.login != nil && !s.strikes.allow(g.cfg.Now()) {
			return nil, nil, errGuessing()
		}
		return nil, nil, nil
	}
	if s.login != nil { // nobody uses it, or the token has refused its PIN since
		g.retire(s)
	}
	return nil, s.leaving, nil
}

// opened records how opening s with pin for so many users went.
func (g *Gateway) opened(ctx context.Context, s *slot, pin secret.Value, users int, tok token.Token, err error) (*login, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.cfg.Now()
	reason := fault.ReasonOf(err)
	switch {
	case err == nil && g.closed:
		return nil, errors.Join(errStopping(), tok.Close())
	case err == nil:
		s.refused, s.retry = s.refused.without(pin), secret.Value{}
		if s.login != nil {
			g.retire(s) // its clients open the slot again, each with its own PIN
		}
		s.login = &login{slot: s, tok: tok, pin: pin, users: users, idle: now, gone: make(chan struct{})}
		g.recover(s, now)
	case reason.Credential():
		s.refused, s.retry = s.refused.with(pin, err), secret.Value{}
		if s.login != nil {
			s.strikes.add(now)
			return nil, err
		}
		g.recover(s, now) // the token answered
	case reason == fault.WrongSlot, fault.KindOf(err) != fault.Unavailable:
		// The client's mistake; a slot that was failing before still is.
	case errors.Is(ctx.Err(), context.Canceled):
	case s.login != nil && !s.login.dead: // it may serve all the same: ask it
		s.health.suspect = true
		s.trouble.Store(true)
	case ctx.Err() != nil, reason == fault.TimedOut:
		s.retry = secret.Value{} // it may have been tried: not again by itself
		g.fail(s, now, err)
	default:
		s.retry = pin // the token did not get to look at it
		g.fail(s, now, err)
	}
	if err != nil {
		return nil, err
	}
	return s.login, nil
}

// retire takes the login out of s and closes its token when its calls are done.
func (g *Gateway) retire(s *slot) {
	l := s.login
	s.login, s.leaving = nil, l
	l.retired.Store(true)
	g.busy.Go(func() {
		_ = l.tok.Close() // nobody is left to tell
		close(l.gone)
	})
}

// strikes slow down who guesses a PIN that the token does not count.
type strikes struct {
	n    int
	last time.Time
}

const (
	maxStrikes = 10
	forgive    = 10 * time.Second // per strike
)

func (s *strikes) allow(now time.Time) bool {
	if forgiven := int(now.Sub(s.last) / forgive); forgiven > 0 {
		s.n, s.last = max(0, s.n-forgiven), now
	}
	return s.n < maxStrikes
}

func (s *strikes) add(now time.Time) { s.n, s.last = s.n+1, now }
