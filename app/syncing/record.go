package syncing

import (
	"context"
	"errors"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/intents"
	"gatehouse/core/keys"
	"gatehouse/core/keysync"
	"gatehouse/ports/store"
)

// batch is the number of keys recorded in one transaction.
const batch = 500

// record stores the plan, which was made of these known keys, in batches and
// returns the keys added.
func (s *Service) record(ctx context.Context, g groups.Group, plan keysync.Plan, known []keys.Key, progress func(Progress)) ([]keys.Key, error) {
	changes := changesOf(plan, known, s.cfg.Now())
	total := len(plan.New) + len(changes)
	done := 0
	for len(changes) > 0 {
		n := min(batch, len(changes))
		if err := s.cat.SyncKeys(ctx, nil, changes[:n]); err != nil {
			return nil, err
		}
		changes = changes[n:]
		done += n
		progress(Progress{Phase: Recording, Done: done, Total: total})
	}
	added := make([]keys.Key, 0, len(plan.New))
	for rest := plan.New; len(rest) > 0; {
		n := min(batch, len(rest))
		stored, err := s.add(ctx, g, rest[:n])
		added = append(added, stored...)
		if err != nil {
			return added, err
		}
		rest = rest[n:]
		done += n
		progress(Progress{Phase: Recording, Done: done, Total: total})
	}
	return added, nil
}

// changesOf returns what the plan changes of known keys. A key that was changed
// since it was read is left alone.
func changesOf(plan keysync.Plan, known []keys.Key, now time.Time) []store.KeyChange {
	versions := make(map[id.Key]int64, len(known))
	for _, k := range known {
		versions[k.ID] = k.Version
	}
	change := func(id id.Key, apply func(keys.Key) keys.Key) store.KeyChange {
		return store.KeyChange{Key: id, Change: func(k keys.Key) (keys.Key, error) {
			if k.Version != versions[id] {
				return k, nil
			}
			return apply(k), nil
		}}
	}
	changes := make([]store.KeyChange, 0, len(plan.Changed)+len(plan.Missing))
	for _, ch := range plan.Changed {
		changes = append(changes, change(ch.Key, ch.Apply))
	}
	for _, missing := range plan.Missing {
		changes = append(changes, change(missing, func(k keys.Key) keys.Key {
			k = k.Clone()
			k.Virtual.MissingSince = now
			return k
		}))
	}
	return changes
}

// add stores new virtual keys. Their names are looked up before; when somebody
// takes one in between, they are looked up again.
func (s *Service) add(ctx context.Context, g groups.Group, found []keysync.Found) ([]keys.Key, error) {
	var err error
	for range 3 {
		var added []keys.Key
		if added, err = s.named(ctx, g, found); err != nil {
			return nil, err
		}
		if err = s.cat.SyncKeys(ctx, added, nil); err == nil {
			return added, nil
		}
		if !errors.Is(err, fault.Conflict) {
			return nil, err
		}
	}
	return nil, err
}

// named makes the records of found keys, with names that nobody has and that
// are kept for nobody.
func (s *Service) named(ctx context.Context, g groups.Group, found []keysync.Found) ([]keys.Key, error) {
	taken, err := s.kept(ctx, g.Account)
	if err != nil {
		return nil, err
	}
	now := s.cfg.Now()
	added := make([]keys.Key, 0, len(found))
	for _, f := range found {
		var lookup error
		name := f.Name(func(n string) bool {
			if taken[n] || lookup != nil {
				return taken[n]
			}
			_, err := s.cat.Store.KeyByName(ctx, g.Account, n)
			if err != nil && !errors.Is(err, fault.NotFound) {
				lookup = err
			}
			return err == nil
		})
		if lookup != nil {
			return nil, lookup
		}
		taken[name] = true
		added = append(added, s.newKey(g, f, name, now))
	}
	return added, nil
}

// kept returns the names that are kept for keys which are being made.
func (s *Service) kept(ctx context.Context, a id.Account) (map[string]bool, error) {
	open, err := s.cat.ListIntents(ctx)
	names := map[string]bool{}
	for _, i := range open {
		if i.Account == a && i.Kind == intents.Create && !i.Abandoned {
			names[i.Spec.Name] = true
		}
	}
	return names, err
}

// newKey is the record of a key that was found in an HSM.
func (s *Service) newKey(g groups.Group, f keysync.Found, name string, now time.Time) keys.Key {
	p := f.Pointer
	return keys.Key{
		ID: id.Key(s.cfg.NewID()), Account: g.Account, Group: g.ID, Name: name, Type: f.Type, Size: f.Size, Curve: f.Curve,
		Ops: f.Ops & keys.PossibleOps(f.Type, f.Curve), State: keys.Active, Enabled: true, Origin: keys.OriginExternal,
		Creator:    id.Principal{Kind: id.GroupPrincipal, ID: string(g.ID)},
		PublicOnly: f.PublicOnly, PublicKey: f.PublicKey, KCV: f.KCV, CreatedAt: now, ActivationDate: now, Virtual: &p,
	}
}
