package workers_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/simulators/tokensim"
)

// An inventory afresh is made by a worker that is started for it and ended after it.
func TestAfresh(t *testing.T) {
	t.Parallel()
	found := func(w *world, f hsm.Filter) (n int, err error) {
		f.ID = template.ID
		err = w.tok.Inventory(w.Context(), f, func(hsm.Object) error { n++; return nil })
		return n, err
	}
	t.Run("it finds what those who serve do not notice", func(t *testing.T) {
		inWorld(t, 2, func(w *world) {
			w.slot.Hide(template.ID)
			if n, err := found(w, hsm.Filter{}); n != 0 || err != nil {
				w.Fatalf("got %d objects and %v, want none", n, err)
			}
			if n, err := found(w, hsm.Filter{Afresh: true}); n != 1 || err != nil {
				w.Errorf("got %d objects and %v, want one", n, err)
			}
			if n := w.starts(); n != 3 {
				w.Errorf("%d workers were started, want 3", n)
			}
			w.pass(time.Second)
			for i, worker := range w.started {
				extra := i == 2
				if killed, steps := worker.Killed(), worker.Steps(); killed != extra || extra != (len(steps) == 0) {
					w.Errorf("worker %d: ended %t, took steps %v; want %t, and that those who serve look anew", i, killed, steps, extra)
				}
			}
			if n, err := found(w, hsm.Filter{}); n != 1 || err != nil {
				w.Errorf("got %d objects and %v from those who serve, want one", n, err)
			}
		})
	})
	t.Run("nobody is disturbed when it finds nothing", func(t *testing.T) {
		inWorld(t, 2, func(w *world) {
			n := 0
			err := w.tok.Inventory(w.Context(), hsm.Filter{ID: []byte("nobody's"), Afresh: true}, func(hsm.Object) error { n++; return nil })
			if n != 0 || err != nil {
				w.Errorf("got %d objects and %v, want none", n, err)
			}
			w.pass(time.Second)
			for i, worker := range w.started {
				if steps := worker.Steps(); len(steps) != 0 {
					w.Errorf("worker %d took steps %v, want none", i, steps)
				}
			}
		})
	})
	t.Run("a PIN that is refused is not tried again", func(t *testing.T) {
		inWorld(t, 1, func(w *world) {
			w.mu.Lock()
			w.fails = fault.New(fault.Unavailable, "wrong PIN").Because(fault.PINIncorrect)
			w.mu.Unlock()
			if _, err := found(w, hsm.Filter{Afresh: true}); fault.ReasonOf(err) != fault.PINIncorrect {
				w.Errorf("got %v, want the refusal", err)
			}
			w.mu.Lock()
			w.fails = nil
			w.mu.Unlock()
			if _, err := found(w, hsm.Filter{Afresh: true}); fault.ReasonOf(err) != fault.PINIncorrect {
				w.Errorf("got %v the next time, want the same refusal", err)
			}
			if n := w.starts(); n != 1 {
				w.Errorf("%d workers were started, want 1", n)
			}
		})
	})
	t.Run("it ends with its context", func(t *testing.T) {
		inWorld(t, 1, func(w *world) {
			w.slot.Fail(tokensim.Fault{Call: tokensim.Inventory, Hang: true})
			ctx, cancel := context.WithTimeout(w.Context(), time.Second)
			defer cancel()
			err := w.tok.Inventory(ctx, hsm.Filter{Afresh: true}, func(hsm.Object) error { return nil })
			if !errors.Is(err, fault.Unavailable) {
				w.Errorf("got %v, want Unavailable", err)
			}
			if !w.started[1].Killed() {
				w.Error("the worker that hangs lives on")
			}
		})
	})
}
