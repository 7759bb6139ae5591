package backendtest

import (
	"bytes"
	"context"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
	"gatehouse/ports/backend"
)

// inputs: byte slices of an operation belong to it.
func (s *suite) inputs(t *testing.T) {
	k := s.knownAES(t)
	if k == nil {
		return
	}
	plain, iv := []byte("not a multiple of any block"), bytes.Repeat([]byte{7}, 16)
	e := s.do(t, *k, operations.Encrypt{Mode: operations.CBC, Plain: plain, IV: iv})
	cipher := bytes.Clone(e.Output)
	s.do(t, *k, operations.Decrypt{Mode: operations.CBC, Cipher: e.Output, IV: iv})
	if !bytes.Equal(plain, []byte("not a multiple of any block")) || !bytes.Equal(iv, bytes.Repeat([]byte{7}, 16)) || !bytes.Equal(cipher, e.Output) {
		t.Error("an operation changed its input")
	}
	e.IV[0] = 8
	if iv[0] != 7 {
		t.Error("a result shares its iv with the operation")
	}
}

func (s *suite) spentOnce(t *testing.T) {
	k := s.knownAES(t)
	if k == nil {
		return
	}
	a := s.allow(t, *k, operations.Encrypt{Mode: operations.CBC, Plain: []byte("once")})
	if _, err := s.b.Operate(within(t), s.h.Group, a); err != nil {
		t.Fatalf("the first use: %v", err)
	}
	_, err := s.b.Operate(within(t), s.h.Group, a)
	wantKind(t, err, fault.Internal)
	_, err = s.b.Operate(within(t), s.h.Group, nil)
	wantKind(t, err, fault.Internal)
}

// swapped: a record that was given another key's material, or points to a key
// that is not there, is refused; nothing is done with the wrong key.
func (s *suite) swapped(t *testing.T) {
	one, two := s.generate(t, keys.Spec{Type: keys.AES, Size: 256}), s.generate(t, keys.Spec{Type: keys.AES, Size: 256})
	if one == nil || two == nil {
		return
	}
	wrong := one.Clone()
	want := fault.Internal
	if s.h.Virtual {
		wrong.Virtual.ID, want = []byte("nobody has this id"), fault.NotFound
	} else {
		wrong.Material = two.Material
	}
	_, err := s.try(t, wrong, operations.Encrypt{Mode: operations.CBC, Plain: []byte("data")})
	wantKind(t, err, want)
	s.works(t, *one) // and the refusal has not spoilt the right record
}

func (s *suite) exports(t *testing.T) {
	for _, m := range s.materials(t) {
		t.Run(m.name, func(t *testing.T) {
			m.spec.Ops = keys.OpExport
			k := s.take(t, m.name, m.spec, m.value)
			if k == nil {
				return
			}
			v, err := s.b.Export(within(t), s.h.Group, *k)
			if !s.refusals.works(t, "export "+m.name, err) {
				return
			}
			raw := v.Reveal(reveal.Permit{})
			if !m.spec.Type.Asymmetric() && !bytes.Equal(raw, m.value) {
				t.Error("the exported value is not the imported one")
			}
			again := s.take(t, m.name, m.spec, raw)
			if diff := cmp.Diff(k.PublicKey, again.PublicKey); diff != "" {
				t.Errorf("public key after export and import (-first +second):\n%s", diff)
			}
			if again.KCV != k.KCV || again.PublicOnly || again.Size != k.Size || again.Curve != k.Curve {
				t.Error("the exported key is another one")
			}
			k.Ops &^= keys.OpExport
			_, err = s.b.Export(within(t), s.h.Group, *k)
			wantKind(t, err, fault.Denied)
		})
	}
}

func (s *suite) updates(t *testing.T) {
	k := s.generate(t, keys.Spec{Type: keys.AES, Size: 256, Ops: keys.OpEncrypt | keys.OpDecrypt})
	if k == nil {
		return
	}
	label := []byte("another label " + string(k.ID))
	if err := s.b.Update(within(t), s.h.Group, *k, hsm.Change{Label: &label}); err != nil {
		t.Fatalf("Update of the label: %v", err)
	}
	if k.Virtual != nil {
		k.Virtual.Label = label
	}
	if present, err := s.b.Present(within(t), s.h.Group, *k); err != nil || !present {
		t.Errorf("Present under the new label: %v, error %v", present, err)
	}
	s.works(t, *k)
}

