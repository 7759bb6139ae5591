package der

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"

	"gatehouse/core/keys"
)

var errPrivate = errors.New("not a private key that Gatehouse holds")

// Private is a private key as PKCS#11 attributes hold it. Wipe it after use.
type Private struct {
	Public Public
	Value  []byte   // EC: the scalar, or the seed of RFC 8032
	RSA    struct { // big-endian
		Private, Prime1, Prime2, Exponent1, Exponent2, Coefficient []byte
	}
}

// Wipe overwrites the private parts.
func (p *Private) Wipe() {
	for _, b := range [][]byte{
		p.Value, p.RSA.Private, p.RSA.Prime1, p.RSA.Prime2, p.RSA.Exponent1, p.RSA.Exponent2, p.RSA.Coefficient,
	} {
		clear(b)
	}
}

// ParsePrivate reads a PKCS#8 PrivateKeyInfo (RFC 5958), and checks that its
// parts belong together as far as Go does.
func ParsePrivate(b []byte) (Private, error) {
	var whole asn1.RawValue
	if rest, err := asn1.Unmarshal(b, &whole); err != nil || len(rest) != 0 {
		return Private{}, errPrivate // Go's parser lets something stand behind the key
	}
	if p, err := parsePrivateSecp256k1(b); err == nil {
		return p, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(b)
	if err != nil {
		return Private{}, errPrivate // the parser's own words may tell of the key
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return fromRSA(k)
	case *ecdsa.PrivateKey:
		return withPublic(k.Public())(k.Bytes())
	case ed25519.PrivateKey:
		return withPublic(k.Public())(append([]byte(nil), k.Seed()...), nil)
	case *ecdh.PrivateKey:
		return withPublic(k.Public())(k.Bytes(), nil)
	default:
		return Private{}, errPrivate
	}
}

func withPublic(key any) func(value []byte, err error) (Private, error) {
	return func(value []byte, err error) (Private, error) {
		if err != nil {
			return Private{}, errPrivate
		}
		pub, err := fromCrypto(key)
		return Private{Public: pub, Value: value}, err
	}
}

func fromRSA(k *rsa.PrivateKey) (Private, error) {
	if len(k.Primes) != 2 {
		return Private{}, errPrivate
	}
	pub, err := fromCrypto(k.Public())
	if err != nil {
		return Private{}, err
	}
	k.Precompute()
	p := Private{Public: pub}
	p.RSA.Private = k.D.Bytes()
	p.RSA.Prime1, p.RSA.Prime2 = k.Primes[0].Bytes(), k.Primes[1].Bytes()
	p.RSA.Exponent1, p.RSA.Exponent2 = k.Precomputed.Dp.Bytes(), k.Precomputed.Dq.Bytes()
	p.RSA.Coefficient = k.Precomputed.Qinv.Bytes()
	return p, nil
}

// parsePrivateSecp256k1 reads the one kind of key that Go does not. The public
// key has to be inside, for it is not computed here.
func parsePrivateSecp256k1(b []byte) (Private, error) {
	var outer struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Key       []byte
		Rest      asn1.RawValue `asn1:"optional"`
	}
	if _, err := asn1.Unmarshal(b, &outer); err != nil || !outer.Algorithm.Algorithm.Equal(oidECPublic) {
		return Private{}, errPrivate
	}
	var oid asn1.ObjectIdentifier
	if rest, err := asn1.Unmarshal(outer.Algorithm.Parameters.FullBytes, &oid); err != nil || len(rest) != 0 {
		return Private{}, errPrivate
	}
	if c, ok := curveOf(oid); !ok || c.name != keys.Secp256k1 {
		return Private{}, errPrivate
	}
	var inner struct { // ECPrivateKey (RFC 5915)
		Version int
		Key     []byte
		Params  asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
		Public  asn1.BitString        `asn1:"optional,explicit,tag:1"`
	}
	if rest, err := asn1.Unmarshal(outer.Key, &inner); err != nil || len(rest) != 0 || len(inner.Key) == 0 || len(inner.Key) > 32 {
		return Private{}, errPrivate
	}
	pub, err := EC(keys.Secp256k1, inner.Public.Bytes)
	if err != nil {
		return Private{}, errPrivate
	}
	value := make([]byte, 32)
	copy(value[32-len(inner.Key):], inner.Key)
	return Private{Public: pub, Value: value}, nil
}
