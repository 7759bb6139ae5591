package keyring

import (
	"context"
	"strings"

	"gatehouse/app/ledger"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/ports/backend"
)

// Copying asks for another key of the same material.
type Copying struct {
	Key   Descriptor
	Group id.Group                                     // empty: the key's
	Shape func(keys.Key, keys.Spec) (keys.Spec, error) // what the copy has otherwise: its name at least
}

// Copy makes another key of the same material, in the same group or in another
// one, whose HSM takes it in. The two are linked. Into another group the key
// must be exportable; one in an HSM must be extractable there. The copy may do
// nothing that the key may not.
func (s *Service) Copy(ctx context.Context, c access.Caller, o Copying) (keys.Key, error) {
	var k keys.Key
	err := s.ledger.Change(ctx, ledger.Entry{Caller: c, Action: "key copy"}, func(e *ledger.Entry) error {
		source, err := s.find(ctx, c, o.Key)
		if err != nil {
			return err
		}
		e.Object, e.Group = string(source.ID), source.Group
		spec, err := o.Shape(source, specOf(source))
		if err != nil {
			return err
		}
		to, err := s.mayCopy(ctx, c, source, o.Group, spec)
		if err != nil {
			return err
		}
		material, err := s.materialOf(ctx, source)
		if err != nil {
			return err
		}
		defer material.Wipe()
		k, err = s.copyInto(ctx, c, to, spec, source.ID, material)
		return err
	})
	if err != nil {
		return keys.Key{}, err
	}
	return k, nil
}

// mayCopy decides whether a key may be copied after spec into a group, which it
// returns.
func (s *Service) mayCopy(ctx context.Context, c access.Caller, source keys.Key, gid id.Group, spec keys.Spec) (groups.Group, error) {
	if err := access.ManageKey(c, source, access.MayCopy); err != nil {
		return groups.Group{}, err
	}
	if gid == "" {
		gid = source.Group
	}
	to, err := s.target(ctx, c, gid)
	if err != nil {
		return to, err
	}
	if gid != source.Group {
		if err := access.ExportTo(c, source); err != nil {
			return to, err
		}
	}
	if _, err := source.StateAt(s.cfg.Now()).After(keys.Copy); err != nil {
		return to, err
	}
	if original := specOf(source); spec.Cipher != original.Cipher || !spec.Paddings.Equal(original.Paddings) || !spec.Export.Equal(original.Export) {
		if err := original.Export.Becomes(spec.Export); err != nil {
			return to, err
		}
		if err := access.ManageKey(c, source, access.MayUpdatePolicies); err != nil {
			return to, err
		}
	}
	switch {
	case !source.Enabled:
		return to, fault.New(fault.BadState, "sobject is not enabled")
	case source.Virtual != nil && !source.Virtual.MissingSince.IsZero():
		return to, fault.New(fault.BadState, "the key was not in the HSM at the last sync; sync again once it is back")
	case source.Virtual != nil && !source.Virtual.Extractable:
		return to, fault.New(fault.Denied, "the key cannot be copied: it is not extractable from its HSM")
	}
	if more := spec.Ops &^ source.Ops; more != 0 {
		return to, fault.New(fault.Denied, "a copy cannot be permitted what its original is not: %s", strings.Join(more.Names(), ", "))
	}
	return to, nil
}

// materialOf returns the material of a key for another key of this service.
func (s *Service) materialOf(ctx context.Context, k keys.Key) (secret.Value, error) {
	g, b, err := s.home(ctx, k.Group)
	if err != nil {
		return secret.Value{}, err
	}
	k = k.Clone()
	k.Ops |= keys.OpExport // it does not leave the service, or was allowed to
	return b.Export(ctx, g, k)
}

// copyInto makes a copy of a key in a group.
func (s *Service) copyInto(ctx context.Context, c access.Caller, g groups.Group, spec keys.Spec, source id.Key, material secret.Value) (keys.Key, error) {
	b, err := s.backend(g)
	if err != nil {
		return keys.Key{}, err
	}
	r := importing(material)
	r.copyOf = source
	o := backend.Order{ID: id.Key(s.cfg.NewID()), Group: g, Imported: true}
	if o.Spec, err = r.check(spec); err != nil {
		return keys.Key{}, err
	}
	if o.Spec, err = scheduled(o.Spec, s.cfg.Now()); err != nil {
		return keys.Key{}, err
	}
	if g.Kind == groups.Ordinary {
		return s.createSealed(ctx, c, b, o, r)
	}
	return s.createInToken(ctx, c, b, o, r)
}

// importing is the recipe of a key of given material.
func importing(material secret.Value) recipe {
	return recipe{
		imported: true,
		check:    func(spec keys.Spec) (keys.Spec, error) { return spec.CheckImport(material.Len()) },
		make: func(ctx context.Context, b backend.Backend, o backend.Order) (backend.Made, error) {
			return b.Import(ctx, o, material)
		},
	}
}

// rotateCopies gives copies of a key that was rotated the new material, those
// that its rotation policy means: each is rotated in its own group. What fails
// is in the audit log, and leaves that copy as it was.
func (s *Service) rotateCopies(ctx context.Context, k keys.Key) {
	if k.Rotation == nil || k.Rotation.Copies.None() || k.Links.Replaced == "" {
		return
	}
	old, err := s.cat.Key(ctx, k.Links.Replaced)
	if err != nil {
		return
	}
	for _, kid := range old.Links.CopiedTo {
		entry := ledger.Entry{Caller: system(k.Account, "rotation"), Action: "key rotate", Object: string(kid), About: "copy of " + string(old.ID)}
		_ = s.rotateCopy(ctx, entry, k, kid) // recorded
	}
}

func (s *Service) rotateCopy(ctx context.Context, entry ledger.Entry, source keys.Key, kid id.Key) error {
	old, err := s.cat.Key(ctx, kid)
	if err != nil || mayMakeWay(old, s.cfg.Now()) != nil {
		return err
	}
	g, err := s.cat.Group(ctx, old.Group)
	if err != nil || !source.Rotation.Copies.Means(kid, g.Kind.HSM()) {
		return err
	}
	entry.Group = g.ID
	return s.ledger.Change(ctx, entry, func(e *ledger.Entry) error {
		if old.Group != source.Group && !source.Ops.Has(keys.OpExport) {
			return fault.New(fault.Denied, "the sobject may not leave its group: its key_ops lack EXPORT")
		}
		if old.Group != source.Group {
			if err := source.Export.Plain(); err != nil {
				return err
			}
		}
		material, err := s.materialOf(ctx, source)
		if err != nil {
			return err
		}
		defer material.Wipe()
		spec := specOf(old)
		spec.Size, spec.Curve, spec.ParamSet, spec.RSA = source.Size, source.Curve, source.ParamSet, source.RSA
		if old.Type == keys.EC {
			spec.Size = 0
		}
		r := importing(material)
		r.copyOf = source.ID
		_, err = s.rotate(ctx, e.Caller, old, spec, source.Rotation.DeactivateRotated, r)
		return err
	})
}
