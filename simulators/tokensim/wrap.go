package tokensim

import (
	"context"
	"crypto/aes"
	"crypto/x509"

	josecipher "github.com/go-jose/go-jose/v4/cipher"
	kwp "github.com/tink-crypto/tink-go/v2/kwp/subtle"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
)

// Wrap returns a key encrypted with another one.
func (t *Token) Wrap(ctx context.Context, with, subject hsm.Ref, w operations.Wrap) (operations.Result, error) {
	var res operations.Result
	err := t.do(ctx, Wrap, with.ID, func(c *card) error {
		key, err := t.slot.able(c, with, w)
		if err != nil {
			return err
		}
		t.slot.mu.Lock()
		o, err := c.find(subject)
		t.slot.mu.Unlock()
		if err != nil {
			return err
		}
		if err := operations.CheckSubject(w, key.described(), o.described()); err != nil {
			return err
		}
		if !o.Extractable {
			return fault.New(fault.Denied, "the key in the HSM is not extractable")
		}
		raw, err := o.raw()
		if err == nil {
			res, err = key.wrap(w, raw)
		}
		return err
	})
	if err != nil {
		return operations.Result{}, err
	}
	return res, nil
}

// Unwrap makes a key of a wrapped one.
func (t *Token) Unwrap(ctx context.Context, with hsm.Ref, tpl hsm.Template, u operations.Unwrap) (hsm.Object, error) {
	tpl.Private = tpl.Type.Asymmetric()
	return t.createIn(ctx, Unwrap, tpl, func(c *card) (material, error) {
		key, err := t.slot.able(c, with, u)
		if err != nil {
			return material{}, err
		}
		if t := tpl.Type; t == keys.Opaque || t == keys.Certificate {
			return material{}, unsupported()
		}
		raw, err := key.unwrap(u)
		if err != nil {
			return material{}, err
		}
		m, err := parse(tpl, secret.New(raw))
		if err != nil {
			return material{}, operations.DecryptRefused(err)
		}
		return m, nil
	})
}

// able returns the half of ref's key that op needs, if it may do op.
func (s *Slot) able(c *card, ref hsm.Ref, op operations.Operation) (*object, error) {
	o, err := s.keyFor(c, ref, op)
	switch {
	case err != nil:
		return nil, err
	case !s.caps.Lists(hsm.MechanismFor(op, o.Type)) && operations.Check(op, o.described()) == nil:
		return nil, unsupported()
	}
	if err := operations.Check(op, o.described()); err != nil {
		return nil, err
	}
	if !o.Ops.Has(op.Needs()) {
		return nil, fault.New(fault.Denied, "the key in the HSM does not allow this operation")
	}
	if o.empty() {
		return nil, unsupported()
	}
	return o, nil
}

// described is o as core's functions look at keys.
func (o *object) described() keys.Key {
	return keys.Key{Type: o.Type, Curve: o.Curve, Size: o.Size, PublicOnly: o.Class == hsm.PublicKey}
}

// raw is what of a key is wrapped.
func (o *object) raw() ([]byte, error) {
	switch {
	case o.secret != nil:
		return o.secret, nil
	case o.agree != nil:
		return marshal(o.agree)
	case o.private != nil:
		return marshal(o.private)
	default:
		return nil, unsupported()
	}
}

func marshal(key any) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "writing down a private key")
	}
	return der, nil
}

func (o *object) wrap(w operations.Wrap, raw []byte) (operations.Result, error) {
	wrongLength := func(err error) (operations.Result, error) {
		return operations.Result{}, fault.Wrap(fault.Invalid, err, "the key is of no length that this mode wraps")
	}
	switch {
	case o.Type == keys.RSA:
		return o.encryptRSA(operations.Encrypt{Mode: w.Mode, Hash: w.Hash, Plain: raw, Label: w.Label})
	case w.Mode == operations.KW:
		b, err := aes.NewCipher(o.secret)
		if err != nil {
			return operations.Result{}, fault.Wrap(fault.Internal, err, "using the key")
		}
		out, err := josecipher.KeyWrap(b, raw)
		if err != nil {
			return wrongLength(err)
		}
		return operations.Result{Output: out}, nil
	case w.Mode == operations.KWP:
		k, err := kwp.NewKWP(o.secret)
		if err != nil { // a key of 192 bits, which the library has not
			return operations.Result{}, unsupported()
		}
		out, err := k.Wrap(raw)
		if err != nil {
			return wrongLength(err)
		}
		return operations.Result{Output: out}, nil
	}
	e := operations.Encrypt{Mode: w.Mode, Plain: raw, IV: w.IV, AD: w.AD, TagBits: w.TagBits}
	if err := operations.Check(e, o.described()); err != nil {
		return wrongLength(err)
	}
	return o.encrypt(e)
}

func (o *object) unwrap(u operations.Unwrap) ([]byte, error) {
	var out []byte
	var err error
	switch {
	case o.Type == keys.RSA:
		var res operations.Result
		res, err = o.decryptRSA(operations.Decrypt{Mode: u.Mode, Hash: u.Hash, Cipher: u.Wrapped, Label: u.Label})
		out = res.Output
	case u.Mode == operations.KW:
		b, berr := aes.NewCipher(o.secret)
		if berr != nil {
			return nil, fault.Wrap(fault.Internal, berr, "using the key")
		}
		out, err = josecipher.KeyUnwrap(b, u.Wrapped)
	case u.Mode == operations.KWP:
		k, kerr := kwp.NewKWP(o.secret)
		if kerr != nil {
			return nil, unsupported()
		}
		out, err = k.Unwrap(u.Wrapped)
	default:
		var res operations.Result
		res, err = o.decrypt(operations.Decrypt{Mode: u.Mode, Cipher: u.Wrapped, IV: u.IV, AD: u.AD, Tag: u.Tag})
		out = res.Output
	}
	if err != nil {
		return nil, operations.DecryptRefused(err)
	}
	return out, nil
}
