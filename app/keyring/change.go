package keyring

import (
	"context"
	"strings"
	"time"

	"gatehouse/app/internal/patch"
	"gatehouse/app/ledger"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/ports/backend"
)

// Change changes a key; nil fields stay as they are.
type Change struct {
	Name, Description            *string
	Ops                          *keys.Ops
	Enabled                      *bool
	Metadata                     *map[string]string
	ActivationDate, Deactivation *time.Time
}

// Update changes a key's metadata and permissions. Under a policy of
// write-back, label and permissions are changed in the HSM first; if it
// refuses, the key stays as it was.
func (s *Service) Update(ctx context.Context, c access.Caller, kid id.Key, ch Change) (keys.Key, error) {
	var changed keys.Key
	err := s.change(ctx, c, "key update", kid, func(ctx context.Context, b backend.Backend, g groups.Group, k keys.Key) error {
		apply := func(k keys.Key) (keys.Key, error) { return ch.apply(k, s.cfg.Now()) }
		next, err := apply(k)
		if err != nil {
			return err
		}
		if back := writeBack(g, k, next); back != nil {
			changed, err = s.updateInToken(ctx, c, b, g, k, *back, apply)
		} else {
			changed, err = s.cat.UpdateKey(ctx, kid, apply)
		}
		return err
	})
	return changed, err
}

func (ch Change) apply(k keys.Key, now time.Time) (keys.Key, error) {
	k = k.Clone()
	state := k.StateAt(now)
	patch.Set(&k.Name, ch.Name)
	patch.Set(&k.Description, ch.Description)
	patch.Set(&k.Enabled, ch.Enabled)
	patch.Set(&k.Metadata, ch.Metadata)
	if err := keys.CheckName(k.Name); err != nil {
		return k, err
	}
	if d := ch.ActivationDate; d != nil && !d.Equal(k.ActivationDate) {
		if state != keys.PreActive {
			return k, fault.New(fault.BadState, "activation_date of an activated sobject cannot be changed")
		}
		k.ActivationDate = *d
	}
	if d := ch.Deactivation; d != nil && !d.Equal(k.DeactivationDate) {
		if state != keys.PreActive && state != keys.Active {
			return k, fault.New(fault.BadState, "deactivation_date of a deactivated sobject cannot be changed")
		}
		k.DeactivationDate = *d
	}
	err := ch.applyOps(&k)
	return k, err
}

func (ch Change) applyOps(k *keys.Key) error {
	if ch.Ops == nil {
		return nil
	}
	if extra := *ch.Ops &^ keys.PossibleOps(k.Type, k.Curve); extra != 0 {
		return fault.New(fault.Invalid, "key_ops %s are not possible for this type of key", strings.Join(extra.Names(), ", "))
	}
	if *ch.Ops&^k.Ops&keys.OpExport != 0 {
		return fault.New(fault.Denied, "EXPORT cannot be added to an existing sobject")
	}
	k.Ops = *ch.Ops
	return nil
}

// Delete deletes a key: the virtual key only by default (workflow P1), the HSM
// key first under a policy of write-back.
func (s *Service) Delete(ctx context.Context, c access.Caller, kid id.Key) error {
	return s.change(ctx, c, "key delete", kid, func(ctx context.Context, b backend.Backend, g groups.Group, k keys.Key) error {
		if k.Virtual != nil && g.Policy.WriteBack {
			return s.destroyInToken(ctx, c, b, g, k)
		}
		if err := s.cat.DeleteKey(ctx, kid, ""); err != nil || k.Virtual != nil {
			return err
		}
		return b.Destroy(context.WithoutCancel(ctx), g, k) // what is left of it in memory
	})
}

// change finds a key, makes sure that the caller may manage it, and runs do.
func (s *Service) change(ctx context.Context, c access.Caller, action string, kid id.Key,
	do func(context.Context, backend.Backend, groups.Group, keys.Key) error,
) error {
	return s.ledger.Change(ctx, ledger.Entry{Caller: c, Action: action, Object: string(kid)}, func(e *ledger.Entry) error {
		k, err := s.find(ctx, c, Descriptor{ID: kid})
		if err != nil {
			return err
		}
		e.Group = k.Group
		if err := access.ManageKey(c, k, access.MayManage); err != nil {
			return err
		}
		g, b, err := s.home(ctx, k.Group)
		if err != nil {
			return err
		}
		return do(ctx, b, g, k)
	})
}
