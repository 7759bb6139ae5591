package backendtest

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"testing"
	"time"

	"gatehouse/core/keys"
)

// kindOf names what a spec asks for: "AES 128", "EC NistP256".
func kindOf(s keys.Spec) string {
	switch {
	case s.ParamSet != "":
		return fmt.Sprintf("%s %s", s.Type, s.ParamSet)
	case s.Curve != "":
		return fmt.Sprintf("%s %s", s.Type, s.Curve)
	case s.Size != 0:
		return fmt.Sprintf("%s %d", s.Type, s.Size)
	default:
		return string(s.Type)
	}
}

// fixtures are keys whose material the suite knows.
type fixtures struct {
	aes, des3, hmac []byte
	rsa             *rsa.PrivateKey
	ec              map[keys.Curve]*ecdsa.PrivateKey
	ed              ed25519.PrivateKey
	x               *ecdh.PrivateKey
	certificate     []byte
}

func newFixtures(t *testing.T) fixtures {
	t.Helper()
	f := fixtures{
		aes:  unhex(t, "2b7e151628aed2a6abf7158809cf4f3c"),
		des3: unhex(t, "0123456789abcdef23456789abcdef01456789abcdef0123"),
		hmac: bytes.Repeat([]byte{0x0b}, 20),
		ec:   map[keys.Curve]*ecdsa.PrivateKey{},
	}
	var err error
	if f.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[keys.Curve]elliptic.Curve{keys.P256: elliptic.P256(), keys.P384: elliptic.P384(), keys.P521: elliptic.P521()} {
		if f.ec[name], err = ecdsa.GenerateKey(c, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	if _, f.ed, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	if f.x, err = ecdh.X25519().GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	f.certificate = certificate(t, f.rsa)
	return f
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func spki(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func sec1(t *testing.T, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func certificate(t *testing.T, key *rsa.PrivateKey) []byte {
	t.Helper()
	c := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "suite"},
		NotBefore: now, NotAfter: now.Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, &c, &c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
