package tokentest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

// generate makes one key of every kind. The pairs are kept for the parts that
// use them, because making them is slow.
func (s *suite) generate(t *testing.T) {
	for _, tpl := range kinds() {
		t.Run(caseOf(tpl), func(t *testing.T) { s.pair(t, caseOf(tpl)) })
	}
	t.Run("extractable only when asked", func(t *testing.T) {
		tpl := s.aes()
		tpl.Extractable = true
		if o := s.generateKey(t, tpl); !o.Extractable {
			t.Error("an extractable key was asked for, and the object says it is not")
		}
		s.compare(t, tpl, s.find(t, hsm.SecretKey, tpl.ID))
	})
	t.Run("labels are bytes", func(t *testing.T) {
		tpl := s.aes()
		tpl.Label = []byte("Schlüssel № 7 \U0001F511")
		s.generateKey(t, tpl)
		if got := s.find(t, hsm.SecretKey, tpl.ID).Label; !bytes.Equal(got, tpl.Label) {
			t.Errorf("got label %q, want %q", got, tpl.Label)
		}
	})
	t.Run("operations that only the service knows", func(t *testing.T) {
		tpl := s.aes()
		tpl.Ops |= keys.OpAppManageable | keys.OpHighVolume
		s.generateKey(t, tpl)
	})
	t.Run("a pair beside a secret key of the same id", func(t *testing.T) {
		tpl := s.aes()
		s.generateKey(t, tpl)
		ec := s.kind("EC NistP256")
		ec.ID = tpl.ID
		if s.refusals.works(t, "generate "+caseOf(ec), s.justGenerate(t, ec)) {
			s.find(t, hsm.SecretKey, tpl.ID)
			s.find(t, hsm.PrivateKey, tpl.ID)
		}
	})
}

func (s *suite) justGenerate(t *testing.T, tpl hsm.Template) error {
	_, err := s.tok.Generate(within(t), tpl)
	return err
}

// pair returns the suite's key of a kind, made in the token when it is first
// asked for; nil when the token rightly refuses to make it.
func (s *suite) pair(t *testing.T, name string) *hsm.Object {
	t.Helper()
	if o, ok := s.pairs[name]; ok {
		return o
	}
	tpl := s.kind(name)
	o, err := s.tok.Generate(within(t), tpl)
	listed := s.caps.Makes(tpl.Type, tpl.Size)
	if !s.refusals.works(t, "generate "+name, err) {
		s.wantNone(t, tpl.ID)
		if listed && tpl.Type != keys.EC { // of curves the capabilities tell nothing
			t.Errorf("the capabilities list keys of type %s and %d bits, which are refused", tpl.Type, tpl.Size)
		}
		s.pairs[name] = nil
		return nil
	}
	if !listed {
		t.Errorf("a key of type %s and %d bits was made, and the capabilities do not list it", tpl.Type, tpl.Size)
	}
	s.compare(t, tpl, o)
	s.compareInventory(t, tpl, o)
	s.pairs[name] = &o
	return &o
}

// compare checks an object against the template that it was made with.
func (s *suite) compare(t *testing.T, tpl hsm.Template, o hsm.Object) {
	t.Helper()
	want := hsm.Object{
		Class: o.Class, Type: tpl.Type, ID: tpl.ID, Label: tpl.Label, Size: tpl.Size, Curve: tpl.Curve,
		Ops: opsOf(o.Class, tpl), Extractable: tpl.Extractable && o.Class != hsm.PublicKey,
	}
	got := o
	got.Ops &= checkedOps
	got.KeyType, got.PublicKey, got.CheckValue, got.UniqueID = 0, nil, nil, nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("object differs from its template (-want +got):\n%s", diff)
	}
}

// compareInventory checks that the inventory shows what Generate or Import returned.
func (s *suite) compareInventory(t *testing.T, tpl hsm.Template, o hsm.Object) {
	t.Helper()
	s.compare(t, tpl, s.find(t, o.Class, tpl.ID))
	if !tpl.Type.Asymmetric() {
		return
	}
	if o.Class == hsm.PrivateKey {
		half := s.find(t, hsm.PublicKey, tpl.ID)
		s.compare(t, tpl, half)
		if !bytes.Equal(half.PublicKey, o.PublicKey) {
			t.Errorf("public half shows key %x, want %x as returned", half.PublicKey, o.PublicKey)
		}
	}
	if err := publicKeyIs(o.PublicKey, tpl); err != nil {
		t.Error(err)
	}
}

// publicKeyIs checks a SubjectPublicKeyInfo against a template.
func publicKeyIs(der []byte, tpl hsm.Template) error {
	if len(der) == 0 {
		return fault.New(fault.Invalid, "the object has no public key")
	}
	if tpl.Curve == keys.Secp256k1 {
		return nil // Go does not read it
	}
	pub, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return fmt.Errorf("reading the public key: %w", err)
	}
	switch p := pub.(type) {
	case *rsa.PublicKey:
		if tpl.Type == keys.RSA && p.N.BitLen() == tpl.Size && p.E == 65537 {
			return nil
		}
	case *ecdsa.PublicKey:
		if p.Curve == goCurve(tpl.Curve) {
			return nil
		}
	case ed25519.PublicKey:
		if tpl.Curve == keys.Ed25519 {
			return nil
		}
	}
	return fault.New(fault.Invalid, "the public key is a %T and not what %s asks for", pub, caseOf(tpl))
}

func goCurve(c keys.Curve) elliptic.Curve {
	switch c {
	case keys.P224:
		return elliptic.P224()
	case keys.P256:
		return elliptic.P256()
	case keys.P384:
		return elliptic.P384()
	case keys.P521:
		return elliptic.P521()
	default:
		return nil
	}
}
