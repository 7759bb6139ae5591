package keyring

import (
	"context"

	"gatehouse/app/ledger"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/intents"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/ports/backend"
)

// Generate makes a key in a group; an empty group is the calling app's default.
func (s *Service) Generate(ctx context.Context, c access.Caller, g id.Group, spec keys.Spec) (keys.Key, error) {
	return s.create(ctx, c, g, spec, recipe{
		action: "key generate",
		check:  keys.Spec.CheckGenerate,
		make: func(ctx context.Context, b backend.Backend, o backend.Order) (backend.Made, error) {
			return b.Generate(ctx, o)
		},
	})
}

// Import takes a key into a group; an empty group is the calling app's default.
func (s *Service) Import(ctx context.Context, c access.Caller, g id.Group, spec keys.Spec, material secret.Value) (keys.Key, error) {
	return s.create(ctx, c, g, spec, recipe{
		action:   "key import",
		imported: true,
		check:    func(spec keys.Spec) (keys.Spec, error) { return spec.CheckImport(material.Len()) },
		make: func(ctx context.Context, b backend.Backend, o backend.Order) (backend.Made, error) {
			return b.Import(ctx, o, material)
		},
	})
}

// recipe is a way to make a key.
type recipe struct {
	action   string // for the audit log
	about    string // the same, what else takes part
	imported bool
	admit    func(groups.Group) error // may refuse the group; may be nil
	check    func(keys.Spec) (keys.Spec, error)
	make     func(context.Context, backend.Backend, backend.Order) (backend.Made, error)
	dress    func(*keys.Key) // fills in what the record tells besides; may be nil

	copyOf   id.Key           // the key that it is a copy of
	replaces intents.Replaced // the key whose place it takes
}

func (r recipe) dressed(k *keys.Key) {
	if r.dress != nil {
		r.dress(k)
	}
}

func (s *Service) create(ctx context.Context, c access.Caller, gid id.Group, spec keys.Spec, r recipe) (keys.Key, error) {
	var k keys.Key
	o := backend.Order{ID: id.Key(s.cfg.NewID()), Imported: r.imported}
	entry := ledger.Entry{Caller: c, Action: r.action, Object: string(o.ID), Group: gid, About: r.about}
	err := s.ledger.Change(ctx, entry, func(e *ledger.Entry) error {
		var err error
		if o.Group, err = s.target(ctx, c, gid); err != nil {
			return err
		}
		e.Group = o.Group.ID
		if r.admit != nil {
			if err = r.admit(o.Group); err != nil {
				return err
			}
		}
		if o.Spec, err = r.check(spec); err != nil {
			return err
		}
		if o.Spec, err = scheduled(o.Spec, s.cfg.Now()); err != nil {
			return err
		}
		b, err := s.backend(o.Group)
		if err != nil {
			return err
		}
		if o.Group.Kind == groups.Ordinary {
			k, err = s.createSealed(ctx, c, b, o, r)
		} else {
			k, err = s.createInToken(ctx, c, b, o, r)
		}
		return err
	})
	if err != nil {
		return keys.Key{}, err
	}
	return k, nil
}

// target returns the group that a new key goes to.
func (s *Service) target(ctx context.Context, c access.Caller, gid id.Group) (groups.Group, error) {
	if gid == "" {
		gid = c.Default
	}
	if gid == "" {
		return groups.Group{}, fault.New(fault.Invalid, "group_id is required: the caller has no default group")
	}
	g, err := s.cat.Group(ctx, gid)
	if err != nil {
		return g, err
	}
	return g, access.CreateKeys(c, g.Account, g.ID)
}

// createSealed makes a key that comes into being with its record.
func (s *Service) createSealed(ctx context.Context, c access.Caller, b backend.Backend, o backend.Order, r recipe) (keys.Key, error) {
	made, err := r.make(ctx, b, o)
	if err != nil {
		return keys.Key{}, err
	}
	k := s.newKey(c.Principal, o, made)
	r.dressed(&k)
	return s.recordMade(ctx, o.Group, k, r.copyOf, r.replaces, "")
}

// recordMade records a key that was made, with what that changes of other keys,
// and ends the intent. It returns the key as it was recorded.
func (s *Service) recordMade(ctx context.Context, g groups.Group, k keys.Key, copyOf id.Key, replaces intents.Replaced, finished id.Intent) (keys.Key, error) {
	k.Links.CopiedFrom, k.Links.Replaced = copyOf, replaces.Key
	changes := s.changesWith(g, k, copyOf, replaces)
	if len(changes) == 0 {
		return k, s.cat.AddKey(ctx, k, finished)
	}
	return k, s.cat.RecordKeys(ctx, []keys.Key{k}, changes, finished)
}

