package circl

import (
	"crypto/rand"
	"encoding"
	"encoding/asn1"
	"fmt"

	"gatehouse/features/agreement/task"
)

// oids are those of NIST's arc for signatures and for encapsulation.
var oids = map[string]asn1.ObjectIdentifier{
	"MlDsa44": {2, 16, 840, 1, 101, 3, 4, 3, 17}, "MlDsa65": {2, 16, 840, 1, 101, 3, 4, 3, 18}, "MlDsa87": {2, 16, 840, 1, 101, 3, 4, 3, 19},
	"MlKem768": {2, 16, 840, 1, 101, 3, 4, 4, 2}, "MlKem1024": {2, 16, 840, 1, 101, 3, 4, 4, 3},
}

type algorithm struct{ ID asn1.ObjectIdentifier }

// New makes a key, written down as RFC 9881 and RFC 9935 say: PKCS #8 with the
// seed alone, and SubjectPublicKeyInfo.
func New(kind, set string) (*task.Key, error) {
	n := 0
	switch s, e := signing(set), encapsulating(set); {
	case s != nil:
		n = s.SeedSize()
	case e != nil:
		n = e.SeedSize()
	default:
		return nil, fmt.Errorf("there is no set of parameters %s", set)
	}
	seed := make([]byte, n)
	_, _ = rand.Read(seed) // never fails
	inner, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, Bytes: seed})
	if err != nil {
		return nil, err
	}
	k := &task.Key{Type: kind, ParamSet: set}
	k.Private, err = asn1.Marshal(struct {
		Version   int
		Algorithm algorithm
		Key       []byte
	}{0, algorithm{oids[set]}, inner})
	if err != nil {
		return nil, err
	}
	k.Public, err = public(k)
	return k, err
}

// public makes the SubjectPublicKeyInfo of a pair.
func public(k *task.Key) ([]byte, error) {
	var half encoding.BinaryMarshaler
	if s := signing(k.ParamSet); s != nil {
		half, _ = s.DeriveKey(seed(k, s.SeedSize()))
	} else {
		s := encapsulating(k.ParamSet)
		half, _ = s.DeriveKeyPair(seed(k, s.SeedSize()))
	}
	raw, err := half.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(struct {
		Algorithm algorithm
		Key       asn1.BitString
	}{algorithm{oids[k.ParamSet]}, asn1.BitString{Bytes: raw, BitLength: 8 * len(raw)}})
}
