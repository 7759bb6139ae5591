package keyring

import (
	"context"

	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/ports/backend"
)

// Activate activates a key that was made to be active later. No HSM holds the
// state of a key, so that it is changed in the service alone; so it is in
// Revoke (workflow K4).
func (s *Service) Activate(ctx context.Context, c access.Caller, kid id.Key) error {
	return s.state(ctx, c, "key activate", kid, access.MayActivate, func(k keys.Key) (keys.Key, error) {
		return k.Activated(s.cfg.Now())
	})
}

// Revoke ends the protecting use of a key: it is Deactivated from then on, or
// Compromised where the reason says so. Nothing that is under way with the key
// holds it up.
func (s *Service) Revoke(ctx context.Context, c access.Caller, kid id.Key, r keys.RevocationReason) error {
	return s.state(ctx, c, "key revoke", kid, access.MayRevoke, func(k keys.Key) (keys.Key, error) {
		return k.Revoked(r, s.cfg.Now())
	})
}

// state changes what the service alone knows of a key.
func (s *Service) state(ctx context.Context, c access.Caller, action string, kid id.Key, need access.Permissions, to func(keys.Key) (keys.Key, error)) error {
	needs := func(keys.Key) access.Permissions { return need }
	return s.change(ctx, c, action, kid, needs, func(ctx context.Context, _ backend.Backend, g groups.Group, _ keys.Key) error {
		_, err := s.cat.UpdateKey(ctx, kid, s.evolve(g, to))
		return err
	})
}

// Revert undoes changes of a key that its history still knows: the earliest
// that is named and all later ones. A key that was deleted takes its name back,
// if nobody has it.
func (s *Service) Revert(ctx context.Context, c access.Caller, kid id.Key, items []string) error {
	return s.state(ctx, c, actionRevert, kid, access.MayRevert, func(k keys.Key) (keys.Key, error) {
		return k.Reverted(items, s.cfg.Now())
	})
}

// actionRevert is the one action that a deleted key is found for.
const actionRevert = "key revert"

// evolve is a change of a key of group g after which its history remembers what
// it was, if the group wants that.
func (s *Service) evolve(g groups.Group, change func(keys.Key) (keys.Key, error)) func(keys.Key) (keys.Key, error) {
	item, now := "", s.cfg.Now()
	if g.UndoWindow > 0 {
		item = s.cfg.NewID()
	}
	return func(k keys.Key) (keys.Key, error) {
		if k.Group != g.ID { // what is to be done was allowed in the other
			return k, fault.New(fault.Conflict, "the sobject was moved into another group meanwhile")
		}
		next, err := change(k.Clone())
		if err != nil {
			return k, err
		}
		return next.Remembering(k, item, now, g.UndoWindow), nil
	}
}

// Shown tells which keys are found that are no longer there to be used.
type Shown struct{ Destroyed, Deleted bool }

// Lookup is Find for keys that may be at the end of their lives.
func (s *Service) Lookup(ctx context.Context, c access.Caller, d Descriptor, show Shown) (keys.Key, error) {
	k, err := s.Find(ctx, c, d)
	if show.Deleted && d.ID != "" && d.ways() == 1 {
		k, err = s.findDeletedToo(ctx, c, d.ID)
		k.State = k.StateAt(s.cfg.Now())
	}
	if err == nil && k.State == keys.Destroyed && !show.Destroyed {
		err = access.ErrNoSuchKey()
	}
	if err != nil {
		return keys.Key{}, err
	}
	return k, nil
}

// findDeletedToo returns a stored key, whatever its state, if the caller may
// know of it.
func (s *Service) findDeletedToo(ctx context.Context, c access.Caller, kid id.Key) (keys.Key, error) {
	k, err := s.cat.Key(ctx, kid)
	if err == nil {
		err = access.SeeKey(c, k)
	}
	if err != nil {
		return keys.Key{}, err
	}
	return k, nil
}

// stillPermits makes sure that a key which was found, and used since, was not
// deactivated, disabled or revoked meanwhile: after such a call has answered, no
// result of the key is released.
func (s *Service) stillPermits(ctx context.Context, d Descriptor, k keys.Key, ops keys.Ops) error {
	if d.loose() {
		return nil
	}
	now, err := s.cat.Key(ctx, k.ID)
	if err != nil || now.Version == k.Version {
		return err
	}
	return now.Permits(ops, s.cfg.Now())
}
