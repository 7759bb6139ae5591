package keyring

import (
	"context"
	"strings"
	"time"

	"gatehouse/app/ledger"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/intents"
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
		next, err := ch.apply(k)
		if err != nil {
			return err
		}
		var label []byte
		if g.Policy.WriteBack && k.Virtual != nil {
			back := hsm.Change{}
			if next.Name != k.Name {
				label = []byte(next.Name)
				back.Label = &label
			}
			if next.Ops != k.Ops {
				back.Ops = &next.Ops
			}
			if back != (hsm.Change{}) {
				if err := b.Update(ctx, g, k, back); err != nil {
					return err
				}
			}
		}
		changed, err = s.cat.UpdateKey(ctx, kid, func(k keys.Key) (keys.Key, error) {
			k, err := ch.apply(k)
			if label != nil && err == nil {
				k.Virtual.Label = label
			}
			return k, err
		})
		return err
	})
	return changed, err
}

func (ch Change) apply(k keys.Key) (keys.Key, error) {
	k = k.Clone()
	if ch.Name != nil {
		k.Name = *ch.Name
	}
	if strings.TrimSpace(k.Name) == "" || len(k.Name) > keys.MaxName || strings.ContainsAny(k.Name, "\n\x00") {
		return k, fault.New(fault.Invalid, "name must be one line of 1 to %d bytes", keys.MaxName)
	}
	if ch.Description != nil {
		k.Description = *ch.Description
	}
	if ch.Enabled != nil {
		k.Enabled = *ch.Enabled
	}
	if ch.Metadata != nil {
		k.Metadata = *ch.Metadata
	}
	if ch.ActivationDate != nil {
		if k.State != keys.PreActive {
			return k, fault.New(fault.BadState, "activation_date of an activated sobject cannot be changed")
		}
		k.ActivationDate = *ch.ActivationDate
	}
	if ch.Deactivation != nil {
		k.DeactivationDate = *ch.Deactivation
	}
	if ch.Ops != nil {
		if extra := *ch.Ops &^ keys.PossibleOps(k.Type, k.Curve); extra != 0 {
			return k, fault.New(fault.Invalid, "key_ops %s are not possible for this type of key", strings.Join(extra.Names(), ", "))
		}
		if *ch.Ops&^k.Ops&keys.OpExport != 0 {
			return k, fault.New(fault.Denied, "EXPORT cannot be added to an existing sobject")
		}
		k.Ops = *ch.Ops
	}
	return k, nil
}

// Delete deletes a key: the virtual key only by default (workflow P1), the HSM
// key first under a policy of write-back.
func (s *Service) Delete(ctx context.Context, c access.Caller, kid id.Key) error {
	return s.change(ctx, c, "key delete", kid, func(ctx context.Context, b backend.Backend, g groups.Group, k keys.Key) error {
		if k.Virtual == nil || !g.Policy.WriteBack {
			return s.cat.DeleteKey(ctx, kid, "")
		}
		return s.destroyInToken(ctx, c, b, g, k)
	})
}

func (s *Service) destroyInToken(ctx context.Context, c access.Caller, b backend.Backend, g groups.Group, k keys.Key) error {
	ctx = context.WithoutCancel(ctx)
	intent := intents.Intent{
		ID: id.Intent(s.cfg.NewID()), Kind: intents.Destroy, Account: k.Account, Group: k.Group, Key: k.ID,
		Creator: c.Principal, StartedAt: s.cfg.Now(),
	}
	defer s.begin(intent.ID)()
	if err := s.cat.BeginIntent(ctx, intent); err != nil {
		return err
	}
	if err := b.Destroy(ctx, g, k); err != nil {
		if fault.KindOf(err) == fault.Unavailable {
			return err // recovery looks whether it was done
		}
		if endErr := s.cat.EndIntent(ctx, intent.ID); endErr != nil {
			return endErr
		}
		return err
	}
	return s.cat.DeleteKey(ctx, k.ID, intent.ID)
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
		if err := access.ManageKeys(c, k.Account, k.Group, k.Ops.Has(keys.OpAppManageable)); err != nil {
			return err
		}
		g, err := s.cat.Group(ctx, k.Group)
		if err != nil {
			return err
		}
		b, err := s.backend(g)
		if err != nil {
			return err
		}
		return do(ctx, b, g, k)
	})
}
