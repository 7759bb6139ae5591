package keyring

import (
	"context"
	"errors"
	"sync"
	"time"

	"gatehouse/app/ledger"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
)

// Age carries out what happens to keys by itself: it records states that dates
// have brought (which count from their moment on, recorded or not), rotates keys
// whose rotation is due, and forgets what their histories no longer remember. It
// is to be called on a timer, at once in as many processes as there are. It
// returns how many keys it changed and what stood in the way of others.
func (s *Service) Age(ctx context.Context) (changed int, err error) {
	var errs []error
	now := s.cfg.Now()
	err = s.cat.EachDue(ctx, now, func(k keys.Key) error {
		done, err := s.age(ctx, k, now)
		if done {
			changed++
		}
		if err != nil {
			errs = append(errs, err)
		}
		return ctx.Err()
	})
	return changed, errors.Join(append(errs, err)...)
}

func (s *Service) age(ctx context.Context, k keys.Key, now time.Time) (done bool, err error) {
	aged := k.Aged(now)
	switch {
	case aged.State == keys.Active && k.State != keys.Active:
		return s.mature(ctx, k, "key activate")
	case aged.State != k.State:
		return s.mature(ctx, k, "key deactivate")
	case len(aged.History) != len(k.History):
		return s.mature(ctx, k, "key history forget")
	case k.Rotation != nil && !k.ScheduledRotation.IsZero() && !now.Before(k.ScheduledRotation):
		return s.rotateDue(ctx, k)
	default:
		return false, nil
	}
}

// system is who acts where nobody asks.
func system(a id.Account, name string) access.Caller {
	return access.Caller{Principal: id.Principal{Kind: id.SystemPrincipal, ID: name}, Account: a, Role: access.AccountAdmin}
}

// mature records what time has made of a key.
func (s *Service) mature(ctx context.Context, k keys.Key, action string) (bool, error) {
	e := ledger.Entry{Caller: system(k.Account, "dates"), Action: action, Object: string(k.ID), Group: k.Group}
	err := s.ledger.Change(ctx, e, func(*ledger.Entry) error {
		g, b, err := s.home(ctx, k.Group)
		if err != nil {
			return err
		}
		aged, err := s.cat.UpdateKey(ctx, k.ID, s.evolve(g, func(k keys.Key) (keys.Key, error) { return k.Aged(s.cfg.Now()), nil }))
		if err == nil && aged.Virtual == nil && aged.Material.Empty() && !k.Material.Empty() {
			err = b.Destroy(ctx, g, k) // what is left of it in memory
		}
		return err
	})
	return err == nil, err
}

// rotateDue rotates a key by its policy. What fails is tried again later, each
// time after a longer while.
func (s *Service) rotateDue(ctx context.Context, k keys.Key) (bool, error) {
	now := s.cfg.Now()
	if s.delays.wait(k.ID, now) {
		return false, nil
	}
	e := ledger.Entry{Caller: system(k.Account, "rotation"), Action: "key rotate", Object: string(k.ID), Group: k.Group}
	var next keys.Key
	err := s.ledger.Change(ctx, e, func(e *ledger.Entry) error {
		old, err := s.cat.Key(ctx, k.ID)
		if err != nil {
			return err
		}
		if old.Rotation == nil || old.ScheduledRotation.IsZero() || now.Before(old.ScheduledRotation) {
			return fault.New(fault.BadState, "the rotation is not due any more")
		}
		next, err = s.rotate(ctx, e.Caller, old, specOf(old), old.Rotation.DeactivateRotated, generating)
		return err
	})
	if err != nil {
		s.delays.failed(k.ID, now)
		return false, err
	}
	s.delays.forget(k.ID)
	s.rotateCopies(ctx, next)
	return true, nil
}

// The while between two tries of a rotation.
const (
	firstDelay = time.Minute
	lastDelay  = time.Hour
)

// delays knows which rotations wait after a failure. Safe for concurrent use.
type delays struct {
	mu  sync.Mutex
	all map[id.Key]delay
}

type delay struct {
	until time.Time
	next  time.Duration
}

func (d *delays) wait(k id.Key, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return now.Before(d.all[k].until)
}

func (d *delays) failed(k id.Key, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all == nil {
		d.all = map[id.Key]delay{}
	}
	next := max(firstDelay, d.all[k].next)
	d.all[k] = delay{until: now.Add(next), next: min(2*next, lastDelay)}
}

func (d *delays) forget(k id.Key) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.all, k)
}
