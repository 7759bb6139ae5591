package vectors

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"strings"

	"gatehouse/adapters/dsmwire"
)

var ecdsaCurves = map[string]elliptic.Curve{
	"P-224": elliptic.P224(), "P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521(),
}

// ecdsa reads a record of SigVer.rsp; its section is [curve,hash].
func (u *unhexer) ecdsa(r record) ([]Case, string) {
	var curve elliptic.Curve
	var hash string
	for s := range r.section {
		name, h, _ := strings.Cut(s, ",")
		curve, hash = ecdsaCurves[name], hashName(h)
	}
	if curve == nil || hash == "" {
		return nil, "the API has no such curve, or hash"
	}
	size := (curve.Params().BitSize + 7) / 8
	point := append([]byte{4}, append(u.padded(r.fields["QX"], size), u.padded(r.fields["QY"], size)...)...)
	public, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil, "a public key that is not on its curve"
	}
	signature, err := asn1.Marshal(struct{ R, S *big.Int }{u.big(r.fields["R"]), u.big(r.fields["S"])})
	if err != nil {
		u.err = err
	}
	return []Case{{
		Act: Verify, Want: passed(r), Type: "EC", Key: u.spki(public), Hash: hash, In: u.hex(r.fields["MSG"]), Out: signature,
	}}, ""
}

// rsa reads a record of SigVer15 or SigVerPSS, whose modulus came before.
func (u *unhexer) rsa(name string, r record, shared map[string]string) ([]Case, string) {
	if e := r.fields["E"]; e != "" {
		shared["E"] = e
	}
	hash := hashName(r.fields["SHAALG"])
	if hash == "" {
		return nil, "the API has no such hash"
	}
	c := Case{Act: Verify, Want: passed(r), Type: "RSA", Hash: hash, In: u.hex(r.fields["MSG"]), Out: u.hex(r.fields["S"])}
	c.Mode = &dsmwire.Mode{Name: dsmwire.PKCS1v15}
	if strings.Contains(name, "PSS") {
		c.Mode = &dsmwire.Mode{Name: dsmwire.PSS, Hash: hash}
		if 4*len(r.fields["SALTVAL"]) != hashSizes[hash] {
			return nil, "the API's PSS has a salt as long as the hash"
		}
	}
	e := u.big(shared["E"])
	if !e.IsInt64() || e.Int64() > 1<<31-1 {
		return nil, "a public exponent of more than 31 bits"
	}
	c.Key = u.spki(&rsa.PublicKey{N: u.big(shared["N"]), E: int(e.Int64())})
	return []Case{c}, ""
}

// passed is what the result of a record, "P" or "F (why)", means.
func passed(r record) Want {
	if strings.HasPrefix(r.fields["RESULT"], "P") {
		return Agrees
	}
	return Refuses
}

func (u *unhexer) big(s string) *big.Int { return new(big.Int).SetBytes(u.hex(even(s))) }

// padded returns a number in size bytes.
func (u *unhexer) padded(s string, size int) []byte {
	b := u.hex(even(s))
	if len(b) > size {
		b = b[len(b)-size:]
	}
	return append(make([]byte, size-len(b)), b...)
}

func even(s string) string {
	if len(s)%2 == 1 {
		return "0" + s
	}
	return s
}

func (u *unhexer) spki(public any) []byte {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil && u.err == nil {
		u.err = err
	}
	return der
}
