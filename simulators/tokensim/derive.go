package tokensim

import (
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/hkdf"
	"crypto/x509"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
)

// Derive makes a key from another one.
func (t *Token) Derive(ctx context.Context, base hsm.Ref, tpl hsm.Template, d operations.Operation) (hsm.Object, error) {
	switch d.(type) {
	case operations.Agree, operations.Derive:
	default:
		return hsm.Object{}, fault.New(fault.Invalid, "this is no way to derive a key")
	}
	if tpl.Type.Asymmetric() || tpl.Size <= 0 {
		return hsm.Object{}, fault.New(fault.Invalid, "what is derived is a secret key of some size")
	}
	return t.createIn(ctx, Derive, tpl, func(c *card) (material, error) {
		o, err := t.slot.able(c, base, d)
		if err != nil {
			return material{}, err
		}
		size := tpl.Size / 8
		if tpl.Type == keys.DES3 {
			size = tpl.Size / 7
		}
		var value []byte
		switch d := d.(type) {
		case operations.Agree:
			if value, err = o.agreed(d.PeerPublicKey); err == nil && len(value) >= size {
				value = value[len(value)-size:]
			}
		case operations.Derive:
			value, err = o.derive(d, size)
		}
		if err != nil {
			return material{}, err
		}
		if len(value) < size {
			return material{}, fault.New(fault.Invalid, "not enough comes out for a key of this size")
		}
		return parse(tpl, secret.New(value[:size]))
	})
}

// agreed is the shared secret of o and a peer.
func (o *object) agreed(peer []byte) ([]byte, error) {
	own := o.agree
	if k, ok := o.private.(*ecdsa.PrivateKey); ok {
		var err error
		if own, err = k.ECDH(); err != nil { // P-224, of which Go has no agreement
			return nil, unsupported()
		}
	}
	if own == nil {
		return nil, unsupported()
	}
	pub, err := x509.ParsePKIXPublicKey(peer)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "public_key is not a public key")
	}
	theirs, ok := pub.(*ecdh.PublicKey)
	if k, isEC := pub.(*ecdsa.PublicKey); isEC {
		theirs, err = k.ECDH()
		ok = err == nil
	}
	if !ok || theirs.Curve() != own.Curve() {
		return nil, fault.New(fault.Invalid, "public_key is not on the key's curve")
	}
	value, err := own.ECDH(theirs)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "public_key agrees on nothing")
	}
	return value, nil
}

func (o *object) derive(d operations.Derive, size int) ([]byte, error) {
	switch by := d.By.(type) {
	case operations.EncryptData:
		res, err := o.encrypt(by.Encryption)
		return res.Output[:min(len(res.Output), len(by.Encryption.Plain))], err // a padding is no key
	case operations.HKDF:
		value, err := hkdf.Key(goHash(by.Hash).New, o.secret, by.Salt, string(by.Info), size)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "not enough comes out for a key of this size")
		}
		return value, nil
	default:
		return nil, unsupported()
	}
}
