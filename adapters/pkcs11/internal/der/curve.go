// Package der turns what PKCS#11 attributes hold into the DER forms of the
// Token port and back: public keys as SubjectPublicKeyInfo, private keys as
// PKCS#8, ECDSA signatures as ECDSA-Sig-Value.
//
// Everything that it reads may come from a broken token or a hostile caller:
// nothing panics, and what is not understood is an error. It does no cryptography.
package der

import (
	"bytes"
	"encoding/asn1"

	"gatehouse/core/keys"
)

// curve is what is known of an elliptic curve.
type curve struct {
	name   keys.Curve
	oid    asn1.ObjectIdentifier
	params [][]byte // CKA_EC_PARAMS that mean this curve; the first is the one to write
	field  int      // bytes of a coordinate
	raw    bool     // the public key is a string of bytes, not a point (RFC 7748, RFC 8032)
}

var (
	oidX25519  = asn1.ObjectIdentifier{1, 3, 101, 110}
	oidEd25519 = asn1.ObjectIdentifier{1, 3, 101, 112}
)

// curves are those that Gatehouse holds. PKCS#11 v3.0 names the Edwards and
// Montgomery curves by a PrintableString; other tokens want the OID of RFC 8410,
// or older private ones.
var curves = []curve{
	{name: keys.P224, oid: asn1.ObjectIdentifier{1, 3, 132, 0, 33}, field: 28},
	{name: keys.P256, oid: asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}, field: 32},
	{name: keys.P384, oid: asn1.ObjectIdentifier{1, 3, 132, 0, 34}, field: 48},
	{name: keys.P521, oid: asn1.ObjectIdentifier{1, 3, 132, 0, 35}, field: 66},
	{name: keys.Secp256k1, oid: asn1.ObjectIdentifier{1, 3, 132, 0, 10}, field: 32},
	{
		name: keys.Ed25519, oid: oidEd25519, field: 32, raw: true,
		params: [][]byte{printable("edwards25519"), printable("Ed25519"), object(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 15, 1})},
	},
	{
		name: keys.X25519, oid: oidX25519, field: 32, raw: true,
		params: [][]byte{printable("curve25519"), printable("X25519"), object(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 3029, 1, 5, 1})},
	},
}

func printable(s string) []byte { return append([]byte{asn1.TagPrintableString, byte(len(s))}, s...) }

func object(oid asn1.ObjectIdentifier) []byte {
	b, err := asn1.Marshal(oid)
	if err != nil {
		return nil
	}
	return b
}

func curveNamed(name keys.Curve) (curve, bool) {
	for _, c := range curves {
		if c.name == name {
			return c, true
		}
	}
	return curve{}, false
}

func curveOf(oid asn1.ObjectIdentifier) (curve, bool) {
	for _, c := range curves {
		if c.oid.Equal(oid) {
			return c, true
		}
	}
	return curve{}, false
}

// Params returns what CKA_EC_PARAMS may be for a curve, in the order in which
// tokens should be asked; nil for a curve that Gatehouse does not hold.
func Params(name keys.Curve) [][]byte {
	c, ok := curveNamed(name)
	if !ok {
		return nil
	}
	return append([][]byte{object(c.oid)}, c.params...)
}

// CurveOf reads CKA_EC_PARAMS; ok is false for a curve that Gatehouse does not hold.
func CurveOf(params []byte) (name keys.Curve, ok bool) {
	for _, c := range curves {
		for _, p := range Params(c.name) {
			if bytes.Equal(p, params) {
				return c.name, true
			}
		}
	}
	return "", false
}

// FieldSize returns the bytes of a coordinate, and of each half of a signature.
func FieldSize(name keys.Curve) int {
	c, _ := curveNamed(name)
	return c.field
}
