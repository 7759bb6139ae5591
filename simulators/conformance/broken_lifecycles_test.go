package conformance_test

import (
	"context"
	"errors"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/simulators/tokensim"
)

// template returns a tweak of what Generate is asked for.
func template(f func(*hsm.Template)) func(*tweaked, *tokensim.Slot) {
	return func(w *tweaked, _ *tokensim.Slot) {
		next := w.generate
		w.generate = func(ctx context.Context, t hsm.Template) (hsm.Object, error) {
			f(&t)
			return next(ctx, t)
		}
	}
}

// lifecycles are wrong in what they make, change and destroy.
var lifecycles = []broken{
	{"label forgotten", "open/^generate$/AES_256", template(func(t *hsm.Template) { t.Label = nil })},
	{"always extractable", "open/^generate$/AES_256", template(func(t *hsm.Template) { t.Extractable = true })},
	{"never extractable", "open/^generate$/extractable", template(func(t *hsm.Template) { t.Extractable = false })},
	{"more operations than asked", "open/operation_refused/denied", template(func(t *hsm.Template) { t.Ops = keys.DefaultOps(t.Type, t.Curve) })},
	{"another size", "open/^generate$/AES_128", template(func(t *hsm.Template) {
		if t.Type == keys.AES {
			t.Size = 256
		}
	})},
	{"no public key returned", "open/^generate$/EC_NistP256", func(w *tweaked, _ *tokensim.Slot) {
		next := w.generate
		w.generate = func(ctx context.Context, t hsm.Template) (hsm.Object, error) {
			o, err := next(ctx, t)
			o.PublicKey = nil
			return o, err
		}
	}},
	{"no public half made", "open/^generate$/EC_NistP256", func(w *tweaked, s *tokensim.Slot) {
		next := w.generate
		w.generate = func(ctx context.Context, t hsm.Template) (hsm.Object, error) {
			o, err := next(ctx, t)
			s.Remove(hsm.PublicKey, t.ID)
			return o, err
		}
	}},
	{"half a key left behind", "open/^generate_refused$/curve", func(w *tweaked, s *tokensim.Slot) {
		next := w.generate
		w.generate = func(ctx context.Context, t hsm.Template) (hsm.Object, error) {
			o, err := next(ctx, t)
			if err != nil && fault.KindOf(err) != fault.Conflict {
				_ = s.Add(hsm.Object{Class: classOf(t), Type: t.Type, ID: t.ID}, secret.Value{})
			}
			return o, err
		}
	}},
	{"second key under one id", "open/^generate_refused$/id_taken_by_a_secret_key", func(w *tweaked, s *tokensim.Slot) {
		next := w.generate
		w.generate = func(ctx context.Context, t hsm.Template) (hsm.Object, error) {
			o, err := next(ctx, t)
			if errors.Is(err, fault.Conflict) {
				o = hsm.Object{Class: hsm.SecretKey, Type: t.Type, ID: t.ID, Label: t.Label}
				return o, s.Add(o, secret.Value{})
			}
			return o, err
		}
	}},
	{"id checked before, not while", "open/concurrency/one_id", func(w *tweaked, s *tokensim.Slot) {
		next := w.generate
		w.generate = func(ctx context.Context, t hsm.Template) (hsm.Object, error) {
			o, err := next(ctx, t)
			if errors.Is(err, fault.Conflict) {
				return o, nil
			}
			return o, err
		}
	}},
	{"material of any size", "open/^import_refused$/aes_key_of_another_size", importing(func(t *hsm.Template) { t.Size = 0 })},
	{"material of any curve", "open/^import_refused$/another_curve", importing(func(t *hsm.Template) { t.Curve, t.Size = "", 0 })},
	{"public half of an import forgotten", "open/^import$/EC_NistP256", func(w *tweaked, s *tokensim.Slot) {
		next := w.imports
		w.imports = func(ctx context.Context, t hsm.Template, m secret.Value) (hsm.Object, error) {
			o, err := next(ctx, t, m)
			if t.Private {
				s.Remove(hsm.PublicKey, t.ID)
			}
			return o, err
		}
	}},
	{"one half updated", "open/update/label_of_EC", func(w *tweaked, s *tokensim.Slot) {
		next := w.update
		w.update = func(ctx context.Context, ref hsm.Ref, c hsm.Change) error {
			err := next(ctx, ref, c)
			for _, o := range s.Objects() {
				if err == nil && o.Class == hsm.PublicKey && string(o.ID) == string(ref.ID) {
					s.Remove(hsm.PublicKey, o.ID)
					o.Label = ref.Label
					_ = s.Add(o, secret.Value{})
				}
			}
			return err
		}
	}},
	{"operations not updated", "open/update/operations", func(w *tweaked, _ *tokensim.Slot) {
		next := w.update
		w.update = func(ctx context.Context, ref hsm.Ref, c hsm.Change) error {
			c.Ops = nil
			return next(ctx, ref, c)
		}
	}},
	{"public half not destroyed", "open/destroy/EC", func(w *tweaked, s *tokensim.Slot) {
		next := w.destroy
		w.destroy = func(ctx context.Context, ref hsm.Ref) error {
			all := s.Objects()
			err := next(ctx, ref)
			for _, o := range all {
				if err == nil && o.Class == hsm.PublicKey && ref.Class == hsm.PrivateKey && string(o.ID) == string(ref.ID) {
					_ = s.Add(o, secret.Value{})
				}
			}
			return err
		}
	}},
	{"second destroy succeeds", "open/destroy/AES", func(w *tweaked, _ *tokensim.Slot) {
		next := w.destroy
		w.destroy = func(ctx context.Context, ref hsm.Ref) error {
			if err := next(ctx, ref); !errors.Is(err, fault.NotFound) {
				return err
			}
			return nil
		}
	}},
}

func importing(f func(*hsm.Template)) func(*tweaked, *tokensim.Slot) {
	return func(w *tweaked, _ *tokensim.Slot) {
		next := w.imports
		w.imports = func(ctx context.Context, t hsm.Template, m secret.Value) (hsm.Object, error) {
			f(&t)
			return next(ctx, t, m)
		}
	}
}

func classOf(t hsm.Template) hsm.Class {
	if t.Type.Asymmetric() {
		return hsm.PrivateKey
	}
	return hsm.SecretKey
}
