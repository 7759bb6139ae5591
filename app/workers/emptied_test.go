package workers_test

import (
	"errors"
	"testing"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
	"gatehouse/simulators/tokensim"
)

// TestEmptiedToken: a token that held keys and holds none is not the one that it was.
func TestEmptiedToken(t *testing.T) {
	t.Parallel()
	wantGone := func(w *world) {
		w.Helper()
		if err := w.encrypt(5 * time.Second); !errors.Is(err, fault.TokenGone) {
			w.Errorf("using a key: got %v, want the token gone", err)
		}
		if _, err := w.tok.Check(w.Context()); !errors.Is(err, fault.TokenGone) {
			w.Errorf("checking: got %v, want the token gone", err)
		}
	}
	wantAbsent := func(w *world) {
		w.Helper()
		if err := w.encrypt(5 * time.Second); !errors.Is(err, fault.NotFound) {
			w.Errorf("using a key: got %v, want not found", err)
		}
		if _, err := w.tok.Check(w.Context()); err != nil {
			w.Errorf("checking: %v", err)
		}
	}
	used := func(w *world) {
		w.Helper()
		if err := w.encrypt(time.Second); err != nil {
			w.Fatal(err)
		}
	}
	t.Run("it is out of service until it holds keys", func(t *testing.T) {
		inWorld(t, 2, func(w *world) {
			used(w)
			w.slot.Wipe()
			wantGone(w)
			w.pass(time.Minute)
			wantGone(w)
			back := hsm.Object{Class: hsm.SecretKey, Type: template.Type, Size: 256, ID: template.ID, Label: template.Label, Ops: template.Ops}
			if err := w.slot.Add(back, secret.New(make([]byte, 32))); err != nil {
				w.Fatal(err)
			}
			if _, err := w.tok.Check(w.Context()); err != nil {
				w.Errorf("with a key in it: %v", err)
			}
			w.pass(time.Second)
			for i, worker := range w.started {
				if len(worker.Steps()) < 2 && !worker.Killed() {
					w.Errorf("worker %d took steps %v, want it to look anew twice", i, worker.Steps())
				}
			}
			if err := w.encrypt(time.Second); !errors.Is(err, fault.Conflict) {
				w.Errorf("with another key in the key's place: got %v, want conflict", err)
			}
		})
	})
	t.Run("it is not when another key is left", func(t *testing.T) {
		inWorld(t, 2, func(w *world) {
			used(w)
			other := template
			other.ID, other.Label = []byte("other"), []byte("other")
			if _, err := w.tok.Generate(w.Context(), other); err != nil {
				w.Fatal(err)
			}
			w.slot.Remove(hsm.SecretKey, template.ID)
			wantAbsent(w)
		})
	})
	t.Run("it is not when no key was ever used", func(t *testing.T) {
		inWorld(t, 2, func(w *world) {
			w.slot.Wipe()
			wantAbsent(w)
		})
	})
	t.Run("it is not when the last one was destroyed here", func(t *testing.T) {
		inWorld(t, 2, func(w *world) {
			used(w)
			if err := w.tok.Destroy(w.Context(), w.key); err != nil {
				w.Fatal(err)
			}
			wantAbsent(w)
		})
	})
	t.Run("it is not when it is used while the last one is destroyed here", func(t *testing.T) {
		inWorld(t, 2, func(w *world) {
			used(w)
			w.slot.Fail(tokensim.Fault{Call: tokensim.Destroy, Hang: true})
			done := make(chan error)
			go func() { done <- w.tok.Destroy(w.Context(), w.key) }()
			w.pass(time.Millisecond)
			used(w)
			w.slot.Release()
			if err := <-done; err != nil {
				w.Fatal(err)
			}
			wantAbsent(w)
		})
	})
	t.Run("it is when what is to be destroyed is gone", func(t *testing.T) {
		inWorld(t, 2, func(w *world) {
			used(w)
			w.slot.Wipe()
			if err := w.tok.Destroy(w.Context(), w.key); !errors.Is(err, fault.TokenGone) {
				w.Errorf("got %v, want the token gone", err)
			}
			wantGone(w)
		})
	})
}
