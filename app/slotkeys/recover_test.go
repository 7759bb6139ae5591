package slotkeys_test

import (
	"testing"

	"gatehouse/app/slotkeys"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/ports/backend"
)

// What an interrupted order left is a key only if it is all there. Half of it
// goes.
func TestRecover(t *testing.T) {
	t.Parallel()
	const kid = id.Key("33333333-3333-4333-8333-333333333333")
	for _, c := range []struct {
		name       string
		spec       keys.Spec
		imported   bool
		take       []hsm.Class // halves that the crash kept from being made
		wantKey    bool
		wantPublic bool
	}{
		{name: "a secret key", spec: keys.Spec{Type: keys.AES, Size: 256}, wantKey: true},
		{name: "a pair", spec: keys.Spec{Type: keys.EC, Curve: keys.P256}, wantKey: true},
		{name: "a pair without its private half", spec: keys.Spec{Type: keys.EC, Curve: keys.P256}, take: []hsm.Class{hsm.PrivateKey}},
		{name: "a pair without its public half", spec: keys.Spec{Type: keys.EC, Curve: keys.P256}, take: []hsm.Class{hsm.PublicKey}},
		{name: "an RSA pair without its public half", spec: keys.Spec{Type: keys.RSA, Size: 2048}, take: []hsm.Class{hsm.PublicKey}},
		{name: "an imported pair without its public half", spec: keys.Spec{Type: keys.RSA, Size: 2048}, imported: true, take: []hsm.Class{hsm.PublicKey}},
		{
			name: "an imported public key", spec: keys.Spec{Type: keys.EC, Curve: keys.P256}, imported: true,
			take: []hsm.Class{hsm.PrivateKey}, wantKey: true, wantPublic: true,
		},
		{name: "nothing", spec: keys.Spec{Type: keys.AES, Size: 256}, take: []hsm.Class{hsm.SecretKey}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSlot()
			b := newBackend(t, map[id.Connection]*slot{first: s})
			g := group(connection(t, first, 0, pin))
			spec := c.spec
			spec.Name = "k"
			spec, err := spec.CheckGenerate()
			if err != nil {
				t.Fatal(err)
			}
			o := backend.Order{ID: kid, Group: g, Spec: spec, Imported: c.imported}
			if _, err := b.Generate(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			for _, class := range c.take {
				s.Remove(class, slotkeys.CKAID(kid))
			}
			found, err := b.Recover(t.Context(), o, false)
			if err != nil {
				t.Fatal(err)
			}
			if (found != nil) != c.wantKey || found != nil && found.Public != c.wantPublic {
				t.Errorf("got %+v, want a key: %t", found, c.wantKey)
			}
			if left := len(s.Objects()); !c.wantKey && left != 0 {
				t.Errorf("got %d objects left in the HSM, want none", left)
			}
		})
	}
}

// An object that carries another fingerprint is another key.
func TestPresent(t *testing.T) {
	t.Parallel()
	s := newSlot()
	b := newBackend(t, map[id.Connection]*slot{first: s})
	g := group(connection(t, first, 0, pin))
	k := made(t, b, g)
	present := func() bool {
		t.Helper()
		there, err := b.Present(t.Context(), g, k)
		if err != nil {
			t.Fatal(err)
		}
		return there
	}
	if !present() {
		t.Error("a key that is there: got absent")
	}
	if n := s.Remove(hsm.PrivateKey, k.Virtual.ID); n != 1 || present() {
		t.Errorf("a key whose private half is gone: got present, %d removed", n)
	}

	aes, err := b.Generate(t.Context(), backend.Order{
		ID: "44444444-4444-4444-8444-444444444444", Group: g, Spec: keys.Spec{Name: "aes", Type: keys.AES, Size: 256, Ops: keys.OpEncrypt},
	})
	if err != nil {
		t.Fatal(err)
	}
	k = keys.Key{Type: keys.AES, Virtual: aes.Virtual}
	s.Remove(hsm.SecretKey, k.Virtual.ID)
	twin := hsm.Object{Class: hsm.SecretKey, Type: keys.AES, ID: k.Virtual.ID, Label: k.Virtual.Label}
	if err := s.Add(twin, secret.New(make([]byte, 32))); err != nil {
		t.Fatal(err)
	}
	if present() {
		t.Error("a key whose place another one has taken: got present")
	}
}
