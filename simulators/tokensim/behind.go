package tokensim

import (
	"bytes"

	"gatehouse/core/hsm"
	"gatehouse/core/secret"
)

// Change changes label and operations of all objects with this CKA_ID, as
// another application would, and returns their number.
func (s *Slot) Change(id []byte, change hsm.Change) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inside == nil {
		return 0
	}
	n := 0
	for i, o := range s.inside.objects {
		if !bytes.Equal(o.ID, id) {
			continue
		}
		n++
		changed := *o
		if change.Label != nil {
			changed.Label = bytes.Clone(*change.Label)
		}
		if change.Ops != nil {
			changed.Ops = *change.Ops
		}
		s.inside.objects[i] = &changed
	}
	return n
}

// AddFixed is Add of an object whose attributes nobody may change
// (CKA_MODIFIABLE is false).
func (s *Slot) AddFixed(o hsm.Object, m secret.Value) error {
	if err := s.Add(o, m); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.inside.objects) - 1
	fixed := *s.inside.objects[last]
	fixed.fixed = true
	s.inside.objects[last] = &fixed
	return nil
}
