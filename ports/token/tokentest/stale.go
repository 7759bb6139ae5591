package tokentest

import (
	"errors"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// replaced: somebody else puts another key in a key's place.
func (s *suite) replaced(t *testing.T) {
	s.need(t, s.h.Foreign != nil, "Foreign")
	tpl := s.aes()
	o := s.generateKey(t, tpl)
	s.roundTrip(t, o.Ref())
	s.h.Foreign.Remove(t, hsm.SecretKey, o.ID)
	s.everyWay(t, o.Ref(), func(t *testing.T, err error) { wantKind(t, err, fault.NotFound) })
	s.h.Foreign.Create(t, s.foreignAES(tpl.ID, tpl.Label))
	if o.Fingerprint() != nil {
		s.everyWay(t, o.Ref(), func(t *testing.T, err error) { wantKind(t, err, fault.Conflict) })
	}
	s.roundTrip(t, hsm.Ref{Class: hsm.SecretKey, Type: keys.AES, ID: tpl.ID, Label: tpl.Label})
}

// reinitialised: sessions and handles of an earlier generation never sign. One
// call may report the loss; after it the Token has healed itself.
func (s *suite) reinitialised(t *testing.T) {
	s.need(t, s.h.Reinitialise != nil, "Reinitialise")
	kind := "EC NistP256"
	first := s.pair(t, kind)
	if first == nil {
		kind = "RSA 2048"
		first = s.pair(t, kind)
	}
	second := s.generateKey(t, s.kind(kind))
	op := operations.Sign{Hash: operations.SHA256, Input: []byte("data")}
	if first.Type == keys.RSA {
		op.Mode = operations.PKCS1v15
	}
	for _, o := range []hsm.Object{*first, second} {
		s.operate(t, o.Ref(), op)
	}
	s.h.Reinitialise(t)
	for _, o := range []hsm.Object{second, *first} {
		res, err := s.tok.Operate(within(t), o.Ref(), op)
		if errors.Is(err, fault.Unavailable) {
			res, err = s.tok.Operate(within(t), o.Ref(), op)
		}
		if err != nil {
			t.Fatalf("signing after the loss of all sessions: %v", err)
		}
		if err := goVerify(o.PublicKey, op, res.Output); err != nil {
			t.Errorf("signature by another key: %v", err)
		}
	}
}

// swapped: another token in the slot is noticed, and nothing is done with it.
func (s *suite) swapped(t *testing.T) {
	s.need(t, s.h.Swap != nil, "Swap")
	s.open(t)
	o := s.generateKey(t, s.aes())
	s.h.Swap(t)
	if _, err := s.tok.Check(within(t)); !errors.Is(err, fault.TokenGone) || !errors.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want %q because %q", err, fault.Unavailable, fault.TokenGone)
	}
	_, err := s.tok.Operate(within(t), o.Ref(), operations.Encrypt{Mode: operations.CBC, Plain: []byte("plain")})
	wantKind(t, err, fault.Unavailable)
	wantKind(t, s.justGenerate(t, s.aes()), fault.Unavailable)
}
