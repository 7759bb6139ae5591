package pkcs11_test

import (
	"context"
	"sync"
	"testing"

	raw "github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11"
	"gatehouse/core/hsm"
)

// TestSingleThread runs a library that does not bear threads: whatever is asked,
// by however many, one thread calls it, from the first call to the last.
func TestSingleThread(t *testing.T) {
	s := newShim(t)
	func() {
		m := loadOnly(t, s.Token, pkcs11.Options{SingleThread: true})
		tok := openOn(t, m, s)
		o, err := tok.Generate(t.Context(), aesKey)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for _, ctx := range []context.Context{t.Context(), context.Background()} {
			for _, do := range []func() error{
				func() error { _, err := tok.Operate(ctx, o.Ref(), encryptData); return err },
				func() error { _, err := tok.Check(ctx); return err },
				func() error { _, err := m.Slots(ctx); return err },
				func() error { return tok.Inventory(ctx, hsm.Filter{}, func(hsm.Object) error { return nil }) },
				func() error { return tok.Update(ctx, o.Ref(), hsm.Change{Label: &o.Label}) },
			} {
				all.Go(func() {
					for range 5 {
						if err := do(); err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
		all.Wait()
		for _, step := range healable {
			if err := tok.Heal(context.Background(), step); err != nil {
				t.Errorf("%s: %v", step, err)
			}
		}
		s.tell(signInit, fail, 1, raw.CKR_USER_NOT_LOGGED_IN)
		useAll(t, tok, []hsm.Ref{o.Ref()})
		if err := tok.Destroy(t.Context(), o.Ref()); err != nil {
			t.Error(err)
		}
		if err := tok.Close(); err != nil {
			t.Error(err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}()
	if got := s.others(); got != 0 {
		t.Errorf("got %d calls from other threads, want none", got)
	}
}
