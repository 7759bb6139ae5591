package circl

import (
	"crypto/rand"
	"encoding"
	"encoding/asn1"
	"errors"
	"fmt"

	"gatehouse/features/agreement/task"
)

// oids are those of NIST's arc for signatures and for encapsulation.
var oids = map[string]asn1.ObjectIdentifier{
	"MlDsa44": {2, 16, 840, 1, 101, 3, 4, 3, 17}, "MlDsa65": {2, 16, 840, 1, 101, 3, 4, 3, 18}, "MlDsa87": {2, 16, 840, 1, 101, 3, 4, 3, 19},
	"MlKem768": {2, 16, 840, 1, 101, 3, 4, 4, 2}, "MlKem1024": {2, 16, 840, 1, 101, 3, 4, 4, 3},
}

type algorithm struct{ ID asn1.ObjectIdentifier }

// seedSize is how long a key's seed is in bytes; 0 for no set of parameters.
func seedSize(k *task.Key) int {
	switch s, e := signing(k.ParamSet), encapsulating(k.ParamSet); {
	case s != nil:
		return s.SeedSize()
	case e != nil:
		return e.SeedSize()
	default:
		return 0
	}
}

// New makes a key, written down as RFC 9881 and RFC 9935 say: PKCS #8 with the
// seed alone, and SubjectPublicKeyInfo.
func New(kind, set string) (*task.Key, error) {
	k := &task.Key{Type: kind, ParamSet: set}
	n := seedSize(k)
	if n == 0 {
		return nil, fmt.Errorf("there is no set of parameters %s", set)
	}
	seed := make([]byte, n)
	_, _ = rand.Read(seed) // never fails
	var err error
	if k.Private, err = pkcs8(set, seed); err != nil {
		return nil, err
	}
	k.Public, err = public(k)
	return k, err
}

func pkcs8(set string, seed []byte) ([]byte, error) {
	inner, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, Bytes: seed})
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(struct {
		Version   int
		Algorithm algorithm
		Key       []byte
	}{0, algorithm{oids[set]}, inner})
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

// exported compares a key that grows from an exported seed with what it was.
func exported(k *task.Key, value []byte) error {
	n := seedSize(k)
	if len(value) < n {
		return errors.New("what was exported is too short for a seed")
	}
	again, err := pkcs8(k.ParamSet, value[len(value)-n:])
	if err != nil {
		return err
	}
	if err := task.Same("PKCS #8 of the seed", value, again); err != nil {
		return err
	}
	half, err := public(&task.Key{Type: k.Type, ParamSet: k.ParamSet, Private: value})
	if err != nil {
		return err
	}
	return task.Same("the public key", half, k.Public)
}
