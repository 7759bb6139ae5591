package softkeys

import (
	"crypto/x509/pkix"
	"encoding/asn1"
)

// The forms of keys that package x509 does not know: those on secp256k1 and
// those of ML-KEM.
var (
	oidECPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}         // RFC 5480, 2.1.1
	oidK256        = asn1.ObjectIdentifier{1, 3, 132, 0, 10}               // SEC 2, A.2.1
	oidMLKEM768    = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, 2} // RFC 9935, 3
	oidMLKEM1024   = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, 3} // as above
	oidMLKEM512    = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, 1} // as above
)

// pkcs8Info is PrivateKeyInfo of RFC 5208, section 5, and OneAsymmetricKey of
// RFC 5958 as far as that is the same; attributes and public key are read over.
type pkcs8Info struct {
	Version   int
	Algorithm algorithmID
	Key       []byte
}

// spkiInfo is SubjectPublicKeyInfo of RFC 5280, 4.1.
type spkiInfo struct {
	Algorithm algorithmID
	Key       asn1.BitString
}

// ecPrivateKey is ECPrivateKey of RFC 5915.
type ecPrivateKey struct {
	Version int
	Key     []byte
	Curve   asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
	Public  asn1.BitString        `asn1:"optional,explicit,tag:1"`
}

type algorithmID pkix.AlgorithmIdentifier

// algorithm returns the identifier of an algorithm whose parameters are a curve
// or absent.
func algorithm(oid asn1.ObjectIdentifier, curve asn1.ObjectIdentifier) algorithmID {
	a := algorithmID{Algorithm: oid}
	if curve != nil {
		der, err := asn1.Marshal(curve)
		if err == nil { // always: the curves are those above
			a.Parameters = asn1.RawValue{FullBytes: der}
		}
	}
	return a
}

// is reports whether a is algorithm(oid, curve).
func (a algorithmID) is(oid, curve asn1.ObjectIdentifier) bool {
	if !a.Algorithm.Equal(oid) {
		return false
	}
	if curve == nil {
		return len(a.Parameters.FullBytes) == 0
	}
	var named asn1.ObjectIdentifier
	rest, err := asn1.Unmarshal(a.Parameters.FullBytes, &named)
	return err == nil && len(rest) == 0 && named.Equal(curve)
}

// parsePKCS8 reads a private key of any algorithm.
func parsePKCS8(der []byte) (pkcs8Info, bool) {
	var p pkcs8Info
	rest, err := asn1.Unmarshal(der, &p)
	return p, err == nil && len(rest) == 0 && (p.Version == 0 || p.Version == 1)
}

func parseSPKI(der []byte) (spkiInfo, bool) {
	var s spkiInfo
	rest, err := asn1.Unmarshal(der, &s)
	return s, err == nil && len(rest) == 0
}
