package doctor

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
)

// errNotHere says nothing of the token.
var errNotHere = errors.New("the doctor has no key on this curve to import")

// importMaterial makes a key of a template's kind outside the token.
func importMaterial(random io.Reader, t hsm.Template) (secret.Value, error) {
	if !t.Type.Asymmetric() {
		b := make([]byte, (t.Size+7)/8)
		if t.Type == keys.DES3 {
			b = make([]byte, 24)
		}
		if _, err := io.ReadFull(random, b); err != nil {
			return secret.Value{}, fmt.Errorf("making a key: %w", err)
		}
		if t.Type == keys.DES3 {
			for i := range b {
				b[i] = oddParity(b[i])
			}
		}
		return secret.New(b), nil
	}
	key, err := pair(random, t)
	if err != nil {
		return secret.Value{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return secret.Value{}, fmt.Errorf("making a key: %w", err)
	}
	return secret.New(der), nil
}

func pair(random io.Reader, t hsm.Template) (key any, err error) {
	switch {
	case t.Type == keys.RSA:
		key, err = rsa.GenerateKey(random, t.Size)
	case t.Curve == keys.P224:
		key, err = ecdsa.GenerateKey(elliptic.P224(), random)
	case t.Curve == keys.P256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), random)
	case t.Curve == keys.P384:
		key, err = ecdsa.GenerateKey(elliptic.P384(), random)
	case t.Curve == keys.P521:
		key, err = ecdsa.GenerateKey(elliptic.P521(), random)
	case t.Curve == keys.Ed25519:
		_, key, err = ed25519.GenerateKey(random)
	case t.Curve == keys.X25519:
		key, err = ecdh.X25519().GenerateKey(random)
	default:
		return nil, errNotHere
	}
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	return key, nil
}

// oddParity sets the lowest bit so that the number of ones is odd, as keys of DES
// have it.
func oddParity(b byte) byte {
	b |= 1
	for v := b >> 1; v != 0; v &= v - 1 {
		b ^= 1
	}
	return b
}