func (s *suite) destroys(t *testing.T) {
	k := s.generate(t, keys.Spec{Type: keys.AES, Size: 256})
	if k == nil {
		return
	}
	s.works(t, *k)
	for range 2 { // a key that is not there any more counts as removed
		if err := s.b.Destroy(within(t), s.h.Group, *k); err != nil {
			t.Fatalf("Destroy: %v", err)
		}
	}
	if !s.h.Virtual {
		return // the caller forgets the sealed material
	}
	for name, b := range map[string]backend.Backend{"this backend": s.b, "another": s.h.Open(t)} {
		if present, err := b.Present(within(t), s.h.Group, *k); err != nil || present {
			t.Errorf("Present of a destroyed key by %s: %v, error %v", name, present, err)
		}
		_, err := b.Operate(within(t), s.h.Group, s.allow(t, *k, operations.Encrypt{Mode: operations.CBC, Plain: []byte("data")}))
		wantKind(t, err, fault.NotFound)
	}
}

// restart: another backend over the same place uses the same keys.
func (s *suite) restart(t *testing.T) {
	k := s.generate(t, keys.Spec{Type: keys.AES, Size: 256})
	if k == nil {
		return
	}
	e := s.do(t, *k, operations.Encrypt{Mode: operations.CBC, Plain: []byte("before")})
	later := s.h.Open(t)
	d, err := later.Operate(within(t), s.h.Group, s.allow(t, *k, operations.Decrypt{Mode: operations.CBC, Cipher: e.Output, IV: e.IV}))
	if err != nil || string(d.Output) != "before" {
		t.Errorf("after a restart decrypted %q, error %v", d.Output, err)
	}
}

func (s *suite) recovers(t *testing.T) {
	for _, spec := range []keys.Spec{{Type: keys.AES, Size: 256}, {Type: keys.EC, Curve: keys.P256}} {
		t.Run(kindOf(spec), func(t *testing.T) {
			o := s.order(t, spec, 0)
			s.wantNothing(t, o)
			m, err := s.b.Generate(within(t), o)
			if !s.refusals.works(t, "generate "+kindOf(spec), err) {
				return
			}
			found, err := s.h.Open(t).Recover(within(t), o, true)
			if err != nil {
				t.Fatalf("Recover: %v", err)
			}
			if !s.h.Virtual {
				if found != nil {
					t.Error("Recover found a key that nobody stored")
				}
				return
			}
			if found == nil {
				t.Fatal("Recover did not find the key")
			}
			if diff := cmp.Diff(m.PublicKey, found.PublicKey); diff != "" {
				t.Errorf("public key (-made +recovered):\n%s", diff)
			}
			s.works(t, s.record(o, *found))
		})
	}
}

