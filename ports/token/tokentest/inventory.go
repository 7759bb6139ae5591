package tokentest

import (
	"context"
	"errors"
	"testing"

	"gatehouse/core/hsm"
)

// inventory: everything is yielded once, or what the filter asks for.
func (s *suite) inventory(t *testing.T) {
	ids := map[string]bool{}
	for range 3 {
		tpl := s.aes()
		s.generateKey(t, tpl)
		ids[string(tpl.ID)] = true
	}
	t.Run("everything once", func(t *testing.T) {
		seen := map[string]int{}
		err := s.tok.Inventory(within(t), hsm.Filter{}, func(o hsm.Object) error {
			if o.Unreadable != "" {
				t.Errorf("object %x is unreadable: %s", o.ID, o.Unreadable)
			}
			seen[string(o.ID)+string(o.Class)]++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for id := range ids {
			if n := seen[id+string(hsm.SecretKey)]; n != 1 {
				t.Errorf("key %x is yielded %d times, want once", id, n)
			}
		}
	})
	t.Run("nothing under an id that nobody has", func(t *testing.T) { s.wantNone(t, s.newID()) })
	t.Run("error of yield", func(t *testing.T) {
		enough, calls := errors.New("enough"), 0
		err := s.tok.Inventory(within(t), hsm.Filter{}, func(hsm.Object) error {
			calls++
			return enough
		})
		if !errors.Is(err, enough) {
			t.Errorf("got %v, want the error of yield", err)
		}
		if calls != 1 {
			t.Errorf("yield was called %d times, want once", calls)
		}
	})
	t.Run("context ended by yield", func(t *testing.T) {
		ctx, cancel := context.WithCancel(within(t))
		calls := 0
		err := s.tok.Inventory(ctx, hsm.Filter{}, func(hsm.Object) error {
			calls++
			cancel()
			return nil
		})
		wantEnded(t, err)
		if calls != 1 {
			t.Errorf("yield was called %d times, want once", calls)
		}
	})
	t.Run("whole again after one that was left early", func(t *testing.T) {
		for id := range ids {
			s.find(t, hsm.SecretKey, []byte(id))
		}
	})
}
