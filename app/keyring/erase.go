package keyring

import (
	"context"

	"gatehouse/core/access"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/intents"
	"gatehouse/core/keys"
	"gatehouse/core/policy"
	"gatehouse/ports/backend"
	"gatehouse/ports/store"
)

// Destroy destroys a key's material and keeps what is known about the key: the
// virtual key only by default (workflow P1), the HSM key first under a policy
// of write-back (P2).
func (s *Service) Destroy(ctx context.Context, c access.Caller, kid id.Key) error {
	return s.erase(ctx, c, "key destroy", kid, access.MayDestroy, keys.Destroy)
}

// Delete deletes a key: nothing finds it any more, and its name is free again.
// The key in the HSM as for Destroy.
func (s *Service) Delete(ctx context.Context, c access.Caller, kid id.Key) error {
	return s.erase(ctx, c, "key delete", kid, access.MayDelete, keys.Delete)
}

func (s *Service) erase(ctx context.Context, c access.Caller, action string, kid id.Key, need access.Permissions, a keys.Action) error {
	needs := func(keys.Key) access.Permissions { return need }
	return s.change(ctx, c, action, kid, needs, func(ctx context.Context, b backend.Backend, g groups.Group, k keys.Key) error {
		if _, err := k.StateAt(s.cfg.Now()).After(a); err != nil {
			return err
		}
		event := policy.Destroy
		if a == keys.Delete {
			event = policy.Delete
		}
		if k.Virtual != nil && !goneFromHSM(k) && policy.Asks(g.Policy, event) == policy.AskDestroy {
			return s.destroyInToken(ctx, c, b, g, k, a)
		}
		if err := s.recordErased(ctx, g, kid, a, ""); err != nil || k.Virtual != nil {
			return err
		}
		return b.Destroy(context.WithoutCancel(ctx), g, k) // what is left of it in memory
	})
}

// goneFromHSM reports whether the HSM key of k was destroyed with it.
func goneFromHSM(k keys.Key) bool {
	return k.State == keys.Destroyed && !k.Virtual.MissingSince.IsZero()
}

// recordErased records that a key is destroyed or deleted. With an intent its
// HSM key is gone for good. Sealed material stays for as long as the group's
// history policy lets the key be brought back.
func (s *Service) recordErased(ctx context.Context, g groups.Group, kid id.Key, a keys.Action, finished id.Intent) error {
	now := s.cfg.Now()
	erased := s.evolve(g, func(k keys.Key) (keys.Key, error) {
		k, err := k.Erased(a, now, g.UndoWindow > 0)
		if err == nil && finished != "" && k.Virtual != nil && k.Virtual.MissingSince.IsZero() {
			k.Virtual.MissingSince = now
		}
		return k, err
	})
	return s.cat.RecordKeys(ctx, nil, []store.KeyChange{{Key: kid, Change: erased}}, finished)
}

// destroyInToken destroys the HSM key between intent and record.
func (s *Service) destroyInToken(ctx context.Context, c access.Caller, b backend.Backend, g groups.Group, k keys.Key, a keys.Action) error {
	ctx = context.WithoutCancel(ctx)
	i, done, err := s.intend(ctx, intents.Intent{Kind: intents.Destroy, Deletes: a == keys.Delete, Creator: c.Principal}, k)
	if err != nil {
		return err
	}
	defer done()
	if err := b.Destroy(ctx, g, k); err != nil {
		if !uncertain(err) {
			s.end(ctx, i)
			return err
		}
		if present, lookErr := b.Present(ctx, g, k); lookErr != nil || present {
			return err // recovery looks again: the token may still be at it
		}
	}
	return s.recordErased(ctx, g, k.ID, a, i.ID)
}

// settleDestroy records a destruction whose HSM key is gone.
func (s *Service) settleDestroy(ctx context.Context, b backend.Backend, g groups.Group, k keys.Key, i intents.Intent) (bool, error) {
	action, erased := "key destroy", keys.Destroy
	if i.Deletes {
		action, erased = "key delete", keys.Delete
	}
	if _, err := k.StateAt(s.cfg.Now()).After(erased); err != nil { // it was done in another way since
		err := s.cat.EndIntent(ctx, i.ID)
		return err == nil, err
	}
	present, err := b.Present(ctx, g, k)
	switch {
	case err != nil:
		return false, err
	case present && s.fresh(i):
		return false, nil
	case present:
		return s.record(ctx, i, action+" given up", func() error { return s.cat.EndIntent(ctx, i.ID) })
	}
	return s.record(ctx, i, action+" completed", func() error { return s.recordErased(ctx, g, k.ID, erased, i.ID) })
}
