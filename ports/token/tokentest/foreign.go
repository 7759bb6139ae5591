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

	"github.com/google/go-cmp/cmp"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

// foreign: objects as other applications leave them.
func (s *suite) foreign(t *testing.T) {
	s.need(t, s.h.Foreign != nil, "Foreign")
	t.Run("duplicates", s.duplicates)
	t.Run("without id or label", s.nameless)
	t.Run("objects that are no keys", s.notKeys)
	t.Run("a pair under one id with two labels", s.twoLabels)
	t.Run("twin pairs", s.twinPairs)
	t.Run("lone public key", s.lonePublic)
	t.Run("lone private key", s.lonePrivate)
}

// needTwins skips what needs several keys under one id.
func (s *suite) needTwins(t *testing.T) {
	t.Helper()
	if why := s.h.Foreign.OnePerID; why != "" {
		t.Skipf("not applicable: %s", why)
	}
}

// needHalves skips what needs keys without an id or a label, or lone halves.
func (s *suite) needHalves(t *testing.T) {
	t.Helper()
	if why := s.h.Foreign.OnlyWhole; why != "" {
		t.Skipf("not applicable: %s", why)
	}
}

func (s *suite) foreignAES(id, label []byte) ForeignObject {
	return ForeignObject{Class: hsm.SecretKey, Type: keys.AES, ID: id, Label: label, Ops: aesOps, Value: random(32)}
}

// duplicates: keys that nothing tells apart are never used; keys that a
// fingerprint tells apart are used by it.
func (s *suite) duplicates(t *testing.T) {
	s.needTwins(t)
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
	s.needHalves(t)
	id, other, name := s.newID(), s.newID(), label(s.newID())
	named := s.foreignAES(id, name)
	noID := s.foreignAES(nil, name)
	noLabel := s.foreignAES(other, nil)
	s.h.Foreign.Create(t, named, noID, noLabel)
	ref := func(id, label []byte) hsm.Ref {
		return hsm.Ref{Class: hsm.SecretKey, Type: keys.AES, ID: id, Label: label}
	}
	for _, o := range []ForeignObject{named, noID, noLabel} {
		s.roundTrip(t, ref(o.ID, o.Label))
	}
	wantKind(t, s.tok.Destroy(within(t), ref(id, nil)), fault.NotFound)
	wantKind(t, s.tok.Destroy(within(t), ref(other, name)), fault.NotFound)
	if err := s.tok.Destroy(within(t), ref(nil, name)); err != nil {
		t.Errorf("destroying the key without an id: %v", err)
	}
	wantKind(t, s.tok.Destroy(within(t), ref(nil, name)), fault.NotFound)
	s.roundTrip(t, ref(id, name))
	s.roundTrip(t, ref(other, nil))
}

// notKeys: certificates and data objects are shown, and are in nobody's way.
func (s *suite) notKeys(t *testing.T) {
	id := s.newID()
	name := label(id) // text, which is all that some tokens take
	want := map[hsm.Class]int{hsm.SecretKey: 1}
	s.h.Foreign.Create(t, s.foreignAES(id, name))
	for _, o := range []ForeignObject{
		{Class: hsm.Certificate, ID: id, Label: name, Value: certificate(t)},
		{Class: hsm.Data, Label: name, Value: []byte("data")},
	} {
		if s.h.Foreign.Cannot[o.Class] == "" {
			s.h.Foreign.Create(t, o)
			want[o.Class] = 1
		}
	}
	got := map[hsm.Class]int{}
	err := s.tok.Inventory(within(t), hsm.Filter{}, func(o hsm.Object) error {
		if bytes.Equal(o.Label, name) {
			got[o.Class]++
		}
		return nil
	})
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("inventory shows other classes (-want +got, %v):\n%s", err, diff)
	}
	ref := hsm.Ref{Class: hsm.SecretKey, Type: keys.AES, ID: id, Label: name}
	s.roundTrip(t, ref)
	if err := s.tok.Destroy(within(t), ref); err != nil {
		t.Error(err)
	}
	if want[hsm.Certificate] == 1 {
		s.find(t, hsm.Certificate, id)
	}
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
