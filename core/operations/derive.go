package operations

import (
	"gatehouse/core/fault"
	"gatehouse/core/keys"
)

// Agree makes a key from this private key and somebody's public one (SP 800-56A,
// 5.7.1.2): of the shared secret, the x-coordinate, as many bytes as the new key
// has, counted from its end.
type Agree struct {
	PeerPublicKey []byte // DER SubjectPublicKeyInfo, on the curve of the key
}

// Derive makes a key from this one.
type Derive struct {
	By Derivation
}

// Derivation is how a key is derived: EncryptData or HKDF.
type Derivation interface {
	checkDerivation(keys.Key) error
}

// EncryptData derives by encryption: the key is the beginning of the ciphertext
// of data that both sides know, without IV, tag and what padding adds: there must
// be as much data as the key has bytes.
type EncryptData struct{ Encryption Encrypt }

// HKDF derives as RFC 5869 does, the base key being the input keying material.
type HKDF struct {
	Hash Hash
	Salt []byte
	Info []byte
}

// Encapsulate makes a key and the ciphertext from which who has the private key
// makes the same (FIPS 203).
type Encapsulate struct{}

// Decapsulate is the reverse of Encapsulate.
type Decapsulate struct {
	Cipher []byte
}

// Needs returns OpAgree.
func (Agree) Needs() keys.Ops { return keys.OpAgree }

// Needs returns OpDerive.
func (Derive) Needs() keys.Ops { return keys.OpDerive }

// Needs returns OpEncapsulate.
func (Encapsulate) Needs() keys.Ops { return keys.OpEncapsulate }

// Needs returns OpDecapsulate.
func (Decapsulate) Needs() keys.Ops { return keys.OpDecapsulate }

// maxPublicKey is longer than any SubjectPublicKeyInfo that a key agrees with.
const maxPublicKey = 4096

func (a Agree) check(k keys.Key) error {
	switch {
	case !keys.PossibleOps(k.Type, k.Curve).Has(keys.OpAgree):
		return wrongKey(a, k)
	case len(a.PeerPublicKey) == 0:
		return fault.New(fault.Invalid, "public_key is required")
	case len(a.PeerPublicKey) > maxPublicKey:
		return fault.New(fault.Invalid, "public_key is longer than any public key")
	}
	return nil
}

func (d Derive) check(k keys.Key) error {
	switch {
	case !keys.PossibleOps(k.Type, k.Curve).Has(keys.OpDerive):
		return wrongKey(d, k)
	case d.By == nil:
		return fault.New(fault.Invalid, "mechanism is required")
	}
	return d.By.checkDerivation(k)
}

func (e EncryptData) checkDerivation(k keys.Key) error {
	switch k.Type {
	case keys.AES, keys.DES3:
	default:
		return fault.New(fault.Invalid, "a key of type %s cannot derive by encryption", k.Type)
	}
	if len(e.Encryption.Plain) == 0 {
		return fault.New(fault.Invalid, "plain is required")
	}
	if e.Encryption.Mode != ECB && len(e.Encryption.IV) == 0 {
		return fault.New(fault.Invalid, "iv is required for a derivation, which nobody could repeat otherwise")
	}
	return e.Encryption.check(k)
}

func (h HKDF) checkDerivation(k keys.Key) error {
	switch {
	case k.Type != keys.HMAC && k.Type != keys.Secret && k.Type != keys.AES && k.Type != keys.DES3:
		return fault.New(fault.Invalid, "a key of type %s cannot derive by HKDF", k.Type)
	case h.Hash.Size() == 0:
		return fault.New(fault.Invalid, "hash_alg is required")
	case len(h.Salt) > MaxInput || len(h.Info) > MaxInput:
		return fault.New(fault.Invalid, "input is longer than %d bytes", MaxInput)
	}
	return nil
}

func (e Encapsulate) check(k keys.Key) error {
	if !keys.PossibleOps(k.Type, k.Curve).Has(keys.OpEncapsulate) {
		return wrongKey(e, k)
	}
	return nil
}

func (d Decapsulate) check(k keys.Key) error {
	switch {
	case !keys.PossibleOps(k.Type, k.Curve).Has(keys.OpDecapsulate):
		return wrongKey(d, k)
	case len(d.Cipher) == 0:
		return fault.New(fault.Invalid, "ciphertext is required")
	case len(d.Cipher) > maxPublicKey:
		return fault.New(fault.Invalid, "ciphertext is longer than any encapsulated key")
	}
	return nil
}
