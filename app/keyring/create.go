package keyring

import (
	"context"
	"time"

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
	return s.create(ctx, c, "key generate", g, spec, false, keys.Spec.CheckGenerate,
		func(ctx context.Context, b backend.Backend, o backend.Order) (backend.Made, error) {
			return b.Generate(ctx, o)
		})
}

// Import takes a key into a group; an empty group is the calling app's default.
func (s *Service) Import(ctx context.Context, c access.Caller, g id.Group, spec keys.Spec, material secret.Value) (keys.Key, error) {
	check := func(sp keys.Spec) (keys.Spec, error) { return sp.CheckImport(material.Len()) }
	return s.create(ctx, c, "key import", g, spec, true, check,
		func(ctx context.Context, b backend.Backend, o backend.Order) (backend.Made, error) {
			return b.Import(ctx, o, material)
		})
}

// create makes a key in three recorded steps: the intent with the id that the
// key will have, the key, the record of it. The first is left out for ordinary
// keys, which come into being with their record.
func (s *Service) create(ctx context.Context, c access.Caller, action string, gid id.Group, spec keys.Spec, imported bool,
	check func(keys.Spec) (keys.Spec, error), do func(context.Context, backend.Backend, backend.Order) (backend.Made, error),
) (keys.Key, error) {
	var k keys.Key
	keyID := id.Key(s.cfg.NewID())
	entry := ledger.Entry{Caller: c, Action: action, Object: string(keyID), Group: gid}
	err := s.ledger.Change(ctx, entry, func(e *ledger.Entry) error {
		g, err := s.target(ctx, c, gid)
		if err != nil {
			return err
		}
		e.Group = g.ID
		if spec, err = check(spec); err != nil {
			return err
		}
		b, err := s.backend(g)
		if err != nil {
			return err
		}
		o := backend.Order{ID: keyID, Group: g, Spec: spec}
		if g.Kind == groups.Ordinary {
			made, err := do(ctx, b, o)
			if err != nil {
				return err
			}
			k = s.newKey(c.Principal, o, imported, made)
			return s.cat.AddKey(ctx, k, "")
		}
		k, err = s.createInToken(ctx, c, b, o, imported, do)
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
	return g, access.ManageKeys(c, g.Account, g.ID, true)
}

// createInToken changes the token between intent and record. From the intent
// on it no longer depends on the requester's patience.
func (s *Service) createInToken(ctx context.Context, c access.Caller, b backend.Backend, o backend.Order, imported bool,
	do func(context.Context, backend.Backend, backend.Order) (backend.Made, error),
) (keys.Key, error) {
	ctx = context.WithoutCancel(ctx)
	intent := intents.Intent{
		ID: id.Intent(s.cfg.NewID()), Kind: intents.Create, Account: o.Group.Account, Group: o.Group.ID, Key: o.ID,
		Spec: o.Spec, Imported: imported, Creator: c.Principal, StartedAt: s.cfg.Now(),
	}
	defer s.begin(intent.ID)()
	if err := s.cat.BeginIntent(ctx, intent); err != nil {
		return keys.Key{}, err
	}
	made, err := do(ctx, b, o)
	if err != nil {
		found, lookErr := s.afterFailure(ctx, b, o, intent, err)
		if found == nil {
			return keys.Key{}, lookErr
		}
		made = *found
	}
	k := s.newKey(c.Principal, o, imported, made)
	if err := s.cat.AddKey(ctx, k, intent.ID); err != nil {
		s.abandon(ctx, intent)
		return keys.Key{}, err
	}
	return k, nil
}

// afterFailure looks what a failed order left in the token: the whole key, then
// the order has succeeded after all; nothing, then the intent ends; or nobody
// can tell now, then recovery will remove what turns up.
func (s *Service) afterFailure(ctx context.Context, b backend.Backend, o backend.Order, i intents.Intent, cause error) (*backend.Made, error) {
	switch fault.KindOf(cause) {
	case fault.Unavailable, fault.Internal:
	default: // refused: the port promises that nothing was left behind
		if err := s.cat.EndIntent(ctx, i.ID); err != nil {
			return nil, err
		}
		return nil, cause
	}
	if never := fault.ReasonOf(cause); never.Credential() || never == fault.Refused || never == fault.TLSRefused || never == fault.Unreachable {
		if err := s.cat.EndIntent(ctx, i.ID); err != nil {
			return nil, err
		}
		return nil, cause
	}
	made, err := b.Recover(ctx, o)
	if err == nil && made != nil {
		return made, nil
	}
	// Not found proves nothing yet: the token may still be at it.
	s.abandon(ctx, i)
	return nil, cause
}

// abandon leaves an intent to recovery, as one whose requester was told that it
// failed. When even that cannot be stored, recovery records the key instead.
func (s *Service) abandon(ctx context.Context, i intents.Intent) {
	_ = s.cat.AbandonIntent(ctx, i.ID)
}

// begin marks an intent as being worked on in this process, until the returned
// function is called.
func (s *Service) begin(i id.Intent) (end func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.underway[i] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.underway, i)
	}
}

// newKey is the record of a key that a backend has made.
func (s *Service) newKey(creator id.Principal, o backend.Order, imported bool, made backend.Made) keys.Key {
	spec, now := o.Spec, s.cfg.Now()
	if spec.Ops == 0 { // only the imported material told the curve
		spec.Ops = keys.DefaultOps(spec.Type, made.Curve)
	}
	k := keys.Key{
		ID: o.ID, Account: o.Group.Account, Group: o.Group.ID, Name: spec.Name, Description: spec.Description,
		Type: spec.Type, Size: made.Size, Curve: made.Curve, Ops: spec.Ops, State: keys.Active, Enabled: spec.Enabled,
		Origin: keys.OriginGenerated, Creator: creator, PublicOnly: made.Public, PublicKey: made.PublicKey, KCV: made.KCV,
		RSA: spec.RSA, CreatedAt: now, ActivationDate: spec.ActivationDate, DeactivationDate: spec.Deactivation,
		Metadata: spec.Metadata, Virtual: made.Virtual, Material: made.Material,
	}
	if k.Ops == 0 { // the curve was not known before the import
		k.Ops = keys.DefaultOps(k.Type, k.Curve)
	}
	if imported {
		k.Origin = keys.OriginExternal
	}
	if made.Public {
		k.Ops &= keys.PublicOps | keys.OpExport | keys.OpAppManageable | keys.OpHighVolume
	}
	if k.ActivationDate.IsZero() {
		k.ActivationDate = now
	} else if now.Before(k.ActivationDate) {
		k.State = keys.PreActive
	}
	return k
}

// since returns how long ago t was.
func (s *Service) since(t time.Time) time.Duration { return s.cfg.Now().Sub(t) }
