package tokentest

import (
	"bytes"
	"crypto/elliptic"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
)

// material returns private or secret material that fits a template, and the
// public key that belongs to it.
func material(t *testing.T, tpl hsm.Template) (private, public []byte) {
	t.Helper()
	switch tpl.Type {
	case keys.RSA:
		return pkcs8(t, rsaKey()), spki(t, rsaKey().Public())
	case keys.EC:
		if tpl.Curve == keys.Ed25519 {
			k := edKey(t)
			return pkcs8(t, k), spki(t, k.Public())
		}
		k := ecKey(t, goCurve(tpl.Curve))
		return pkcs8(t, k), spki(t, k.Public())
	case keys.DES3:
		return desKey(), nil
	default:
		return random(tpl.Size / 8), nil
	}
}

// imports puts a key of every kind into the token and looks at what is there.
func (s *suite) imports(t *testing.T) {
	for _, tpl := range kinds() {
		if tpl.Curve == keys.Secp256k1 {
			continue // Go makes none
		}
		name := caseOf(tpl)
		t.Run(name, func(t *testing.T) { s.importPrivate(t, s.kind(name)) })
		if tpl.Type.Asymmetric() {
			t.Run(name+" public", func(t *testing.T) { s.importPublic(t, s.kind(name)) })
		}
	}
	t.Run("size told by the material", func(t *testing.T) {
		tpl := s.kind("AES 192")
		tpl.Size = 0
		o, err := s.tok.Import(within(t), tpl, secret.New(random(24)))
		if s.refusals.works(t, "import AES 192", err) && o.Size != 192 {
			t.Errorf("got size %d, want 192", o.Size)
		}
	})
	t.Run("extractable", func(t *testing.T) {
		tpl := s.kind("AES 128")
		tpl.Extractable = true
		o, err := s.tok.Import(within(t), tpl, secret.New(random(16)))
		if s.refusals.works(t, "import AES 128", err) {
			s.compare(t, tpl, o)
			s.compareInventory(t, tpl, o)
		}
	})
}

func (s *suite) importPrivate(t *testing.T, tpl hsm.Template) {
	private, public := material(t, tpl)
	tpl.Private = tpl.Type.Asymmetric()
	o, err := s.tok.Import(within(t), tpl, secret.New(private))
	if !s.refusals.works(t, "import "+caseOf(tpl), err) {
		s.wantNone(t, tpl.ID)
		return
	}
	if o.Class != classOf(tpl.Type) {
		t.Errorf("got a %s, want a %s", o.Class, classOf(tpl.Type))
	}
	s.compare(t, tpl, o)
	s.compareInventory(t, tpl, o)
	if !bytes.Equal(o.PublicKey, public) {
		t.Errorf("got public key %x, want %x", o.PublicKey, public)
	}
}

func (s *suite) importPublic(t *testing.T, tpl hsm.Template) {
	_, public := material(t, tpl)
	tpl.Ops &= keys.PublicOps
	o, err := s.tok.Import(within(t), tpl, secret.New(bytes.Clone(public)))
	if !s.refusals.works(t, "import "+caseOf(tpl)+" public", err) {
		s.wantNone(t, tpl.ID)
		return
	}
	if o.Class != hsm.PublicKey {
		t.Errorf("got a %s, want a public key", o.Class)
	}
	s.compare(t, tpl, o)
	s.compareInventory(t, tpl, o)
	if !bytes.Equal(o.PublicKey, public) {
		t.Errorf("got public key %x, want %x", o.PublicKey, public)
	}
	if err := s.tok.Destroy(within(t), o.Ref()); err != nil {
		t.Errorf("destroying a public key that stands alone: %v", err)
	}
}

// importRefused: material that is not what the template says is refused, and
// nothing is left behind.
func (s *suite) importRefused(t *testing.T) {
	p384 := pkcs8(t, ecKey(t, elliptic.P384()))
	p256 := pkcs8(t, ecKey(t, elliptic.P256()))
	for name, c := range map[string]struct {
		kind     string
		private  bool
		material []byte
	}{
		"aes key of another size":            {"AES 256", false, random(16)},
		"aes key of no size":                 {"AES 256", false, random(17)},
		"des key of no size":                 {"DES3 168", false, random(23)},
		"nothing":                            {"HMAC 256", false, nil},
		"not pkcs8":                          {"RSA 2048", true, random(300)},
		"another type of key":                {"RSA 2048", true, p256},
		"another curve":                      {"EC NistP256", true, p384},
		"private where public is said":       {"EC NistP256", false, p256},
		"public where private is said":       {"EC NistP256", true, spki(t, ecKey(t, elliptic.P256()).Public())},
		"pkcs8 with something behind it":     {"EC NistP256", true, append(bytes.Clone(p256), 0)},
		"pkcs8 cut short":                    {"EC NistP256", true, p256[:len(p256)-1]},
		"public key that is no public key":   {"EC NistP256", false, random(91)},
		"rsa key of another size than asked": {"RSA 2048", true, pkcs8(t, smallRSA(t))},
	} {
		t.Run(name, func(t *testing.T) {
			tpl := s.kind(c.kind)
			tpl.Private = c.private
			_, err := s.tok.Import(within(t), tpl, secret.New(c.material))
			wantKind(t, err, fault.Invalid)
			s.wantNone(t, tpl.ID)
		})
	}
	t.Run("id taken", func(t *testing.T) {
		tpl := s.aes()
		s.generateKey(t, tpl)
		_, err := s.tok.Import(within(t), tpl, secret.New(random(32)))
		wantKind(t, err, fault.Conflict)
		s.find(t, hsm.SecretKey, tpl.ID)
	})
	t.Run("without an id", func(t *testing.T) {
		tpl := s.aes()
		tpl.ID = nil
		_, err := s.tok.Import(within(t), tpl, secret.New(random(32)))
		wantKind(t, err, fault.Invalid)
	})
}
