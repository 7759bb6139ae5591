package keyring

import (
	"context"
	"errors"
	"time"

	"gatehouse/app/ledger"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/intents"
	"gatehouse/core/keys"
	"gatehouse/ports/backend"
	"gatehouse/ports/store"
)

// Rotation asks for a new key in the place of another.
type Rotation struct {
	Key        Descriptor
	Group      id.Group                                     // empty, or the key's
	Shape      func(keys.Key, keys.Spec) (keys.Spec, error) // what the new key has otherwise; nil: nothing
	Deactivate *bool                                        // the old key; nil: as its rotation policy says
}

// Rotate makes a new key in the group of an old one, in the HSM where its keys
// live there. It takes the old one's name; that is renamed after the time, and
// the two are linked. After a crash at any point either both has happened or
// nothing.
func (s *Service) Rotate(ctx context.Context, c access.Caller, r Rotation) (keys.Key, error) {
	var k keys.Key
	err := s.ledger.Change(ctx, ledger.Entry{Caller: c, Action: "key rotate"}, func(e *ledger.Entry) error {
		old, err := s.find(ctx, c, r.Key)
		if err != nil {
			return err
		}
		e.Object, e.Group = string(old.ID), old.Group
		if err := access.ManageKey(c, old, access.MayRotate); err != nil {
			return err
		}
		if r.Group != "" && r.Group != old.Group {
			return fault.New(fault.Invalid, "a rotated key stays in its group: group_id names another")
		}
		spec := specOf(old)
		if r.Shape != nil {
			if spec, err = r.Shape(old, spec); err != nil {
				return err
			}
		}
		deactivate := old.Rotation != nil && old.Rotation.DeactivateRotated
		if r.Deactivate != nil {
			deactivate = *r.Deactivate
		}
		k, err = s.rotate(ctx, c, old, spec, deactivate, generating)
		return err
	})
	if err != nil {
		return keys.Key{}, err
	}
	s.rotateCopies(ctx, k)
	return k, nil
}

// generating is the recipe of a new key.
var generating = recipe{
	check: keys.Spec.CheckGenerate,
	make: func(ctx context.Context, b backend.Backend, o backend.Order) (backend.Made, error) {
		return b.Generate(ctx, o)
	},
}

// specOf describes a new key that is like k.
func specOf(k keys.Key) keys.Spec {
	spec := keys.Spec{
		Name: k.Name, Description: k.Description, Type: k.Type, Size: k.Size, Curve: k.Curve, ParamSet: k.ParamSet,
		Ops: k.Ops, RSA: k.RSA, Cipher: k.Cipher, Export: k.Export, Enabled: k.Enabled, Metadata: k.Metadata,
	}
	switch k.Type {
	case keys.EC:
		spec.Size = 0 // the curve's
	case keys.RSA:
		spec.Paddings = k.Paddings.Said()
	default: // nothing is left to be told
	}
	return spec
}

// rotate makes a key after spec in the place of old, by a recipe.
func (s *Service) rotate(ctx context.Context, c access.Caller, old keys.Key, spec keys.Spec, deactivate bool, r recipe) (keys.Key, error) {
	now := s.cfg.Now()
	if err := mayMakeWay(old, now); err != nil {
		return keys.Key{}, err
	}
	if old.PublicOnly && !r.imported {
		return keys.Key{}, fault.New(fault.BadState, "only the public half of the sobject is there: it cannot be made anew")
	}
	g, b, err := s.home(ctx, old.Group)
	if err != nil {
		return keys.Key{}, err
	}
	if spec.Rotation == nil {
		spec.Rotation = old.Rotation
	} else if spec, err = scheduled(spec, now); err != nil {
		return keys.Key{}, err
	}
	if spec.Deactivation.IsZero() && old.DeactivationDate.After(now) {
		spec.Deactivation = old.DeactivationDate
	}
	o := backend.Order{ID: id.Key(s.cfg.NewID()), Group: g, Imported: r.imported}
	if o.Spec, err = r.check(spec); err != nil {
		return keys.Key{}, err
	}
	name, err := s.rotatedName(ctx, old)
	if err != nil {
		return keys.Key{}, err
	}
	r.replaces = intents.Replaced{Key: old.ID, Name: name, Deactivate: deactivate}
	if g.Kind == groups.Ordinary {
		return s.createSealed(ctx, c, b, o, r)
	}
	return s.createInToken(ctx, c, b, o, r)
}

// mayMakeWay reports why no key can take the place of k.
func mayMakeWay(k keys.Key, now time.Time) error {
	if _, err := k.StateAt(now).After(keys.Rotate); err != nil {
		return err
	}
	if k.Links.Replacement != "" {
		return fault.New(fault.BadState, "another sobject has taken this one's place already")
	}
	return nil
}

// makesWay is the change of a key whose place and name next takes.
func (s *Service) makesWay(g groups.Group, r intents.Replaced, next keys.Key) func(keys.Key) (keys.Key, error) {
	now := s.cfg.Now()
	return s.evolve(g, func(k keys.Key) (keys.Key, error) {
		if err := mayMakeWay(k, now); err != nil {
			return k, err
		}
		if k.Name != next.Name {
			return k, fault.New(fault.Conflict, "the sobject was renamed meanwhile")
		}
		k.Name, k.Links.Replacement = r.Name, next.ID
		k.Rotation, k.ScheduledRotation = nil, time.Time{} // its replacement has it now
		if state, err := k.StateAt(now).After(keys.Deactivate); r.Deactivate && err == nil {
			k.State, k.DeactivationDate = state, now
		}
		return k, nil
	})
}

// scheduled checks the rotation policy of a new key; one that asks for nothing
// is none.
func scheduled(spec keys.Spec, now time.Time) (keys.Spec, error) {
	if spec.Rotation == nil || spec.Rotation.Equal(&keys.RotationPolicy{}) {
		spec.Rotation = nil
		return spec, nil
	}
	if _, err := spec.CheckGenerate(); err != nil {
		return spec, fault.New(fault.Invalid, "rotation_policy: a sobject like this one cannot be made anew")
	}
	p, err := spec.Rotation.Checked(now)
	spec.Rotation = &p
	return spec, err
}

// rotatedName returns the name that a key has after its rotation.
func (s *Service) rotatedName(ctx context.Context, k keys.Key) (string, error) {
	for _, fine := range []bool{false, true} {
		name := keys.RotatedName(k.Name, s.cfg.Now(), fine)
		if err := keys.CheckName(name); err != nil {
			return "", fault.New(fault.Invalid, "the name of the sobject is too long to be rotated: there is no room for the time")
		}
		err := s.nameFree(ctx, k.Account, name)
		if err == nil || !errors.Is(err, fault.Conflict) {
			return name, err
		}
	}
	return "", fault.New(fault.Conflict, "a sobject of the rotated one's new name exists already: try again")
}

// changesWith are the changes of other keys that belong to the making of k.
func (s *Service) changesWith(g groups.Group, k keys.Key, copyOf id.Key, replaces intents.Replaced) []store.KeyChange {
	var changes []store.KeyChange
	if replaces.Key != "" {
		changes = append(changes, store.KeyChange{Key: replaces.Key, Change: s.makesWay(g, replaces, k)})
	}
	if copyOf != "" {
		changes = append(changes, store.KeyChange{Key: copyOf, Change: func(source keys.Key) (keys.Key, error) {
			source = source.Clone()
			source.Links.CopiedTo = append(source.Links.CopiedTo, k.ID)
			return source, nil
		}})
	}
	return changes
}
