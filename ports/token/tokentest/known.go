package tokentest

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"sync"
	"testing"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
)

// known are keys whose material the suite knows, made once in a run and
// imported into the token when first asked for.
type known struct {
	aes, des3, hmac, shortHMAC, rsa *imported
}

// imported is a key in the token together with its material.
type imported struct {
	object hsm.Object
	raw    []byte            // secret keys
	rsa    *rsa.PrivateKey   // RSA
	ec     *ecdsa.PrivateKey // EC
}

func (k *imported) public() crypto.PublicKey {
	if k.rsa != nil {
		return k.rsa.Public()
	}
	return k.ec.Public()
}

// parseECDH reads a public key that keys are agreed with.
func parseECDH(der []byte) (*ecdh.PublicKey, error) {
	pub, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, err
	}
	switch p := pub.(type) {
	case *ecdh.PublicKey:
		return p, nil
	case *ecdsa.PublicKey:
		return p.ECDH()
	default:
		return nil, fmt.Errorf("a %T agrees on nothing", pub)
	}
}

// rsaKey is made once in a process: making it takes longer than most of the suite.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// pkcs8 returns the PKCS#8 form of a private key that the suite made.
func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// spki returns the SubjectPublicKeyInfo form of a public key that the suite made.
func spki(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func ecKey(t *testing.T, c elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func edKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// knownKey imports a key of the kind, once; nil when the token rightly refuses.
func (s *suite) knownKey(t *testing.T, into **imported, kind string) *imported {
	t.Helper()
	if *into != nil {
		return *into
	}
	tpl := s.kind(kind)
	k := &imported{}
	var material []byte
	if tpl.Type == keys.RSA {
		k.rsa = rsaKey()
		material, tpl.Private = pkcs8(t, k.rsa), true
	} else {
		k.raw = random(tpl.Size / 8)
		if tpl.Type == keys.DES3 {
			k.raw = desKey()
		}
		material = append([]byte{}, k.raw...)
	}
	var err error
	k.object, err = s.tok.Import(within(t), tpl, secret.New(material))
	if !s.refusals.works(t, "import "+kind, err) {
		return nil
	}
	*into = k
	return k
}

func (s *suite) knownAES(t *testing.T) *imported {
	return s.knownKey(t, &s.known.aes, "AES 256")
}

func (s *suite) knownDES3(t *testing.T) *imported {
	return s.knownKey(t, &s.known.des3, "DES3 168")
}

func (s *suite) knownHMAC(t *testing.T) *imported {
	return s.knownKey(t, &s.known.hmac, "HMAC 512")
}

func (s *suite) knownShortHMAC(t *testing.T) *imported {
	return s.knownKey(t, &s.known.shortHMAC, "HMAC 256")
}

func (s *suite) knownRSA(t *testing.T) *imported {
	return s.knownKey(t, &s.known.rsa, "RSA 2048")
}

// desKey returns 24 random bytes with odd parity, as FIPS 46-3 has it: some
// tokens insist on it, others set it.
func desKey() []byte {
	k := random(24)
	for i, b := range k {
		ones := byte(0)
		for bit := 1; bit < 8; bit++ {
			ones ^= b >> bit & 1
		}
		k[i] = b&^1 | ones ^ 1
	}
	return k
}

// smallRSA returns an RSA key that is no 2048-bit key.
func smallRSA(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
