package tokensim

import (
	"context"
	"sync"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

var _ token.Token = (*Token)(nil)

// Token is a login to a Slot.
type Token struct {
	slot   *Slot
	pin    secret.Value
	serial string // of the token that was in the slot at first

	mu      sync.Mutex
	closed  bool
	epoch   int
	refused error // the PIN was refused at a later login: it is not tried again
	calls   sync.WaitGroup
}

// Check tells what the token is.
func (t *Token) Check(ctx context.Context) (hsm.Info, error) {
	var info hsm.Info
	err := t.do(ctx, Check, nil, func(c *card) error {
		info = hsm.Info{
			Slot: t.slot.opts.Slot, Label: t.slot.opts.Label, Serial: c.serial, Manufacturer: "Gatehouse (SIMULATED)",
			Model: "SIMULATED", Firmware: "0.0", Library: "tokensim, in memory", Capabilities: t.slot.caps,
		}
		return nil
	})
	if err != nil {
		return hsm.Info{}, err
	}
	return info, nil
}

// Close gives up the login. It waits for calls that are under way.
func (t *Token) Close() error {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		t.slot.record(UseAfterClose, "Close was called again")
		return nil
	}
	t.closed = true
	t.mu.Unlock()
	t.calls.Wait()
	t.slot.mu.Lock()
	defer t.slot.mu.Unlock()
	delete(t.slot.open, t)
	return nil
}

// enter counts a call in, or says that t is closed.
func (t *Token) enter(c Call) error {
	t.mu.Lock()
	closed := t.closed
	if !closed {
		t.calls.Add(1)
	}
	t.mu.Unlock()
	if closed {
		t.slot.record(UseAfterClose, string(c))
		return fault.New(fault.Unavailable, "the connection to the token is closed")
	}
	return nil
}

// do runs one method: it counts the call, waits for a session, lets the next
// fault act, sees to the login, and runs work, which gets the token and takes
// the slot's lock itself where it needs it.
func (t *Token) do(ctx context.Context, c Call, id []byte, work func(*card) error) error {
	if err := t.enter(c); err != nil {
		return err
	}
	defer t.calls.Done()
	return t.carryOut(ctx, c, id, func() error {
		card, err := t.card()
		if err != nil {
			return err
		}
		return work(card)
	})
}

// carryOut runs work in a session, with the faults that are set for it.
func (t *Token) carryOut(ctx context.Context, c Call, id []byte, work func() error) error {
	if err := ctx.Err(); err != nil {
		return timedOut(err)
	}
	if s := t.slot.sessions; s != nil {
		select {
		case s <- struct{}{}:
			defer func() { <-s }()
		case <-ctx.Done():
			return timedOut(ctx.Err())
		}
	}
	if d := t.slot.opts.Delays[c]; d > 0 {
		if err := t.slot.opts.Sleep(ctx, d); err != nil {
			return timedOut(err)
		}
	}
	f := t.slot.faults.take(c, id)
	if f == nil {
		return work()
	}
	return t.suffer(ctx, f, work)
}

// card returns the token in the slot, logged in: again, if the login was lost.
func (t *Token) card() (*card, error) {
	s := t.slot
	s.mu.Lock()
	defer s.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	c := s.inside
	switch {
	case t.refused != nil:
		return nil, t.refused
	case c == nil || c.serial != t.serial:
		return nil, tokenGone()
	case c.epoch == t.epoch:
		return c, nil
	}
	if err := s.login(c, t.pin); err != nil {
		t.refused = err
		return nil, err
	}
	t.epoch = c.epoch
	return c, nil
}

func tokenGone() error {
	return fault.New(fault.Unavailable, "the token is gone, or another one is in the slot").Because(fault.TokenGone)
}

func timedOut(err error) error {
	return fault.Wrap(fault.Unavailable, err, "the token did not answer in time").Because(fault.TimedOut)
}
