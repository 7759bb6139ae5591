package steps

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/keys"
)

// original is a key that was made outside the service.
type original struct {
	value  []byte // as Import takes it: PKCS#8, or raw bytes
	public []byte // DER SubjectPublicKeyInfo; nil for a symmetric key
}

// kindOf reads what a scenario calls a kind of key, as "AES 256" or "EC NistP256".
func kindOf(kind string) (dsmwire.SobjectRequest, error) {
	name, rest, _ := strings.Cut(kind, " ")
	r := dsmwire.SobjectRequest{ObjType: name}
	switch name {
	case "AES", "DES3", "RSA", "HMAC":
		if rest == "" {
			rest = map[string]string{"AES": "256", "RSA": "2048"}[name]
		}
		bits, err := strconv.ParseUint(rest, 10, 32)
		if err != nil {
			return r, fmt.Errorf("no such kind of key: %q", kind)
		}
		size := uint32(bits)
		r.KeySize = &size
		if name == "DES3" { // which by default only undoes what was done before
			r.KeyOps = &[]string{"ENCRYPT", "DECRYPT"}
		}
	case "EC":
		r.EllipticCurve = rest
	case "SECRET":
	default:
		return r, fmt.Errorf("no such kind of key: %q", kind)
	}
	return r, nil
}

// newOriginal makes a key outside the service.
func (s *scenario) newOriginal(r dsmwire.SobjectRequest) (original, error) {
	switch r.ObjType {
	case "RSA":
		return s.newRSA()
	case "EC":
		curve, known := map[string]elliptic.Curve{"NistP256": elliptic.P256(), "NistP384": elliptic.P384()}[r.EllipticCurve]
		if !known {
			return original{}, fmt.Errorf("keys on %s are not made here", r.EllipticCurve)
		}
		return newEC(curve)
	case "SECRET":
		return original{value: randomBytes(32)}, nil
	default:
		return original{value: randomBytes(int(*r.KeySize) / 8)}, nil
	}
}

// newRSA returns an RSA key that the scenario does not have yet.
func (s *scenario) newRSA() (original, error) {
	s.rsaKeys++
	k, err := s.stage.rsaKey(s.rsaKeys - 1)
	if err != nil {
		return original{}, err
	}
	return pair(k, k.Public())
}

func newEC(curve elliptic.Curve) (original, error) {
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		return original{}, err
	}
	return pair(k, k.Public())
}

func pair(private crypto.PrivateKey, public crypto.PublicKey) (o original, err error) {
	if o.value, err = x509.MarshalPKCS8PrivateKey(private); err != nil {
		return o, err
	}
	o.public, err = x509.MarshalPKIXPublicKey(public)
	return o, err
}

// newCertificate makes a certificate that nobody trusts.
func newCertificate(subject string) ([]byte, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: subject},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	return x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// unhex reads the id that a scenario gives to a key.
func unhex(id string) ([]byte, error) {
	b, err := hex.DecodeString(id)
	if err != nil {
		return nil, fmt.Errorf("%q is not an id in hex", id)
	}
	return b, nil
}

// usual is what keys of a type may do when nobody says otherwise.
func usual(t keys.Type) keys.Ops {
	switch t {
	case keys.RSA:
		return keys.OpSign | keys.OpVerify | keys.OpEncrypt | keys.OpDecrypt
	case keys.EC:
		return keys.OpSign | keys.OpVerify
	default:
		return keys.OpEncrypt | keys.OpDecrypt
	}
}
