package tokentest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// twoLabels: halves belong together by their id.
func (s *suite) twoLabels(t *testing.T) {
	s.needHalves(t)
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
	s.needHalves(t)
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

// halves are the two objects of a P-256 pair.
func halves(t *testing.T, k *ecdsa.PrivateKey, id []byte) []ForeignObject {
	t.Helper()
	return []ForeignObject{
		{Class: hsm.PrivateKey, Type: keys.EC, Curve: keys.P256, ID: id, Label: label(id), Ops: keys.OpSign, Value: pkcs8(t, k)},
		{Class: hsm.PublicKey, Type: keys.EC, Curve: keys.P256, ID: id, Label: label(id), Ops: keys.OpVerify, Value: spki(t, k.Public())},
	}
}

// twinPairs: of two pairs with one id and label a token may not be able to say
// which half belongs to which. The wrong one never acts.
func (s *suite) twinPairs(t *testing.T) {
	s.needTwins(t)
	id, one, other := s.newID(), ecKey(t, elliptic.P256()), ecKey(t, elliptic.P256())
	s.h.Foreign.Create(t, append(halves(t, one, id), halves(t, other, id)...)...)
	ref := hsm.Ref{Class: hsm.PrivateKey, Type: keys.EC, ID: id, Label: label(id)}
	op := operations.Sign{Hash: operations.SHA256, Input: []byte("data")}
	if !s.does(op, keys.EC) {
		return
	}
	_, err := s.tok.Operate(within(t), ref, op)
	wantKind(t, err, fault.Conflict)
	wantKind(t, s.tok.Destroy(within(t), ref), fault.Conflict)

	ref.Fingerprint = hsm.Object{PublicKey: spki(t, one.Public())}.Fingerprint()
	res, err := s.tok.Operate(within(t), ref, op)
	if err != nil {
		wantKind(t, err, fault.Conflict)
	} else if err := goVerify(spki(t, one.Public()), op, res.Output); err != nil {
		t.Errorf("the other twin has signed: %v", err)
	}
	sum := digest(op.Hash, op.Input)
	sig, err := other.Sign(rand.Reader, sum, goHash(op.Hash))
	if err != nil {
		t.Fatal(err)
	}
	res, err = s.tok.Operate(within(t), ref, operations.Verify{Hash: op.Hash, Input: op.Input, Signature: sig})
	if err != nil {
		wantKind(t, err, fault.Conflict)
	} else if res.Valid {
		t.Error("the other twin has verified")
	}
	if err := s.tok.Destroy(within(t), ref); errors.Is(err, fault.Conflict) {
		if n := len(s.list(t, id)); n != 4 {
			t.Errorf("%d objects are left after a refusal, want all 4", n)
		}
		return
	} else if err != nil {
		t.Fatal(err)
	}
	ref.Fingerprint = nil
	if err := goVerify(spki(t, other.Public()), op, s.operate(t, ref, op).Output); err != nil {
		t.Errorf("the other twin was destroyed: %v", err)
	}
}