// contexts: with an ended context every method gives up and says so.
func (s *suite) contexts(t *testing.T) {
	k := s.generate(t, keys.Spec{Type: keys.AES, Size: 256, Ops: keys.OpEncrypt | keys.OpExport})
	if k == nil {
		return
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range s.everything(ctx, t, s.b, *k) {
		t.Run(name, func(t *testing.T) {
			if refusable[name] && fault.KindOf(err) == fault.Unsupported {
				return // refused before anything is asked
			}
			wantEnded(t, err)
		})
	}
	if _, err := s.try(t, *k, operations.Encrypt{Mode: operations.CBC, Plain: []byte("data")}); err != nil {
		t.Errorf("after all that the key does not work: %v", err)
	}
}

// refusable is what a backend may refuse before it asks anything.
var refusable = map[string]bool{"export": true, "wrap": true, "unwrap": true, "derive": true}

// everything calls every method of b once.
func (s *suite) everything(ctx context.Context, t *testing.T, b backend.Backend, k keys.Key) map[string]error {
	t.Helper()
	errs := map[string]error{}
	generate, take := s.order(t, keys.Spec{Type: keys.RSA, Size: 2048}, 0), s.order(t, keys.Spec{Type: keys.AES}, 16)
	_, errs["generate"] = b.Generate(ctx, generate)
	_, errs["import"] = b.Import(ctx, take, secret.New(bytes.Clone(s.fixed.aes)))
	_, errs["operate"] = b.Operate(ctx, s.h.Group, s.allow(t, k, operations.Encrypt{Mode: operations.CBC, Plain: []byte("data")}))
	_, errs["export"] = b.Export(ctx, s.h.Group, k)
	pair := k
	pair.Ops = keys.UseOps(keys.AES, "")
	_, errs["wrap"] = b.Wrap(ctx, s.h.Group, s.allow(t, pair, operations.Wrap{Mode: operations.CBC}), backend.Subject{Key: k, Material: secret.New(bytes.Clone(s.fixed.aes))})
	_, errs["unwrap"] = b.Unwrap(ctx, take, s.allow(t, pair, operations.Unwrap{Mode: operations.CBC, IV: make([]byte, 16), Wrapped: make([]byte, 32)}))
	data := operations.EncryptData{Encryption: operations.Encrypt{Mode: operations.CBC, Plain: make([]byte, 32), IV: make([]byte, 16)}}
	_, _, errs["derive"] = b.Derive(ctx, s.order(t, derived, 0), s.allow(t, pair, operations.Derive{By: data}))
	label := []byte("label")
	errs["update"] = b.Update(ctx, s.h.Group, k, hsm.Change{Label: &label})
	errs["destroy"] = b.Destroy(ctx, s.h.Group, k)
	_, errs["present"] = b.Present(ctx, s.h.Group, k)
	_, errs["recover"] = b.Recover(ctx, take, false)
	return errs
}

// concurrency: all methods may be called at once, on one key and on many.
func (s *suite) concurrency(t *testing.T) {
	shared := s.generate(t, keys.Spec{Type: keys.AES, Size: 256})
	if shared == nil {
		return
	}
	var wg sync.WaitGroup
	for range 8 {
		o := s.order(t, keys.Spec{Type: keys.HMAC, Size: 256}, 0)
		uses := make([][2]operations.Operation, 10)
		for i := range uses {
			uses[i] = [2]operations.Operation{
				operations.Encrypt{Mode: operations.CBC, Plain: []byte("shared")},
				operations.MAC{Hash: operations.SHA256, Data: []byte("own")},
			}
		}
		wg.Go(func() {
			m, err := s.b.Generate(within(t), o)
			if err != nil {
				if fault.KindOf(err) != fault.Unsupported {
					t.Errorf("Generate: %v", err)
				}
				return
			}
			own := s.record(o, m)
			for _, u := range uses {
				if _, err := s.b.Operate(within(t), s.h.Group, s.allow(t, *shared, u[0])); err != nil {
					t.Errorf("using the shared key: %v", err)
				}
				if _, err := s.b.Operate(within(t), s.h.Group, s.allow(t, own, u[1])); err != nil {
					t.Errorf("using a key of its own: %v", err)
				}
			}
			if err := s.b.Destroy(within(t), s.h.Group, own); err != nil {
				t.Errorf("Destroy: %v", err)
			}
		})
	}
	wg.Wait()
}

// unreachable: every method tells that the keys cannot be reached.
func (s *suite) unreachable(t *testing.T) {
	if s.h.Unreachable == nil {
		t.Skip("not applicable: the harness has no such backend")
	}
	k := s.generate(t, keys.Spec{Type: keys.AES, Size: 256, Ops: keys.OpEncrypt | keys.OpExport})
	if k == nil {
		return
	}
	for name, err := range s.everything(within(t), t, s.h.Unreachable(t), *k) {
		if refusable[name] && fault.KindOf(err) == fault.Unsupported {
			continue // refused before anything is asked
		}
		t.Run(name, func(t *testing.T) { wantKind(t, err, fault.Unavailable) })
	}
}
