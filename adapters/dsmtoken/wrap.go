package dsmtoken

import (
	"context"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// Wrap wraps a key of the other service with another.
func (t *Token) Wrap(ctx context.Context, with, subject hsm.Ref, w operations.Wrap) (operations.Result, error) {
	err := operations.CheckSubject(w, keys.Key{Type: with.Type}, keys.Key{Type: subject.Type, PublicOnly: subject.Class == hsm.PublicKey})
	if err != nil {
		return operations.Result{}, err
	}
	var res operations.Result
	err = t.use(ctx, with, w, func(f found) error {
		s, _, err := t.forUse(ctx, subject)
		if err != nil {
			return err
		}
		r := dsmwire.WrapKeyRequest{
			Key: &dsmwire.SobjectDescriptor{KID: f.kid}, Subject: &dsmwire.SobjectDescriptor{KID: s.kid}, Alg: string(with.Type),
			Mode: mode(w.Mode, w.Hash), IV: w.IV, AD: w.AD, TagLen: tagLen(w.Mode, w.TagBits),
		}
		if subject.Type.Asymmetric() {
			r.KeyFormat = string(operations.FormatPKCS8)
		}
		wrapped, err := t.client.Wrap(ctx, r)
		res = operations.Result{Output: wrapped.WrappedKey, IV: wrapped.IV, Tag: wrapped.Tag}
		return translate(ctx, using, err)
	})
	if err != nil {
		return operations.Result{}, err
	}
	return res, nil
}

// Unwrap makes a key of a wrapped one in the default group of the app.
func (t *Token) Unwrap(ctx context.Context, with hsm.Ref, tpl hsm.Template, u operations.Unwrap) (hsm.Object, error) {
	tpl.Private = tpl.Type.Asymmetric()
	var made hsm.Object
	err := t.use(ctx, with, u, func(f found) (err error) {
		made, err = t.make(ctx, tpl, unwrapping, func(r dsmwire.SobjectRequest) (dsmwire.Sobject, error) {
			return t.client.Unwrap(ctx, dsmwire.UnwrapKeyRequest{
				Key: &dsmwire.SobjectDescriptor{KID: f.kid}, Alg: string(with.Type), ObjType: r.ObjType, WrappedKey: u.Wrapped,
				Mode: mode(u.Mode, u.Hash), IV: u.IV, AD: u.AD, Tag: u.Tag,
				Name: r.Name, RSA: r.RSA, Enabled: r.Enabled, KeyOps: r.KeyOps, CustomMetadata: r.CustomMetadata,
			})
		})
		return err
	})
	return made, err
}

// Derive makes a key from another in the default group of the app.
func (t *Token) Derive(ctx context.Context, base hsm.Ref, tpl hsm.Template, op operations.Operation) (hsm.Object, error) {
	switch op.(type) {
	case operations.Agree, operations.Derive:
	default:
		return hsm.Object{}, fault.New(fault.Invalid, "%s is no way to derive a key", operations.Name(op))
	}
	if tpl.Type.Asymmetric() || tpl.Size <= 0 {
		return hsm.Object{}, fault.New(fault.Invalid, "what is derived is a secret key of some size")
	}
	if d, is := op.(operations.Derive); is && tooLittle(d.By, tpl) {
		return hsm.Object{}, fault.New(fault.Invalid, "not enough comes out for a key of this size")
	}
	var made hsm.Object
	err := t.use(ctx, base, op, func(f found) (err error) {
		made, err = t.make(ctx, tpl, making, func(r dsmwire.SobjectRequest) (dsmwire.Sobject, error) {
			return t.derive(ctx, f, r, base.Type, op)
		})
		return err
	})
	return made, err
}

// tooLittle reports whether the data that are encrypted are shorter than the
// key: what a cipher adds to them is no key material.
func tooLittle(by operations.Derivation, tpl hsm.Template) bool {
	e, is := by.(operations.EncryptData)
	size := tpl.Size / 8
	if tpl.Type == keys.DES3 {
		size = tpl.Size / 7 // with parity bits
	}
	return is && len(e.Encryption.Plain) < size
}

// derive asks for a new key. Its errors are the client's, or of what the API does not carry.
func (t *Token) derive(ctx context.Context, f found, r dsmwire.SobjectRequest, base keys.Type, op operations.Operation) (dsmwire.Sobject, error) {
	key := dsmwire.SobjectDescriptor{KID: f.kid}
	switch o := op.(type) {
	case operations.Agree:
		return t.client.Agree(ctx, dsmwire.AgreeKeyRequest{
			PrivateKey: key, Mechanism: dsmwire.DiffieHellman, KeyType: r.ObjType, KeySize: r.KeySize,
			PublicKey: dsmwire.SobjectDescriptor{Inline: &dsmwire.InlineDescriptor{Value: publicValue(o.PeerPublicKey), ObjType: string(keys.EC)}},
			Name:      r.Name, Enabled: r.Enabled, KeyOps: r.KeyOps, CustomMetadata: r.CustomMetadata,
		})
	case operations.Derive:
		m, err := mechanism(o.By, base)
		if err != nil {
			return dsmwire.Sobject{}, err
		}
		return t.client.Derive(ctx, dsmwire.DeriveKeyRequest{
			Key: &key, Mechanism: m, KeyType: r.ObjType, KeySize: r.KeySize,
			Name: r.Name, Enabled: r.Enabled, KeyOps: r.KeyOps, CustomMetadata: r.CustomMetadata,
		})
	default:
		return dsmwire.Sobject{}, fault.New(fault.Unsupported, "%s makes no key in another service", operations.Name(op))
	}
}

func mechanism(by operations.Derivation, base keys.Type) (dsmwire.DeriveKeyMechanism, error) {
	switch d := by.(type) {
	case operations.EncryptData:
		r := encryptRequest(nil, base, d.Encryption)
		return dsmwire.DeriveKeyMechanism{EncryptData: &r}, nil
	case operations.HKDF:
		return dsmwire.DeriveKeyMechanism{HKDF: &dsmwire.DeriveKeyHKDF{HashAlg: string(d.Hash), Info: d.Info, Salt: d.Salt}}, nil
	default:
		return dsmwire.DeriveKeyMechanism{}, fault.New(fault.Unsupported, "the API of the other service does not carry this derivation")
	}
}
