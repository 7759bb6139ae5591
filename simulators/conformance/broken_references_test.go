package conformance_test

import (
	"bytes"
	"context"

	"gatehouse/core/hsm"
	"gatehouse/core/operations"
	"gatehouse/simulators/tokensim"
)

// referring returns a tweak of every reference.
func referring(f func(*hsm.Ref, *tokensim.Slot)) func(*tweaked, *tokensim.Slot) {
	return func(w *tweaked, s *tokensim.Slot) {
		operate, update, destroy := w.operate, w.update, w.destroy
		w.operate = func(ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
			f(&ref, s)
			return operate(ctx, ref, op)
		}
		w.update = func(ctx context.Context, ref hsm.Ref, c hsm.Change) error {
			f(&ref, s)
			return update(ctx, ref, c)
		}
		w.destroy = func(ctx context.Context, ref hsm.Ref) error {
			f(&ref, s)
			return destroy(ctx, ref)
		}
	}
}

// lax returns a tweak that finds the first object that fits well enough.
func lax(fits func(o hsm.Object, ref hsm.Ref) bool) func(*tweaked, *tokensim.Slot) {
	return referring(func(ref *hsm.Ref, s *tokensim.Slot) {
		for _, o := range s.Objects() {
			if o.Class == ref.Class && fits(o, *ref) {
				*ref = o.Ref()
				return
			}
		}
	})
}

// references are wrong in how they find a key.
var references = []broken{
	{"label not compared", "open/references/another_label", lax(func(o hsm.Object, r hsm.Ref) bool {
		return bytes.Equal(o.ID, r.ID) && o.Type == r.Type
	})},
	{"type not compared", "open/references/another_type", lax(func(o hsm.Object, r hsm.Ref) bool {
		return bytes.Equal(o.ID, r.ID) && bytes.Equal(o.Label, r.Label)
	})},
	{"id compared in part", "open/references/id_that_is_a_prefix", lax(func(o hsm.Object, r hsm.Ref) bool {
		return len(r.ID) > 0 && bytes.HasPrefix(o.ID, r.ID) && bytes.Equal(o.Label, r.Label)
	})},
	{"empty id matches any", "open/foreign/without_id", lax(func(o hsm.Object, r hsm.Ref) bool {
		return (len(r.ID) == 0 || bytes.Equal(o.ID, r.ID)) && bytes.Equal(o.Label, r.Label)
	})},
	{"first of several", "open/foreign/duplicates", lax(func(o hsm.Object, r hsm.Ref) bool {
		return bytes.Equal(o.ID, r.ID) && bytes.Equal(o.Label, r.Label)
	})},
	{"fingerprint not compared", "open/references/another_fingerprint", referring(func(r *hsm.Ref, _ *tokensim.Slot) { r.Fingerprint = nil })},
	{"replaced key used", "open/replaced", referring(func(r *hsm.Ref, _ *tokensim.Slot) { r.Fingerprint = nil })},
	{"stale handle used", "open/reinitialised", func(w *tweaked, s *tokensim.Slot) {
		next, before := w.operate, []hsm.Ref{}
		w.operate = func(ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
			if _, err := w.Token.Check(ctx); err != nil { // logs in again after a loss
				return operations.Result{}, err
			}
			if logins, _ := s.Logins(); logins == 1 {
				before = append(before, ref)
			} else if bytes.Equal(ref.ID, before[0].ID) { // its handle is now another key's
				ref = before[1]
			}
			return next(ctx, ref, op)
		}
	}},
	{"certificates hidden", "open/foreign/objects_that_are_no_keys", func(w *tweaked, _ *tokensim.Slot) {
		next := w.inventory
		w.inventory = func(ctx context.Context, f hsm.Filter, yield func(hsm.Object) error) error {
			return next(ctx, f, func(o hsm.Object) error {
				if o.Class == hsm.Certificate {
					return nil
				}
				return yield(o)
			})
		}
	}},
	{"filter ignored", "open/inventory/nothing", func(w *tweaked, _ *tokensim.Slot) {
		next := w.inventory
		w.inventory = func(ctx context.Context, _ hsm.Filter, yield func(hsm.Object) error) error {
			return next(ctx, hsm.Filter{}, yield)
		}
	}},
	{"objects yielded twice", "open/inventory/everything", func(w *tweaked, _ *tokensim.Slot) {
		next := w.inventory
		w.inventory = func(ctx context.Context, f hsm.Filter, yield func(hsm.Object) error) error {
			if err := next(ctx, f, yield); err != nil || f.ID != nil {
				return err
			}
			return next(ctx, f, yield)
		}
	}},
}
