package syncing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/app/ledger"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/intents"
	"gatehouse/core/keys"
	"gatehouse/core/keysync"
	"gatehouse/core/policy"
	"gatehouse/ports/store"
)

// batch is the number of keys recorded in one transaction.
const batch = 500

// record stores what a reading has found, in batches, and returns the keys
// added. Each difference is in the audit log before it is stored: a process that
// dies in between leaves records of at most one batch, which the next sync
// records again.
func (s *Service) record(ctx context.Context, j *job, g groups.Group, e ledger.Entry, r reading, progress func(Progress)) ([]keys.Key, error) {
	changes, notes := changesOf(r.plan, r.known, s.cfg.Now())
	total := len(r.plan.New) + len(changes)
	if total == 0 {
		return nil, nil
	}
	if err := s.keep(ctx, j); err != nil {
		return nil, err
	}
	done := 0
	for len(changes) > 0 {
		n := min(batch, len(changes))
		if err := s.ledger.Notes(ctx, e, noted(notes[:n])); err != nil {
			return nil, err
		}
		if err := s.cat.SyncKeys(ctx, nil, changes[:n]); err != nil {
			return nil, err
		}
		changes, notes = changes[n:], notes[n:]
		done += n
		progress(Progress{Phase: Recording, Done: done, Total: total})
	}
	added := make([]keys.Key, 0, len(r.plan.New))
	for rest := r.plan.New; len(rest) > 0; {
		n := min(batch, len(rest))
		stored, err := s.add(ctx, g, e, rest[:n])
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

// noted are the notes that say something.
func noted(all []ledger.Note) []ledger.Note {
	return slices.DeleteFunc(slices.Clone(all), func(n ledger.Note) bool { return n.Action == "" })
}

// changesOf returns what the plan changes of known keys. A key that was changed
// since it was read is left alone. Each change has its note, which is empty
// where there is nothing to tell.
func changesOf(plan keysync.Plan, known []keys.Key, now time.Time) ([]store.KeyChange, []ledger.Note) {
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
	conflicts := map[id.Key]string{}
	for _, c := range plan.Conflicts {
		conflicts[c.Key] = c.Message
	}
	changes := make([]store.KeyChange, 0, len(plan.Changed)+len(plan.Missing))
	notes := make([]ledger.Note, 0, cap(changes))
	for _, ch := range plan.Changed {
		changes = append(changes, change(ch.Key, ch.Apply))
		n := ledger.Note{Object: string(ch.Key), Detail: placeOf(ch.Pointer)}
		switch {
		case ch.Back:
			n.Action = policy.KeyBack
		case ch.Moved:
			n.Action = policy.KeyMoved
		}
		notes = append(notes, n)
	}
	for _, missing := range plan.Missing {
		changes = append(changes, change(missing, func(k keys.Key) keys.Key {
			k = k.Clone()
			k.Virtual.MissingSince = now
			return k
		}))
		n := ledger.Note{Action: policy.KeyMissing, Object: string(missing)}
		if why, conflict := conflicts[missing]; conflict {
			n.Action, n.Detail = policy.KeyConflict, why
		}
		notes = append(notes, n)
	}
	return changes, notes
}

// placeOf tells people where an HSM has a key.
func placeOf(p keys.Pointer) string {
	return fmt.Sprintf("CKA_ID %x, CKA_LABEL %q", p.ID[:min(len(p.ID), shown)], p.Label[:min(len(p.Label), shown)])
}

// shown is how much of an id or a label is shown, in bytes.
const shown = 64

// add stores new virtual keys. Their names are looked up before; when somebody
// takes one in between, they are looked up again.
func (s *Service) add(ctx context.Context, g groups.Group, e ledger.Entry, found []keysync.Found) ([]keys.Key, error) {
	added, notes, now := make([]keys.Key, len(found)), make([]ledger.Note, len(found)), s.cfg.Now()
	for i, f := range found {
		added[i] = s.newKey(g, f, now)
		notes[i] = ledger.Note{Action: policy.KeyImported, Object: string(added[i].ID), Detail: placeOf(f.Pointer)}
	}
	if err := s.ledger.Notes(ctx, e, notes); err != nil {
		return nil, err
	}
	var err error
	for range 3 {
		if err = s.name(ctx, g, found, added); err != nil {
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

// name gives the records of found keys names that nobody has and that are kept
// for nobody.
func (s *Service) name(ctx context.Context, g groups.Group, found []keysync.Found, added []keys.Key) error {
	taken, err := s.kept(ctx, g.Account)
	if err != nil {
		return err
	}
	for i, f := range found {
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
			return lookup
		}
		taken[name] = true
		added[i].Name = name
	}
	return nil
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

// newKey is the record of a key that was found in an HSM, all but its name.
func (s *Service) newKey(g groups.Group, f keysync.Found, now time.Time) keys.Key {
	p := f.Pointer
	return keys.Key{
		ID: id.Key(s.cfg.NewID()), Account: g.Account, Group: g.ID, Type: f.Type, Size: f.Size, Curve: f.Curve,
		Ops: f.Ops & keys.PossibleOps(f.Type, f.Curve), State: keys.Active, Enabled: true, Origin: keys.OriginExternal,
		Creator:    id.Principal{Kind: id.GroupPrincipal, ID: string(g.ID)},
		PublicOnly: f.PublicOnly, PublicKey: f.PublicKey, KCV: f.KCV, CreatedAt: now, ActivationDate: now, Virtual: &p,
	}
}