// createInToken makes a key in three recorded steps: the intent with the id
// that the key will have, the key, the record of it. From the intent on it no
// longer depends on the requester's patience.
func (s *Service) createInToken(ctx context.Context, c access.Caller, b backend.Backend, o backend.Order, r recipe) (keys.Key, error) {
	ctx = context.WithoutCancel(ctx)
	i := intents.Intent{
		ID: id.Intent(s.cfg.NewID()), Kind: intents.Create, Account: o.Group.Account, Group: o.Group.ID, Key: o.ID,
		Spec: o.Spec, Imported: o.Imported, Creator: c.Principal, StartedAt: s.cfg.Now(),
	}
	if r.replaces.Key != "" {
		i.Kind = intents.Rotate
	}
	i.CopiedOf, i.Replaces = r.copyOf, r.replaces
	done, ok := s.work.claim(i, nil)
	if !ok {
		return keys.Key{}, errBusy()
	}
	defer done()
	if i.Kind == intents.Rotate {
		if err := s.unsettled(ctx, i); err != nil {
			return keys.Key{}, err
		}
	}
	if err := s.cat.BeginIntent(ctx, i); err != nil {
		s.end(ctx, i) // it may have been stored all the same
		return keys.Key{}, err
	}
	made, err := r.make(ctx, b, o)
	if err != nil {
		if made, err = s.afterFailure(ctx, b, o, i, err); err != nil {
			return keys.Key{}, err
		}
	}
	k := s.newKey(c.Principal, o, made)
	r.dressed(&k)
	if k, err = s.recordMade(ctx, o.Group, k, r.copyOf, r.replaces, i.ID); err != nil {
		s.abandon(ctx, i)
		return keys.Key{}, err
	}
	return k, nil
}

// afterFailure looks what a failed order left in the token: the whole key, then
// the order has succeeded after all; nothing, then the intent ends; or nobody
// can tell now, then recovery will remove what turns up.
func (s *Service) afterFailure(ctx context.Context, b backend.Backend, o backend.Order, i intents.Intent, cause error) (backend.Made, error) {
	if !uncertain(cause) {
		s.end(ctx, i)
		return backend.Made{}, cause
	}
	made, err := b.Recover(ctx, o, false)
	if err == nil && made != nil {
		return *made, nil
	}
	// Not found proves nothing yet: the token may still be at it.
	s.abandon(ctx, i)
	return backend.Made{}, cause
}

// newKey is the record of a key that a backend has made.
func (s *Service) newKey(creator id.Principal, o backend.Order, made backend.Made) keys.Key {
	spec, now := o.Spec, s.cfg.Now()
	k := keys.Key{
		ID: o.ID, Account: o.Group.Account, Group: o.Group.ID, Name: spec.Name, Description: spec.Description,
		Type: spec.Type, Size: made.Size, Curve: made.Curve, Ops: spec.Ops, State: keys.Active, Enabled: spec.Enabled,
		Origin: keys.OriginGenerated, Creator: creator, PublicOnly: made.Public, PublicKey: made.PublicKey, KCV: made.KCV,
		RSA: spec.RSA, ParamSet: made.ParamSet, KCVCMAC: made.KCVCMAC, Cipher: spec.Cipher, Paddings: spec.Paddings, Export: spec.Export, CreatedAt: now, ActivationDate: spec.ActivationDate, DeactivationDate: spec.Deactivation,
		Metadata: spec.Metadata, Virtual: made.Virtual, Material: made.Material,
	}
	if k.Ops == 0 { // the curve was not known before the import
		k.Ops = keys.DefaultOps(k.Type, k.Curve)
	}
	if o.Imported {
		k.Origin = keys.OriginExternal
	}
	if made.Public {
		k.Ops &= publicOps
	}
	switch {
	case k.ActivationDate.IsZero() && spec.State == keys.PreActive, now.Before(k.ActivationDate):
		k.State = keys.PreActive
	case k.ActivationDate.IsZero():
		k.ActivationDate = now
	}
	k.Rotation, k.ScheduledRotation = spec.Rotation, spec.Rotation.Next(now)
	return k
}
