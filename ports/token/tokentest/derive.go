package tokentest

import (
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"fmt"
	"hash"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// agreeing are the curves on which keys are agreed; Go's is nil where it has none.
var agreeing = []struct {
	curve keys.Curve
	goes  ecdh.Curve
}{
	{keys.P224, nil},
	{keys.P256, ecdh.P256()},
	{keys.P384, ecdh.P384()},
	{keys.P521, ecdh.P521()},
	{keys.Secp256k1, nil},
	{keys.X25519, ecdh.X25519()},
}

// derives: keys agreed and derived in the token are those that Go comes to.
func (s *suite) derives(t *testing.T) {
	for _, c := range agreeing {
		t.Run("agree on "+string(c.curve), func(t *testing.T) { s.agree(t, c.curve, c.goes) })
	}
	for _, m := range []operations.Mode{operations.ECB, operations.CBC} {
		t.Run("by encryption AES "+string(m), func(t *testing.T) { s.deriveByEncryption(t, m) })
	}
	for _, h := range []operations.Hash{operations.SHA256, operations.SHA512} {
		t.Run("by HKDF "+string(h), func(t *testing.T) { s.deriveByHKDF(t, h) })
	}
}

// base returns a template of a pair that agrees on keys.
func (s *suite) base(c keys.Curve) hsm.Template {
	id := s.newID()
	return hsm.Template{ID: id, Label: label(id), Type: keys.EC, Curve: c, Size: c.Bits(), Ops: keys.OpAgree}
}

// agree makes a pair and agrees with one of Go's, or for want of one with
// another pair in the token, both of which must come to the same.
func (s *suite) agree(t *testing.T, curve keys.Curve, goes ecdh.Curve) {
	tpl := s.base(curve)
	o, err := s.tok.Generate(within(t), tpl)
	if !s.refusals.works(t, "generate "+caseOf(tpl), err) {
		s.wantNone(t, tpl.ID)
		return
	}
	s.compare(t, tpl, o)
	name := "agree " + caseOf(tpl)
	if goes == nil {
		other := s.generateKey(t, s.base(curve))
		one, err := s.derived(t, o, operations.Agree{PeerPublicKey: other.PublicKey})
		if !s.refusals.works(t, name, err) {
			return
		}
		two, err := s.derived(t, other, operations.Agree{PeerPublicKey: o.PublicKey})
		if err != nil {
			t.Fatal(err)
		}
		op := operations.Encrypt{Mode: operations.CBC, Plain: []byte("plain"), IV: make([]byte, 16)}
		if a, b := s.operate(t, one.Ref(), op).Output, s.operate(t, two.Ref(), op).Output; string(a) != string(b) {
			t.Error("both sides have agreed on different keys")
		}
		return
	}
	mine, err := goes.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made, err := s.derived(t, o, operations.Agree{PeerPublicKey: spki(t, mine.PublicKey())})
	if !s.refusals.works(t, name, err) {
		return
	}
	secret, err := mine.ECDH(ecdhKey(t, o.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	s.isKey(t, made, secret[len(secret)-16:]) // cut off at its beginning
	if !s.does(operations.Agree{}, keys.EC) {
		t.Error("keys are agreed on, and the capabilities do not list it")
	}
}

// derived makes an AES key of 128 bits.
func (s *suite) derived(t *testing.T, base hsm.Object, d operations.Operation) (hsm.Object, error) {
	t.Helper()
	tpl := s.kind("AES 128")
	tpl.Ops = keys.OpEncrypt
	o, err := s.tok.Derive(within(t), base.Ref(), tpl, d)
	if err != nil {
		s.wantNone(t, tpl.ID)
		return o, err
	}
	s.compare(t, tpl, o)
	s.compareInventory(t, tpl, o)
	return o, nil
}

func (s *suite) deriveByEncryption(t *testing.T, m operations.Mode) {
	base := s.importKnown(t, s.withOps("AES 256", deriveOps))
	if base == nil {
		return
	}
	data, iv := random(16), random(16)
	op := operations.Encrypt{Mode: m, Plain: data, IV: iv}
	if m == operations.ECB {
		op.IV, iv = nil, make([]byte, 16) // one block of CBC with no IV to speak of
	}
	d := operations.Derive{By: operations.EncryptData{Encryption: op}}
	o, err := s.derived(t, base.object, d)
	if !s.operated(t, "derive", keys.AES, string(m), d, err) {
		return
	}
	want, err := goCBC(keys.AES, base.raw, iv, data)
	if err != nil {
		t.Fatal(err)
	}
	s.isKey(t, o, want)
	t.Run("too little data", func(t *testing.T) {
		tpl := s.kind("AES 256")
		_, err := s.tok.Derive(within(t), base.object.Ref(), tpl, d)
		wantKind(t, err, fault.Invalid)
		s.wantNone(t, tpl.ID)
	})
}

func (s *suite) deriveByHKDF(t *testing.T, h operations.Hash) {
	tpl := s.withOps("HMAC 256", deriveOps|keys.OpMAC)
	base := s.importKnown(t, tpl)
	if base == nil {
		return
	}
	for _, by := range []operations.HKDF{{Hash: h, Salt: []byte("salt"), Info: []byte("info")}, {Hash: h}} {
		d := operations.Derive{By: by}
		o, err := s.derived(t, base.object, d)
		if !s.operated(t, "derive", base.object.Type, string(h), d, err) {
			return
		}
		want, err := hkdf.Key(func() hash.Hash { return goHash(h).New() }, base.raw, by.Salt, string(by.Info), 16)
		if err != nil {
			t.Fatal(err)
		}
		s.isKey(t, o, want)
	}
}

// deriveRefused: what is no base, no peer or no place for a key makes none.
func (s *suite) deriveRefused(t *testing.T) {
	tpl := s.base(keys.P256)
	if !s.does(operations.Agree{}, keys.EC) || !s.caps.Makes(keys.EC, tpl.Size) {
		o, tpl := s.generateKey(t, s.aes()), s.aes()
		_, err := s.tok.Derive(within(t), o.Ref(), tpl, operations.Derive{By: operations.HKDF{Hash: operations.SHA256}})
		wantKind(t, err, fault.Unsupported)
		s.wantNone(t, tpl.ID)
		return
	}
	base := s.generateKey(t, tpl)
	peer := func(c ecdh.Curve) []byte {
		k, err := c.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return spki(t, k.PublicKey())
	}
	good := operations.Agree{PeerPublicKey: peer(ecdh.P256())}
	for name, try := range map[string]struct {
		base   hsm.Ref
		op     operations.Operation
		change func(*hsm.Template)
		want   fault.Kind
	}{
		"a peer on another curve":  {base.Ref(), operations.Agree{PeerPublicKey: peer(ecdh.P384())}, nil, fault.Invalid},
		"a peer that is none":      {base.Ref(), operations.Agree{PeerPublicKey: random(91)}, nil, fault.Invalid},
		"no peer":                  {base.Ref(), operations.Agree{}, nil, fault.Invalid},
		"more than there is":       {base.Ref(), good, func(t *hsm.Template) { t.Type, t.Size, t.Ops = keys.HMAC, 512, hmacOps }, fault.Invalid},
		"a pair":                   {base.Ref(), good, func(t *hsm.Template) { t.Type, t.Curve, t.Size = keys.EC, keys.P256, 256 }, fault.Invalid},
		"a key without an id":      {base.Ref(), good, func(t *hsm.Template) { t.ID = nil }, fault.Invalid},
		"no size":                  {base.Ref(), good, func(t *hsm.Template) { t.Size = 0 }, fault.Invalid},
		"from a key that is lost":  {hsm.Ref{Class: hsm.PrivateKey, Type: keys.EC, ID: s.newID()}, good, nil, fault.NotFound},
		"from a key that may not":  {s.signer(t).Ref(), good, nil, fault.Denied},
		"by what derives nothing":  {base.Ref(), operations.Sign{Hash: operations.SHA256}, nil, fault.Invalid},
		"from a pair by HKDF":      {base.Ref(), operations.Derive{By: operations.HKDF{Hash: operations.SHA256}}, nil, fault.Invalid},
		"agreement of secret keys": {s.generateKey(t, s.aes()).Ref(), good, nil, fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			tpl := s.aes()
			id := tpl.ID
			if try.change != nil {
				try.change(&tpl)
			}
			_, err := s.tok.Derive(within(t), try.base, tpl, try.op)
			wantKind(t, err, try.want)
			s.wantNone(t, id)
		})
	}
	t.Run("id taken", func(t *testing.T) {
		first, err := s.derived(t, base, good)
		if err != nil {
			t.Fatal(err)
		}
		taken := s.aes()
		taken.ID = first.ID
		_, err = s.tok.Derive(within(t), base.Ref(), taken, good)
		wantKind(t, err, fault.Conflict)
		s.find(t, hsm.SecretKey, first.ID)
	})
}

// signer returns a pair that signs and agrees on nothing.
func (s *suite) signer(t *testing.T) hsm.Object {
	t.Helper()
	return s.generateKey(t, s.withOps("EC NistP256", ecOps))
}

// ecdhKey reads a public key as Go agrees with it.
func ecdhKey(t *testing.T, der []byte) *ecdh.PublicKey {
	t.Helper()
	k, err := parseECDH(der)
	if err != nil {
		t.Fatal(fmt.Errorf("reading the token's public key: %w", err))
	}
	return k
}
