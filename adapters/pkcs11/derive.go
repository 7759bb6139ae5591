package pkcs11

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/adapters/pkcs11/internal/der"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// Mechanisms that the binding does not name.
const (
	ckmHKDFDerive = 0x402A // PKCS#11 v3.0
)

// dataMechanisms derive by encryption, by the mode: without padding and with it,
// for the data are as long as the key.
var dataMechanisms = map[keys.Type]map[operations.Mode]uint{
	keys.AES: {
		operations.ECB: pkcs11.CKM_AES_ECB_ENCRYPT_DATA, operations.CBC: pkcs11.CKM_AES_CBC_ENCRYPT_DATA,
		operations.CBCNoPad: pkcs11.CKM_AES_CBC_ENCRYPT_DATA,
	},
	keys.DES3: {
		operations.ECB: pkcs11.CKM_DES3_ECB_ENCRYPT_DATA, operations.CBC: pkcs11.CKM_DES3_CBC_ENCRYPT_DATA,
		operations.CBCNoPad: pkcs11.CKM_DES3_CBC_ENCRYPT_DATA,
	},
}

// Derive makes a secret key from another key.
func (t *Token) Derive(ctx context.Context, base hsm.Ref, tpl hsm.Template, d operations.Operation) (hsm.Object, error) {
	switch d.(type) {
	case operations.Agree, operations.Derive:
	default:
		return hsm.Object{}, fault.New(fault.Invalid, "%s makes no key", operations.Name(d))
	}
	if tpl.Type.Asymmetric() || tpl.Size <= 0 {
		return hsm.Object{}, fault.New(fault.Invalid, "what is derived is a secret key of some size")
	}
	if err := checkMade(tpl); err != nil {
		return hsm.Object{}, err
	}
	o, err := following(ctx, t, []hsm.Ref{base}, func(ctx context.Context) (hsm.Object, error) { return t.derive(ctx, base, tpl, d) })
	return o, translate("deriving a key", err)
}

func (t *Token) derive(ctx context.Context, base hsm.Ref, tpl hsm.Template, d operations.Operation) (hsm.Object, error) {
	k, err := t.able(ctx, base, d)
	if err != nil {
		return hsm.Object{}, err
	}
	size := valueLength(tpl.Type, tpl.Size)
	var ms []cryptoki.Mechanism
	switch d := d.(type) {
	case operations.Agree:
		ms, err = agreeing(k, d.PeerPublicKey, size)
	case operations.Derive:
		var m cryptoki.Mechanism
		m, err = deriving(base.Type, d.By, size)
		ms = []cryptoki.Mechanism{m}
	}
	if err != nil {
		return hsm.Object{}, err
	}
	var ways []way
	for _, m := range ms {
		for _, as := range unwrapped(hsm.SecretKey, tpl) {
			ways = append(ways, func(s *session) ([]cryptoki.Object, error) {
				return t.makeOf(s, k, tpl, as, func(as attributes) (cryptoki.Object, error) {
					return t.m.lib.Derive(s.handle, k.handle, &m, as)
				})
			})
		}
	}
	return t.create(ctx, tpl, hsm.SecretKey, ways)
}

func errTooLittle() error {
	return fault.New(fault.Invalid, "not enough comes out for a key of this size")
}

// agreeing returns the ways to agree with a peer on a key of so many bytes: the
// point as it is (v2.40, 2.3.18), and as some tokens want it.
func agreeing(k *key, peer []byte, size int) ([]cryptoki.Mechanism, error) {
	p, err := der.ParsePublic(peer)
	switch {
	case err != nil:
		return nil, fault.Wrap(fault.Invalid, err, "public_key is not a public key in SubjectPublicKeyInfo form")
	case p.Type != keys.EC || p.Curve != k.Curve:
		return nil, fault.New(fault.Invalid, "public_key is not on the key's curve")
	case size > k.field:
		return nil, errTooLittle()
	case p.Curve == keys.X25519 && !contributes(p.Point):
		return nil, fault.New(fault.Invalid, "public_key is a point of low order")
	}
	m := cryptoki.Mechanism{Type: pkcs11.CKM_ECDH1_DERIVE, Shape: cryptoki.ECDH, P: p.Point}
	wrapped := m
	wrapped.P = p.ECPoint()
	return []cryptoki.Mechanism{m, wrapped}, nil
}

// contributes reports whether a point of X25519 has a say in what is agreed on:
// with those of low order everybody agrees on zero (RFC 7748, 6.1), and tokens
// fail, or do not notice.
func contributes(point []byte) bool {
	public, err := ecdh.X25519().NewPublicKey(point)
	if err != nil {
		return false
	}
	other, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return false
	}
	_, err = other.ECDH(public)
	return err == nil
}

// deriving returns the mechanism that derives a key of so many bytes.
func deriving(base keys.Type, by operations.Derivation, size int) (cryptoki.Mechanism, error) {
	switch by := by.(type) {
	case operations.EncryptData:
		e := by.Encryption
		switch {
		case size > len(e.Plain):
			return cryptoki.Mechanism{}, errTooLittle()
		case size%operations.BlockSize(base) != 0:
			// Tokens do not agree at which end they cut off what is too much.
			return cryptoki.Mechanism{}, fault.New(fault.Unsupported, "an HSM derives by encryption only keys of whole blocks")
		}
		m := cryptoki.Mechanism{Type: dataMechanisms[base][e.Mode], Shape: cryptoki.Data, P: e.Plain[:size]}
		if e.Mode != operations.ECB {
			m.Shape, m.Q = cryptoki.CBCData, e.IV
		}
		return m, nil
	case operations.HKDF:
		h, ok := hashes[by.Hash]
		if !ok {
			return cryptoki.Mechanism{}, errHash()
		}
		if size > 255*by.Hash.Size() {
			return cryptoki.Mechanism{}, errTooLittle()
		}
		return cryptoki.Mechanism{Type: ckmHKDFDerive, Shape: cryptoki.HKDF, P: by.Info, Q: by.Salt, A: h.digest}, nil
	default:
		return cryptoki.Mechanism{}, fault.New(fault.Unsupported, "an HSM does not derive keys so")
	}
}
