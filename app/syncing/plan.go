package syncing

import (
	"context"

	"gatehouse/core/access"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/keysync"
)

// Plan is what a sync would do now.
type Plan struct {
	keysync.Counts
	New      []keys.Key // as they would come into being, under the names that are free now; without ids
	Changed  []Change
	Missing  []keys.Key // known keys that would be marked missing, those in conflict apart
	Conflict []Conflict
	Warnings []keysync.Warning
}

// Change is a known key, and how it would be found in the HSM from then on.
type Change struct {
	Key keys.Key
	To  keys.Pointer
}

// Conflict is a known key that would be marked missing because something else
// is in its place.
type Conflict struct {
	Key     keys.Key
	Message string
}

// Plan reads the HSM of a group as a sync does, and tells what one would
// record. It writes nothing, not even to the audit log. Errors as Sync.
func (s *Service) Plan(ctx context.Context, c access.Caller, gid id.Group) (Plan, error) {
	g, err := s.managed(ctx, c, gid)
	if err != nil {
		return Plan{}, err
	}
	r, err := s.read(ctx, g, func(Progress) {})
	if err != nil {
		return Plan{}, err
	}
	byID := make(map[id.Key]keys.Key, len(r.known))
	for _, k := range r.known {
		byID[k.ID] = k
	}
	p := Plan{Warnings: r.plan.Warnings, Counts: keysync.Counts{
		Objects: r.objects, Added: len(r.plan.New), Changed: len(r.plan.Changed), Missing: len(r.plan.Missing),
		Conflicts: len(r.plan.Conflicts), Unchanged: r.plan.Unchanged, Skipped: r.plan.Skipped,
	}}
	p.New = make([]keys.Key, len(r.plan.New))
	for i, f := range r.plan.New {
		p.New[i] = s.newKey(g, f, s.cfg.Now())
		p.New[i].ID = ""
	}
	if err := s.name(ctx, g, r.plan.New, p.New); err != nil {
		return Plan{}, err
	}
	for _, ch := range r.plan.Changed {
		p.Changed = append(p.Changed, Change{byID[ch.Key], ch.Pointer})
		if ch.Back {
			p.Back++
		}
	}
	conflicts := map[id.Key]bool{}
	for _, cf := range r.plan.Conflicts {
		conflicts[cf.Key] = true
		p.Conflict = append(p.Conflict, Conflict{byID[cf.Key], cf.Message})
	}
	for _, k := range r.plan.Missing {
		if !conflicts[k] {
			p.Missing = append(p.Missing, byID[k])
		}
	}
	return p, nil
}
