package workers

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/operations"
	"gatehouse/ports/token"
)

// A token that is initialised anew under a library may keep its label and serial
// number, and the session its login: then its keys are gone and nothing else tells.
// So a token whose keys were used, and that holds none any more, is not the one that
// it was, unless a key was destroyed here since. It is out of service until it holds
// keys again, or is opened anew.

// keyring is what a slot knows of its token's keys.
type keyring struct {
	used       atomic.Bool   // a key was used since one was last destroyed here
	destroying atomic.Int64  // under way, here
	destroys   atomic.Uint64 // begun and ended, here
	emptied    atomic.Bool

	looking  chan struct{} // held by who looks whether there are keys
	believed time.Time     // until when it is believed that there are; belongs to who holds looking
}

// Those who ask for keys that never were must not have the token searched for each:
// one look at a time is made, it takes a second at most, and when it has found keys
// no other is made for a second, or for ten times as long as it took.
const (
	look     = time.Second
	believed = time.Second
)

// use has a worker use keys: one that is not found in a token that was emptied is
// not absent, but the token is.
func (s *Slot) use(ctx context.Context, call func(token.Worker) (operations.Result, error)) (operations.Result, error) {
	destroys := s.keys.destroys.Load()
	r, err := repeated(ctx, s, operate, call)
	switch {
	case err == nil:
		s.keys.usedSince(destroys)
		s.refilled()
	case errors.Is(err, fault.NotFound) && s.isEmptied(ctx):
		return operations.Result{}, errEmptied()
	}
	return r, err
}

// usedSince notes that a key was used, in a call that began when there had been so
// many destroys, unless it may have been destroyed since.
func (k *keyring) usedSince(destroys uint64) {
	if k.used.Load() || k.destroying.Load() > 0 || k.destroys.Load() != destroys {
		return
	}
	k.used.Store(true)
	if k.destroys.Load() != destroys { // one has begun right then
		k.used.Store(false)
	}
}

// destroy has f destroy a key, which may be the last one.
func (k *keyring) destroy(f func() error) error {
	k.destroying.Add(1)
	begun := k.destroys.Add(1)
	used := k.used.Swap(false)
	err := f()
	absent := errors.Is(err, fault.NotFound) && k.destroys.Load() == begun
	k.destroys.Add(1)
	k.used.Store(used && absent)
	k.destroying.Add(-1)
	return err
}

// isEmptied reports whether the token has lost all its keys, as far as can be told.
func (s *Slot) isEmptied(ctx context.Context) bool {
	k := &s.keys
	switch {
	case k.emptied.Load():
		return true
	case !k.used.Load() || k.destroying.Load() > 0:
		return false
	}
	select {
	case k.looking <- struct{}{}:
		defer func() { <-k.looking }()
	case <-ctx.Done():
		return false
	}
	if k.emptied.Load() {
		return true
	}
	began := s.cfg.Now()
	if began.Before(k.believed) {
		return false
	}
	destroys := k.destroys.Load()
	held, err := s.looks(ctx)
	if held || err != nil {
		now := s.cfg.Now()
		k.believed = now.Add(max(believed, 10*now.Sub(began)))
		return false
	}
	if k.destroys.Load() != destroys || !k.used.Load() { // it may have been the last one
		return false
	}
	s.log.Warn("the token held keys and holds none any more: it was initialised anew, or another program destroyed them")
	k.emptied.Store(true)
	s.lookAnew()
	return true
}

// looks is holdsKeys in its own time. That there are none has to be seen twice.
func (s *Slot) looks(ctx context.Context) (held bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), look)
	defer cancel()
	for range 2 {
		if held, err = s.holdsKeys(ctx); held || err != nil {
			break
		}
	}
	return held, err
}

// refilled notes that the token holds keys.
func (s *Slot) refilled() {
	if s.keys.emptied.Load() && s.keys.emptied.CompareAndSwap(true, false) {
		s.log.Info("the token holds keys again")
		s.lookAnew()
	}
}

// lookAnew has all workers log in anew: what they know of the token may be of
// another one.
func (s *Slot) lookAnew() {
	for _, m := range s.members {
		m.suspect(m.current(), errBehind)
	}
}

// holdsKeys reports whether there is a key in the token.
func (s *Slot) holdsKeys(ctx context.Context) (bool, error) {
	err := s.Inventory(ctx, hsm.Filter{}, func(o hsm.Object) error {
		switch o.Class {
		case hsm.SecretKey, hsm.PrivateKey, hsm.PublicKey:
			return errEnough
		case hsm.Certificate, hsm.Data, hsm.OtherClass:
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return true, nil
	}
	return false, err
}

// errEnough ends an inventory.
var errEnough = errors.New("a key was found")

func errEmptied() error {
	return fault.New(fault.Unavailable, "the token has lost all its keys: bring them back, or test the connection or restart the gateway if that was meant").Because(fault.TokenGone)
}
