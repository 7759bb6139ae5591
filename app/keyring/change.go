package keyring

import (
	"context"
	"maps"
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
	Group                        *id.Group // an ordinary one, from an ordinary one
	Ops                          *keys.Ops
	Enabled                      *bool
	Metadata                     *map[string]string
	ActivationDate, Deactivation *time.Time
	Cipher                       *keys.CipherOptions
	Paddings                     *keys.RSAPaddings // what is not given in them stays
	Export                       *keys.ExportPolicy
	Rotation                     *keys.RotationPolicy
	NoRotation                   bool // ends the rotation policy
}

// needs returns the permissions that somebody needs who makes the change of k.
func (ch Change) needs(k keys.Key) access.Permissions {
	var need access.Permissions
	for _, part := range []struct {
		changes bool
		need    access.Permissions
	}{
		{differs(ch.Name, k.Name) || differs(ch.Description, k.Description), access.MayUpdateProfile},
		{ch.Metadata != nil && !maps.Equal(*ch.Metadata, k.Metadata), access.MayUpdateProfile},
		{ch.moves(k), access.MayMove},
		{differs(ch.Enabled, k.Enabled), access.MayUpdateEnabled},
		{differs(ch.Ops, k.Ops), access.MayUpdateOps},
		{ch.ActivationDate != nil && !ch.ActivationDate.Equal(k.ActivationDate), access.MayActivate},
		{ch.Deactivation != nil && !ch.Deactivation.Equal(k.DeactivationDate), access.MayRevoke},
		{ch.policies(k), access.MayUpdatePolicies},
		{ch.Rotation != nil && !ch.Rotation.Equal(k.Rotation) || ch.NoRotation && k.Rotation != nil, access.MayUpdatePolicies},
	} {
		if part.changes {
			need |= part.need
		}
	}
	if need == 0 {
		return access.MayUpdateProfile
	}
	return need
}

func differs[T comparable](to *T, from T) bool { return to != nil && *to != from }

// paddings are the policies of k after the change.
func (ch Change) paddings(k keys.Key) keys.RSAPaddings {
	if ch.Paddings == nil {
		return k.Paddings
	}
	return ch.Paddings.Over(k.Paddings)
}

// policies reports whether the change is one of how k may be used, or leave.
func (ch Change) policies(k keys.Key) bool {
	return ch.Cipher != nil && *ch.Cipher != k.Cipher || !ch.paddings(k).Said().Equal(k.Paddings.Said()) ||
		ch.Export != nil && !ch.Export.Equal(k.Export)
}

// Update changes a key's metadata and permissions. Under a policy of
// write-back, label and permissions are changed in the HSM first; if it
// refuses, the key stays as it was. Who moves a key into another group needs
// permission to make keys there.
func (s *Service) Update(ctx context.Context, c access.Caller, kid id.Key, ch Change) (keys.Key, error) {
	var changed keys.Key
	e := ledger.Entry{Caller: c, Action: "key update", Object: string(kid)}
	if ch.Group != nil {
		e.About = "into group " + string(*ch.Group)
	}
	err := s.changeAs(ctx, e, ch.needs, func(ctx context.Context, b backend.Backend, g groups.Group, k keys.Key) error {
		if ch.moves(k) {
			if err := s.mayMove(ctx, c, g, *ch.Group); err != nil {
				return err
			}
		}
		apply := s.evolve(g, func(k keys.Key) (keys.Key, error) { return ch.apply(k, s.cfg.Now()) })
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
	state := k.StateAt(now)
	action := keys.Describe
	if differs(ch.Enabled, k.Enabled) || differs(ch.Ops, k.Ops) || ch.policies(k) || ch.Rotation != nil {
		action = keys.Configure
	}
	if ch.moves(k) {
		action = keys.Move
	}
	if _, err := state.After(action); err != nil {
		return k, err
	}
	patch.Set(&k.Group, ch.Group)
	patch.Set(&k.Name, ch.Name)
	patch.Set(&k.Description, ch.Description)
	patch.Set(&k.Enabled, ch.Enabled)
	patch.Set(&k.Metadata, ch.Metadata)
	patch.Set(&k.Cipher, ch.Cipher)
	k.Paddings = ch.paddings(k)
	if err := k.Paddings.Check(k.Type); err != nil {
		return k, err
	}
	if err := ch.applyExport(&k); err != nil {
		return k, err
	}
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
	if err := ch.applyRotation(&k, now); err != nil {
		return k, err
	}
	err := ch.applyOps(&k)
	return k, err
}

func (ch Change) applyExport(k *keys.Key) error {
	if ch.Export == nil {
		return nil
	}
	if err := ch.Export.Check(); err != nil {
		return err
	}
	if err := k.Export.Becomes(*ch.Export); err != nil {
		return err
	}
	k.Export = *ch.Export
	return nil
}

func (ch Change) applyRotation(k *keys.Key, now time.Time) error {
	switch {
	case ch.NoRotation:
		k.Rotation, k.ScheduledRotation = nil, time.Time{}
	case ch.Rotation == nil || ch.Rotation.Equal(k.Rotation):
	case k.Links.Replacement != "":
		return fault.New(fault.BadState, "another sobject has taken this one's place already: that is the one to be rotated")
	default:
		if _, err := specOf(*k).CheckGenerate(); err != nil || k.PublicOnly {
			return fault.New(fault.Invalid, "rotation_policy: a sobject like this one cannot be made anew")
		}
		p, err := ch.Rotation.Checked(now)
		if err != nil {
			return err
		}
		k.Rotation, k.ScheduledRotation = &p, p.Next(now)
	}
	return nil
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

// change finds a key, makes sure that the caller may do to it what needs says,
// and runs do.
func (s *Service) change(ctx context.Context, c access.Caller, action string, kid id.Key, needs func(keys.Key) access.Permissions,
	do func(context.Context, backend.Backend, groups.Group, keys.Key) error,
) error {
	return s.changeAs(ctx, ledger.Entry{Caller: c, Action: action, Object: string(kid)}, needs, do)
}

// changeAs is change of the key that e is about.
func (s *Service) changeAs(ctx context.Context, e ledger.Entry, needs func(keys.Key) access.Permissions,
	do func(context.Context, backend.Backend, groups.Group, keys.Key) error,
) error {
	c := e.Caller
	return s.ledger.Change(ctx, e, func(e *ledger.Entry) error {
		k, err := s.findDeletedToo(ctx, c, id.Key(e.Object))
		if err == nil && k.State == keys.Deleted && e.Action != actionRevert {
			err = access.ErrNoSuchKey()
		}
		if err != nil {
			return err
		}
		e.Group = k.Group
		if err := access.ManageKey(c, k, needs(k)); err != nil {
			return err
		}
		g, b, err := s.home(ctx, k.Group)
		if err != nil {
			return err
		}
		return do(ctx, b, g, k)
	})
}
