package vectors

import (
	"crypto/ecdh"
	"crypto/x509"
	"math/big"
	"strings"
)

var ecdhCurves = map[string]ecdh.Curve{"secp256r1": ecdh.P256(), "secp384r1": ecdh.P384(), "secp521r1": ecdh.P521()}

// agreement makes cases of private numbers, or PKCS #8, and public SubjectPublicKeyInfo.
func (u *unhexer) agreement(g wycheproofGroup) (func(wycheproofTest) ([]Case, error), string) {
	curve, known := ecdhCurves[g.Curve]
	switch {
	case g.Type == "XdhAsnComp" && g.Curve == "curve25519":
	case !known:
		return nil, "no player for agreement on " + g.Curve
	}
	return u.cases(func(t wycheproofTest) []Case {
		c := Case{Act: Agree, Want: want(t.Result), Type: "EC", Key: u.text(t.Private), Peer: u.text(t.Public), Out: u.hex(t.Shared)}
		if curve != nil {
			c.Key = u.pkcs8(curve, c.Key)
		}
		return []Case{c}
	}), ""
}

// derivation makes cases of HKDF's (RFC 5869).
func (u *unhexer) derivation(algorithm string) (func(wycheproofTest) ([]Case, error), string) {
	hash := hashName(strings.TrimPrefix(algorithm, "HKDF-"))
	if hash == "" {
		return nil, "the API has no " + algorithm
	}
	return u.cases(func(t wycheproofTest) []Case {
		return []Case{{
			Act: Derive, Want: want(t.Result), Type: "HMAC", Key: u.hex(t.IKM), Hash: hash, Salt: u.hex(t.Salt), Info: u.hex(t.Info), Out: u.hex(t.OKM),
		}}
	}), ""
}

// pkcs8 returns a private number as PKCS #8.
func (u *unhexer) pkcs8(curve ecdh.Curve, number []byte) []byte {
	size := map[ecdh.Curve]int{ecdh.P256(): 32, ecdh.P384(): 48, ecdh.P521(): 66}[curve]
	k, err := curve.NewPrivateKey(new(big.Int).SetBytes(number).FillBytes(make([]byte, size)))
	if err == nil {
		var der []byte
		if der, err = x509.MarshalPKCS8PrivateKey(k); err == nil {
			return der
		}
	}
	u.err = err
	return nil
}
