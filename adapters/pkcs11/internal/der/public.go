package der

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"

	"gatehouse/core/keys"
)

var (
	errPublic   = errors.New("not a public key that Gatehouse holds")
	oidECPublic = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
)

// maxModulus is the longest RSA modulus that is read, in bytes.
const maxModulus = 2048

// Public is the public part of a key as PKCS#11 attributes hold it.
type Public struct {
	Type     keys.Type
	Curve    keys.Curve
	Size     int    // bits
	Modulus  []byte // RSA, big-endian
	Exponent []byte // RSA, big-endian
	Point    []byte // EC: the uncompressed point, or the raw key of RFC 7748 and RFC 8032; not yet an OCTET STRING
}

// spki is SubjectPublicKeyInfo (RFC 5280, 4.1).
type spki struct {
	Algorithm pkix.AlgorithmIdentifier
	Key       asn1.BitString
}

// RSA returns the public key with the CKA_MODULUS and CKA_PUBLIC_EXPONENT.
func RSA(modulus, exponent []byte) (Public, error) {
	modulus, exponent = bytes.TrimLeft(modulus, "\x00"), bytes.TrimLeft(exponent, "\x00")
	if len(modulus) == 0 || len(modulus) > maxModulus || len(exponent) == 0 || len(exponent) > 8 {
		return Public{}, errPublic
	}
	bits := new(big.Int).SetBytes(modulus).BitLen()
	return Public{Type: keys.RSA, Size: bits, Modulus: bytes.Clone(modulus), Exponent: bytes.Clone(exponent)}, nil
}

// EC returns the public key on a curve with the CKA_EC_POINT: a DER OCTET
// STRING, or as some tokens have it the point itself.
func EC(name keys.Curve, attr []byte) (Public, error) {
	c, ok := curveNamed(name)
	if !ok {
		return Public{}, errPublic
	}
	p := Public{Type: keys.EC, Curve: name, Size: name.Bits()}
	var inner []byte
	if rest, err := asn1.Unmarshal(attr, &inner); err == nil && len(rest) == 0 && c.isPoint(inner) {
		p.Point = inner
		return p, nil
	}
	if c.isPoint(attr) {
		p.Point = bytes.Clone(attr)
		return p, nil
	}
	return Public{}, errPublic
}

// isPoint reports whether b has the form of a public key on the curve.
func (c curve) isPoint(b []byte) bool {
	if c.raw {
		return len(b) == c.field
	}
	return len(b) == 1+2*c.field && b[0] == 4
}

// ECPoint returns the point as CKA_EC_POINT should hold it: in an OCTET STRING.
func (p Public) ECPoint() []byte {
	b, err := asn1.Marshal(p.Point)
	if err != nil {
		return nil
	}
	return b
}

// Marshal returns the SubjectPublicKeyInfo.
func (p Public) Marshal() ([]byte, error) {
	if p.Type == keys.RSA {
		e := new(big.Int).SetBytes(p.Exponent)
		if !e.IsInt64() {
			return nil, errPublic
		}
		key, err := asn1.Marshal(struct{ N, E *big.Int }{new(big.Int).SetBytes(p.Modulus), e})
		if err != nil {
			return nil, err
		}
		return asn1.Marshal(spki{
			Algorithm: pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}, Parameters: asn1.NullRawValue},
			Key:       asn1.BitString{Bytes: key, BitLength: 8 * len(key)},
		})
	}
	c, ok := curveNamed(p.Curve)
	if !ok {
		return nil, errPublic
	}
	alg := pkix.AlgorithmIdentifier{Algorithm: c.oid}
	if !c.raw {
		alg = pkix.AlgorithmIdentifier{Algorithm: oidECPublic, Parameters: asn1.RawValue{FullBytes: object(c.oid)}}
	}
	return asn1.Marshal(spki{Algorithm: alg, Key: asn1.BitString{Bytes: p.Point, BitLength: 8 * len(p.Point)}})
}

// ParsePublic reads a SubjectPublicKeyInfo.
func ParsePublic(b []byte) (Public, error) {
	if p, err := parseSecp256k1(b); err == nil {
		return p, nil
	}
	key, err := x509.ParsePKIXPublicKey(b)
	if err != nil {
		return Public{}, errPublic
	}
	return fromCrypto(key)
}

// fromCrypto returns a public key of Go's.
func fromCrypto(key crypto.PublicKey) (Public, error) {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return RSA(k.N.Bytes(), big.NewInt(int64(k.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		name, ok := curveNames[k.Curve]
		if err != nil || !ok {
			return Public{}, errPublic
		}
		return EC(name, point)
	case ed25519.PublicKey:
		return EC(keys.Ed25519, k)
	case *ecdh.PublicKey:
		if k.Curve() == ecdh.X25519() {
			return EC(keys.X25519, k.Bytes())
		}
	}
	return Public{}, errPublic
}

var curveNames = map[elliptic.Curve]keys.Curve{
	elliptic.P224(): keys.P224, elliptic.P256(): keys.P256, elliptic.P384(): keys.P384, elliptic.P521(): keys.P521,
}

// parseSecp256k1 reads the one kind of key that Go does not.
func parseSecp256k1(b []byte) (Public, error) {
	var s spki
	if rest, err := asn1.Unmarshal(b, &s); err != nil || len(rest) != 0 || !s.Algorithm.Algorithm.Equal(oidECPublic) {
		return Public{}, errPublic
	}
	var oid asn1.ObjectIdentifier
	if rest, err := asn1.Unmarshal(s.Algorithm.Parameters.FullBytes, &oid); err != nil || len(rest) != 0 {
		return Public{}, errPublic
	}
	if c, ok := curveOf(oid); !ok || c.name != keys.Secp256k1 {
		return Public{}, errPublic
	}
	if s.Key.BitLength != 8*len(s.Key.Bytes) {
		return Public{}, errPublic
	}
	return EC(keys.Secp256k1, s.Key.Bytes)
}

// ParseCrypto reads a SubjectPublicKeyInfo into Go's own type; nil where Go has none.
func ParseCrypto(b []byte) crypto.PublicKey {
	key, err := x509.ParsePKIXPublicKey(b)
	if err != nil {
		return nil
	}
	return key
}
