package keyring

import (
	"context"
	"maps"

	"gatehouse/core/id"
)

// Watch notes which keys are being made, changed or destroyed in tokens while a
// sync reads one, so that the sync leaves them alone: what it has read of them
// may be true no more, or not yet.
type Watch struct {
	s       *Service
	near    func(id.Group) bool
	touched Touched // under the work's lock
}

// Touched are keys that a sync must leave alone.
type Touched struct {
	Keys map[id.Key]bool
	IDs  map[string]bool // CKA_IDs of those that were there before
}

// Watch begins a watch over the slot of those groups that near says: a CKA_ID
// means another key in another HSM. Whoever began it ends it.
func (s *Service) Watch(near func(id.Group) bool) *Watch {
	w := &Watch{s: s, near: near, touched: Touched{Keys: map[id.Key]bool{}, IDs: map[string]bool{}}}
	s.work.mu.Lock()
	defer s.work.mu.Unlock()
	for _, c := range s.work.underway {
		w.note(c)
	}
	s.work.watches[w] = true
	return w
}

// note notes a change. The caller holds the work's lock.
func (w *Watch) note(c change) {
	w.touched.Keys[c.Key] = true
	if c.Replaces.Key != "" {
		w.touched.Keys[c.Replaces.Key] = true
	}
	if c.at != nil && w.near(c.Group) {
		w.touched.IDs[string(c.at.ID)] = true
	}
}

// Touched returns what was touched since the watch began, and what is not
// settled now.
func (w *Watch) Touched(ctx context.Context) (Touched, error) {
	open, err := w.s.cat.ListIntents(ctx)
	if err != nil {
		return Touched{}, err
	}
	w.s.work.mu.Lock()
	defer w.s.work.mu.Unlock()
	all := Touched{Keys: maps.Clone(w.touched.Keys), IDs: maps.Clone(w.touched.IDs)}
	for _, i := range open {
		all.Keys[i.Key] = true
		if i.Replaces.Key != "" {
			all.Keys[i.Replaces.Key] = true
		}
	}
	return all, nil
}

// End ends the watch.
func (w *Watch) End() {
	w.s.work.mu.Lock()
	defer w.s.work.mu.Unlock()
	delete(w.s.work.watches, w)
}
