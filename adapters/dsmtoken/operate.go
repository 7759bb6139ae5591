package dsmtoken

import (
	"bytes"
	"context"
	"errors"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
)

// Operate does op in the other service.
func (t *Token) Operate(ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
	var res operations.Result
	err := t.use(ctx, ref, op, func(f found) (err error) {
		res, err = t.ask(ctx, f.kid, ref.Type, f.curve, op)
		return translate(ctx, aboutUsing(op), err)
	})
	if err != nil {
		return operations.Result{}, err
	}
	return res, nil
}

// use checks op and calls do with the key that ref names. A key that is not
// where it was remembered is looked for once more.
func (t *Token) use(ctx context.Context, ref hsm.Ref, op operations.Operation, do func(found) error) error {
	done, err := t.beginOwn(ctx)
	if err != nil {
		return err
	}
	defer done()
	for {
		f, remembered, err := t.forUse(ctx, ref)
		if err != nil {
			return err
		}
		if err := operations.Check(op, keys.Key{Type: ref.Type, Curve: f.curve, Size: f.size}); err != nil {
			return err
		}
		if !t.info.Capabilities.Lists(hsm.MechanismFor(op, ref.Type)) {
			return fault.New(fault.Unsupported, "keys of another service do not %s in this way", operations.Name(op))
		}
		if ref.Class == hsm.PublicKey && !keys.PublicOps.Has(op.Needs()) {
			return fault.New(fault.Denied, "a public key cannot %s", operations.Name(op))
		}
		err = do(f)
		if !remembered || !errors.Is(err, fault.NotFound) {
			return err
		}
		t.known.forget(f.kid)
	}
}

// publicValue is a public key in a field that also holds secrets.
func publicValue(spki []byte) dsmwire.SecretBytes {
	return dsmwire.NewSecretBytes(secret.New(bytes.Clone(spki)))
}

func aboutUsing(op operations.Operation) doing {
	switch op.(type) {
	case operations.Decrypt:
		return opening
	default:
		return using
	}
}

// ask sends op. Its errors are the client's.
func (t *Token) ask(ctx context.Context, kid string, typ keys.Type, curve keys.Curve, op operations.Operation) (operations.Result, error) {
	key := &dsmwire.SobjectDescriptor{KID: kid}
	switch o := op.(type) {
	case operations.Encrypt:
		r, err := t.client.Encrypt(ctx, encryptRequest(key, typ, o))
		return operations.Result{Output: r.Cipher, IV: r.IV, Tag: r.Tag}, err
	case operations.Decrypt:
		r, err := t.client.Decrypt(ctx, dsmwire.DecryptRequest{
			Key: key, Alg: string(typ), Cipher: present(o.Cipher), Mode: mode(o.Mode, o.Hash), IV: o.IV, AD: o.AD, Tag: o.Tag, Label: o.Label,
		})
		return operations.Result{Output: r.Plain}, err
	case operations.Sign:
		r, err := t.client.Sign(ctx, dsmwire.SignRequest{
			Key: key, HashAlg: hashAlg(o.Hash, curve), Hash: only(o.Prehashed, o.Input), Data: only(!o.Prehashed, o.Input), Mode: mode(o.Mode, o.Hash),
		})
		return operations.Result{Output: r.Signature}, err
	case operations.Verify:
		valid, err := t.client.Verify(ctx, dsmwire.VerifyRequest{
			Key: key, HashAlg: hashAlg(o.Hash, curve), Hash: only(o.Prehashed, o.Input), Data: only(!o.Prehashed, o.Input), Mode: mode(o.Mode, o.Hash),
			Signature: present(o.Signature),
		})
		return operations.Result{Valid: valid}, err
	case operations.MAC:
		r, err := t.client.MAC(ctx, dsmwire.MACRequest{Key: key, Alg: string(o.Hash), Data: present(o.Data)})
		return operations.Result{Output: r.MAC}, err
	case operations.MACVerify:
		valid, err := t.client.MACVerify(ctx, dsmwire.MACVerifyRequest{Key: key, Alg: string(o.Hash), Data: present(o.Data), MAC: o.MAC})
		return operations.Result{Valid: valid}, err
	default:
		return operations.Result{}, fault.New(fault.Unsupported, "%s is not an operation of the other service", operations.Name(op))
	}
}

func encryptRequest(key *dsmwire.SobjectDescriptor, typ keys.Type, o operations.Encrypt) dsmwire.EncryptRequest {
	return dsmwire.EncryptRequest{
		Key: key, Alg: string(typ), Plain: present(o.Plain), Mode: mode(o.Mode, o.Hash), IV: o.IV, AD: o.AD, TagLen: tagLen(o.Mode, o.TagBits), Label: o.Label,
	}
}

// tagLen is the length of the tag that is asked for: the API has no default.
func tagLen(m operations.Mode, bits int) *int {
	if m != operations.GCM && m != operations.CCM {
		return nil
	}
	if bits == 0 {
		bits = 128
	}
	return &bits
}

// mode writes a mode; nil where the key's type leaves no choice.
func mode(m operations.Mode, h operations.Hash) *dsmwire.Mode {
	switch m {
	case "":
		return nil
	case operations.OAEP, operations.PSS:
		return &dsmwire.Mode{Name: string(m), Hash: string(h)}
	default:
		return &dsmwire.Mode{Name: string(m)}
	}
}

// hashAlg writes hash_alg, which the API wants of Ed25519 too (RFC 8032, 5.1).
func hashAlg(h operations.Hash, curve keys.Curve) string {
	if h == operations.NoHash && curve == keys.Ed25519 {
		return string(operations.SHA512)
	}
	return string(h)
}

// only returns b, not nil, if it is what is sent.
func only(is bool, b []byte) []byte {
	if !is {
		return nil
	}
	return present(b)
}

// present makes of no bytes an empty string where JSON would say null.
func present(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
