package tokentest

import (
	"bytes"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// foreign: objects as other applications leave them.
func (s *suite) foreign(t *testing.T) {
	s.need(t, s.h.Foreign != nil, "Foreign")
	t.Run("duplicates", s.duplicates)
	t.Run("without id or label", s.nameless)
	t.Run("objects that are no keys", s.notKeys)
	t.Run("a pair under one id with two labels", s.twoLabels)
	t.Run("lone public key", s.lonePublic)
	t.Run("lone private key", s.lonePrivate)
}

func (s *suite) foreignAES(id, label []byte) ForeignObject {
	return ForeignObject{Class: hsm.SecretKey, Type: keys.AES, ID: id, Label: label, Ops: aesOps, Value: random(32)}
}

// duplicates: keys that nothing tells apart are never used; keys that a
// fingerprint tells apart are used by it.
func (s *suite) duplicates(t *testing.T) {
	id := s.newID()
	s.h.Foreign.Create(t, s.foreignAES(id, []byte("twin")), s.foreignAES(id, []byte("twin")))
	both := s.list(t, id)
	if len(both) != 2 {
		t.Fatalf("got %d objects, want both of the twins", len(both))
	}
	vague := both[0].Ref()
	vague.Fingerprint = nil
	s.everyWay(t, vague, func(t *testing.T, err error) { wantKind(t, err, fault.Conflict) })
	if a, b := both[0].Ref(), both[1].Ref(); a.Fingerprint != nil && b.Fingerprint != nil && !bytes.Equal(a.Fingerprint, b.Fingerprint) {
		s.roundTrip(t, a)
		s.roundTrip(t, b)
		if err := s.tok.Destroy(within(t), a); err != nil {
			t.Errorf("destroying one of them by its fingerprint: %v", err)
		}
		if left := s.list(t, id); len(left) != 1 || !bytes.Equal(left[0].Fingerprint(), b.Fingerprint) {
			t.Errorf("%d objects are left, want the other twin", len(left))
		}
		wantKind(t, s.tok.Destroy(within(t), a), fault.Conflict)
	}
}

// nameless: an empty id or label is matched as such, and not as any.
func (s *suite) nameless(t *testing.T) {
	id, label := s.newID(), s.newID() // the label is as unique as an id
	named := s.foreignAES(id, label)
	noID := s.foreignAES(nil, label)
	noLabel := s.foreignAES(id, nil)
	s.h.Foreign.Create(t, named, noID, noLabel)
	for _, o := range []ForeignObject{named, noID, noLabel} {
		s.roundTrip(t, hsm.Ref{Class: hsm.SecretKey, Type: keys.AES, ID: o.ID, Label: o.Label})
	}
	ref := hsm.Ref{Class: hsm.SecretKey, Type: keys.AES, Label: label}
	if err := s.tok.Destroy(within(t), ref); err != nil {
		t.Errorf("destroying the key without an id: %v", err)
	}
	wantKind(t, s.tok.Destroy(within(t), ref), fault.NotFound)
	if n := len(s.list(t, id)); n != 2 {
		t.Errorf("%d keys with an id are left, want 2", n)
	}
}

// notKeys: certificates and data objects are shown, and are in nobody's way.
func (s *suite) notKeys(t *testing.T) {
	id := s.newID()
	s.h.Foreign.Create(t,
		ForeignObject{Class: hsm.Certificate, ID: id, Label: []byte("certificate"), Value: certificate(t)},
		ForeignObject{Class: hsm.Data, Label: id, Value: []byte("data")},
		s.foreignAES(id, label(id)),
	)
	classes := map[hsm.Class]int{}
	for _, o := range s.list(t, id) {
		classes[o.Class]++
	}
	if classes[hsm.Certificate] != 1 || classes[hsm.SecretKey] != 1 {
		t.Errorf("got %v under the id, want a certificate and a secret key", classes)
	}
	data := 0
	err := s.tok.Inventory(within(t), hsm.Filter{}, func(o hsm.Object) error {
		if o.Class == hsm.Data && bytes.Equal(o.Label, id) {
			data++
		}
		return nil
	})
	if err != nil || data != 1 {
		t.Errorf("got %d data objects and %v, want one", data, err)
	}
	ref := hsm.Ref{Class: hsm.SecretKey, Type: keys.AES, ID: id, Label: label(id)}
	s.roundTrip(t, ref)
	if err := s.tok.Destroy(within(t), ref); err != nil {
		t.Error(err)
	}
	s.find(t, hsm.Certificate, id)
}

// twoLabels: halves belong together by their id.
func (s *suite) twoLabels(t *testing.T) {
	id, k := s.newID(), ecKey(t, elliptic.P256())
	s.h.Foreign.Create(t,
		ForeignObject{Class: hsm.PrivateKey, Type: keys.EC, Curve: keys.P256, ID: id, Label: []byte("private"), Ops: keys.OpSign, Value: pkcs8(t, k)},
		ForeignObject{Class: hsm.PublicKey, Type: keys.EC, Curve: keys.P256, ID: id, Ops: keys.OpVerify, Value: spki(t, k.Public())},
	)
	ref := s.find(t, hsm.PrivateKey, id).Ref()
	ref.Fingerprint = hsm.Object{PublicKey: spki(t, k.Public())}.Fingerprint()
	if op := (operations.Sign{Hash: operations.SHA256, Input: []byte("data")}); s.does(op, keys.EC) {
		sig := s.operate(t, ref, op).Output
		if err := goVerify(spki(t, k.Public()), op, sig); err != nil {
			t.Error(err)
		}
		if !s.operate(t, ref, operations.Verify{Hash: op.Hash, Input: op.Input, Signature: sig}).Valid {
			t.Error("the token does not verify its own signature")
		}
	}
	if err := s.tok.Destroy(within(t), ref); err != nil {
		t.Error(err)
	}
	s.wantNone(t, id)
}

func (s *suite) lonePublic(t *testing.T) {
	id, k := s.newID(), ecKey(t, elliptic.P256())
	s.h.Foreign.Create(t, ForeignObject{
		Class: hsm.PublicKey, Type: keys.EC, Curve: keys.P256, ID: id, Label: label(id), Ops: keys.OpVerify, Value: spki(t, k.Public()),
	})
	o := s.find(t, hsm.PublicKey, id)
	if !bytes.Equal(o.PublicKey, spki(t, k.Public())) {
		t.Errorf("got public key %x, want %x", o.PublicKey, spki(t, k.Public()))
	}
	sum := digest(operations.SHA256, []byte("data"))
	sig, err := k.Sign(rand.Reader, sum, goHash(operations.SHA256))
	if err != nil {
		t.Fatal(err)
	}
	verify := operations.Verify{Hash: operations.SHA256, Input: []byte("data"), Signature: sig}
	if s.does(verify, keys.EC) && !s.operate(t, o.Ref(), verify).Valid {
		t.Error("a good signature does not verify")
	}
	asPrivate := o.Ref()
	asPrivate.Class = hsm.PrivateKey
	wantKind(t, s.tok.Destroy(within(t), asPrivate), fault.NotFound)
	if tpl := s.kind("EC NistP256"); s.caps.Makes(tpl.Type, tpl.Size) {
		tpl.ID = id
		wantKind(t, s.justGenerate(t, tpl), fault.Conflict)
	}
	if n := len(s.list(t, id)); n != 1 {
		t.Errorf("%d objects have the id, want the public key only", n)
	}
}

func (s *suite) lonePrivate(t *testing.T) {
	id, k := s.newID(), ecKey(t, elliptic.P256())
	s.h.Foreign.Create(t, ForeignObject{
		Class: hsm.PrivateKey, Type: keys.EC, Curve: keys.P256, ID: id, Label: label(id), Ops: keys.OpSign, Value: pkcs8(t, k),
	})
	o := s.find(t, hsm.PrivateKey, id)
	if op := (operations.Sign{Hash: operations.SHA256, Input: []byte("data")}); s.does(op, keys.EC) {
		if err := goVerify(spki(t, k.Public()), op, s.operate(t, o.Ref(), op).Output); err != nil {
			t.Error(err)
		}
		verify := operations.Verify{Hash: op.Hash, Input: op.Input, Signature: random(70)}
		if res, err := s.tok.Operate(within(t), o.Ref(), verify); err != nil {
			wantKind(t, err, fault.NotFound) // the half that verifies is not there
		} else if res.Valid {
			t.Error("random bytes verify")
		}
	}
	if err := s.tok.Destroy(within(t), o.Ref()); err != nil {
		t.Error(err)
	}
	s.wantNone(t, id)
}

func certificate(t *testing.T) []byte {
	t.Helper()
	k := ecKey(t, elliptic.P256())
	tpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "somebody else"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
