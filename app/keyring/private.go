package keyring

import (
	"context"

	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/intents"
	"gatehouse/core/keys"
	"gatehouse/core/policy"
	"gatehouse/core/secret"
	"gatehouse/ports/backend"
	"gatehouse/ports/store"
)

// RemovePrivate removes the private half of a key pair for ever; the public
// half stays. By default an HSM keeps its private half, which the virtual key
// can no longer use (workflow P1); under a policy of write-back it is destroyed
// there first (P2).
func (s *Service) RemovePrivate(ctx context.Context, c access.Caller, kid id.Key) error {
	need := func(keys.Key) access.Permissions { return access.MayDeleteMaterial }
	return s.change(ctx, c, "key remove private", kid, need, func(ctx context.Context, b backend.Backend, g groups.Group, k keys.Key) error {
		if err := hasPrivate(k); err != nil {
			return err
		}
		if _, err := k.StateAt(s.cfg.Now()).After(keys.RemovePrivate); err != nil {
			return err
		}
		switch {
		case k.Virtual == nil:
			return s.removeSealed(ctx, b, g, k)
		case policy.Asks(g.Policy, policy.RemovePrivate) == policy.AskRemovePrivate:
			return s.removeInToken(ctx, c, b, g, k)
		default:
			return s.recordPublicOnly(ctx, g, k, nil, "")
		}
	})
}

func hasPrivate(k keys.Key) error {
	switch {
	case !k.Type.Asymmetric():
		return fault.New(fault.Invalid, "a sobject of type %s has no private half", k.Type)
	case k.PublicOnly:
		return fault.New(fault.BadState, "the private half of the sobject is gone already")
	default:
		return nil
	}
}

// removeSealed seals the public half in the place of the pair.
func (s *Service) removeSealed(ctx context.Context, b backend.Backend, g groups.Group, k keys.Key) error {
	made, err := b.Import(ctx, backend.Order{ID: k.ID, Group: g, Spec: specOf(k), Imported: true}, secret.New(k.PublicKey))
	if err != nil {
		return err
	}
	if !made.Public {
		return fault.New(fault.Internal, "the public half of key %s is not public", k.ID)
	}
	if err := s.recordPublicOnly(ctx, g, k, made.Material, ""); err != nil {
		return err
	}
	return b.Destroy(context.WithoutCancel(ctx), g, k) // what is left of it in memory
}

// removeInToken destroys the private half in the HSM between intent and record.
func (s *Service) removeInToken(ctx context.Context, c access.Caller, b backend.Backend, g groups.Group, k keys.Key) error {
	ctx = context.WithoutCancel(ctx)
	i, done, err := s.intend(ctx, intents.Intent{Kind: intents.RemovePrivate, Creator: c.Principal}, k)
	if err != nil {
		return err
	}
	defer done()
	if err := b.Update(ctx, g, k, hsm.Change{RemovePrivate: true}); err != nil {
		if !uncertain(err) {
			s.end(ctx, i)
			return err
		}
		if removed, lookErr := s.privateGone(ctx, b, g, k); lookErr != nil || !removed {
			return err // recovery looks again: the token may still be at it
		}
	}
	return s.recordPublicOnly(ctx, g, k, nil, i.ID)
}

// privateGone reports whether the HSM holds only the public half of k.
func (s *Service) privateGone(ctx context.Context, b backend.Backend, g groups.Group, k keys.Key) (bool, error) {
	if pair, err := b.Present(ctx, g, k); err != nil || pair {
		return false, err
	}
	k = k.Clone()
	k.PublicOnly = true
	return b.Present(ctx, g, k)
}

// settlePrivate records a removal that the HSM has carried out.
func (s *Service) settlePrivate(ctx context.Context, b backend.Backend, g groups.Group, k keys.Key, i intents.Intent) (bool, error) {
	if k.PublicOnly { // recorded since
		err := s.cat.EndIntent(ctx, i.ID)
		return err == nil, err
	}
	removed, err := s.privateGone(ctx, b, g, k)
	switch {
	case err != nil:
		return false, err
	case !removed && s.fresh(i):
		return false, nil
	case !removed:
		return s.record(ctx, i, "key remove private given up", func() error { return s.cat.EndIntent(ctx, i.ID) })
	}
	return s.record(ctx, i, "key remove private completed", func() error { return s.recordPublicOnly(ctx, g, k, nil, i.ID) })
}

// recordPublicOnly records that only the public half of k is left, with the
// sealed material of that where it is an ordinary key's.
func (s *Service) recordPublicOnly(ctx context.Context, g groups.Group, was keys.Key, material secret.Sealed, finished id.Intent) error {
	now := s.cfg.Now()
	removed := s.evolve(g, func(k keys.Key) (keys.Key, error) {
		if err := hasPrivate(k); err != nil {
			return k, err
		}
		if _, err := k.StateAt(now).After(keys.RemovePrivate); err != nil {
			return k, err
		}
		k.PublicOnly, k.Ops = true, k.Ops&publicOps
		if k.Virtual == nil {
			k.Material = material
		}
		return k, nil
	})
	return s.cat.RecordKeys(ctx, nil, []store.KeyChange{{Key: was.ID, Change: removed}}, finished)
}

// publicOps are what may be permitted of a public key that stands alone.
const publicOps = keys.PublicOps | keys.OpExport | keys.OpAppManageable | keys.OpHighVolume
