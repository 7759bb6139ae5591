package pkcs11

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/ckr"
	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// Wrap returns a key encrypted with another one. What the token does not list,
// and what the attributes of either key forbid, it is not asked for: not every
// token enforces them.
func (t *Token) Wrap(ctx context.Context, with, subject hsm.Ref, w operations.Wrap) (operations.Result, error) {
	res, err := following(ctx, t, []hsm.Ref{with, subject}, func(ctx context.Context) (operations.Result, error) {
		return t.wrap(ctx, with, subject, w)
	})
	if err != nil {
		return operations.Result{}, translate("wrapping a key", err)
	}
	return res, nil
}

// following runs f, which uses the keys that refs name, and again as long as their
// handles turn out to mean something else.
func following[T any](ctx context.Context, t *Token, refs []hsm.Ref, f func(context.Context) (T, error)) (T, error) {
	for try := 0; ; try++ {
		generation := t.handles.generation()
		v, err := f(ctx)
		switch {
		case errors.Is(err, errMoved) && try < moves:
			t.forget(generation)
			ctx = context.WithValue(ctx, climbed{}, true)
			continue
		case staleHandle(err) && try < moves:
			for _, ref := range refs {
				t.handles.drop(ref)
			}
			continue
		case staleHandle(err): // of keys that it has just found, again and again
			err = atToken(translate("using a key that was found", err))
		}
		return v, err
	}
}

// able finds the key that ref names, and makes sure that it may do op, and the
// token can, before anything is tried.
func (t *Token) able(ctx context.Context, ref hsm.Ref, op operations.Operation) (*key, error) {
	k, err := t.resolve(ctx, ref)
	if err != nil {
		return nil, err
	}
	if err := checkKey(op, ref, k); err != nil {
		return nil, err
	}
	ops := k.Ops
	if k.public != nil {
		ops |= k.public.Ops
	}
	switch {
	case !t.caps.Lists(hsm.MechanismFor(op, ref.Type)):
		return nil, fault.New(fault.Unsupported, "the HSM lists no mechanism to %s so", operations.Name(op))
	case !ops.Has(op.Needs()):
		return nil, fault.New(fault.Denied, "%s", ckr.Of(pkcs11.CKR_KEY_FUNCTION_NOT_PERMITTED).Message)
	}
	return k, nil
}

func (t *Token) wrap(ctx context.Context, with, subject hsm.Ref, w operations.Wrap) (operations.Result, error) {
	k, err := t.able(ctx, with, w)
	if err != nil {
		return operations.Result{}, err
	}
	o, err := t.resolve(ctx, subject)
	if err != nil {
		return operations.Result{}, err
	}
	if err := operations.CheckSubject(w, described(k), described(o)); err != nil {
		return operations.Result{}, err
	}
	if !o.Extractable {
		return operations.Result{}, fault.New(fault.Denied, "%s", ckr.Of(pkcs11.CKR_KEY_UNEXTRACTABLE).Message)
	}
	p, err := t.wrapping(k, o, w)
	if err != nil {
		return operations.Result{}, err
	}
	out, err := again(ctx, t, quick, func(s *session) ([]byte, error) {
		if g := t.handles.generation(); k.gen != g || o.gen != g {
			return nil, errMoved
		}
		out, err := t.m.lib.Wrap(s.handle, p.object, o.handle, &p.mechanism, make([]byte, p.room))
		if lost(err) || staleHandle(err) || t.m.opts.Recheck == RecheckNever {
			return out, err
		}
		// Neither a result nor a refusal is believed before it is known whose it is.
		for _, used := range []struct {
			k *key
			j job
		}{{k, job{object: p.object}}, {o, job{object: o.handle}}} {
			if moved := t.recheck(s, used.k, used.j, nil); errors.Is(moved, errMoved) || moved != nil && err == nil {
				clear(out)
				return nil, moved
			}
		}
		return out, err
	})
	if err != nil {
		return operations.Result{}, wrongLength(w, err)
	}
	if !p.right(out) {
		return operations.Result{}, errWrong()
	}
	res := operations.Result{Output: out, IV: p.iv}
	if p.tag > 0 {
		n := len(out) - p.tag
		res.Output, res.Tag = out[:n:n], out[n:]
	}
	return res, nil
}

// described is k as core's functions look at keys.
func described(k *key) keys.Key {
	return keys.Key{Type: k.Type, Curve: k.Curve, Size: k.Size, PublicOnly: k.Class == hsm.PublicKey}
}

// wrongLength makes Invalid of the ways in which tokens say that a key is of no
// length for a mode.
func wrongLength(w operations.Wrap, err error) error {
	switch code(err) {
	case pkcs11.CKR_KEY_SIZE_RANGE, pkcs11.CKR_DATA_LEN_RANGE, pkcs11.CKR_KEY_NOT_WRAPPABLE:
		return errLength(w.Mode, err)
	}
	return err
}

func errLength(m operations.Mode, cause error) error {
	return fault.Wrap(fault.Invalid, cause, "the key is of no length that mode %s wraps", m)
}

// wrapping is how a key is wrapped.
type wrapping struct {
	object    cryptoki.Object
	mechanism cryptoki.Mechanism
	mode      operations.Mode
	iv        []byte
	tag       int // bytes
	block     int
	size      int // of the subject in bytes; 0 when it is not known
	room      int
	modulus   int // RSA, bytes
}

// wrapping returns how k wraps o.
func (t *Token) wrapping(k, o *key, w operations.Wrap) (p wrapping, err error) {
	p = wrapping{object: k.handle, mode: w.Mode, block: operations.BlockSize(k.Type), size: valueLength(o.Type, o.Size), iv: w.IV}
	p.room = max(p.size, 2*o.Size) + 1024 // a private RSA key takes 9/16 of a byte for each of its bits
	if k.Type == keys.RSA {
		if p.modulus = (k.Size + 7) / 8; p.size > p.modulus-overhead(w.Mode, w.Hash) {
			return p, errLength(w.Mode, nil)
		}
		if k.public == nil {
			return p, fault.New(fault.NotFound, "the public key is not in the HSM")
		}
		p.object = k.public.handle
		p.mechanism, err = rsaMechanism(w.Mode, w.Hash, w.Label)
		return p, err
	}
	if w.Mode == operations.KWP && t.padding.whole && (p.size == 0 || p.size%8 != 0) {
		return p, fault.New(fault.Unsupported, "the HSM's KWP is that of RFC 5649 for keys of whole 8 bytes only")
	}
	switch {
	case p.size == 0:
	case w.Mode == operations.KW && (p.size%8 != 0 || p.size < 16),
		(w.Mode == operations.ECB || w.Mode == operations.CBCNoPad) && p.size%p.block != 0:
		return p, errLength(w.Mode, nil)
	}
	if n := w.Mode.IVSize(p.block); len(p.iv) == 0 && n > 0 {
		p.iv = make([]byte, n)
		if _, err := rand.Read(p.iv); err != nil {
			return p, fault.Wrap(fault.Internal, err, "making an initialisation vector")
		}
	}
	if w.Mode == operations.GCM || w.Mode == operations.CCM {
		if p.tag = w.TagBits / 8; p.tag == 0 {
			p.tag = 16
		}
	}
	if w.Mode == operations.CCM && p.size == 0 {
		return p, fault.New(fault.Unsupported, "CCM wraps no private keys in an HSM: their length has to be known before")
	}
	p.mechanism, err = t.keyMechanism(k.Type, w.Mode, p.iv, w.AD, p.tag, p.size)
	return p, err
}

// keyMechanism is cipherMechanism with the modes that are for keys only.
func (t *Token) keyMechanism(typ keys.Type, mode operations.Mode, iv, ad []byte, tag, data int) (cryptoki.Mechanism, error) {
	switch mode {
	case operations.KW:
		return cryptoki.Mechanism{Type: pkcs11.CKM_AES_KEY_WRAP}, nil
	case operations.KWP:
		return cryptoki.Mechanism{Type: t.padding.mechanism}, nil
	default:
		return cipherMechanism(typ, mode, iv, ad, tag, data)
	}
}

// valueLength returns the length in bytes of a secret key's value; 0 for others.
func valueLength(typ keys.Type, bits int) int {
	switch {
	case typ.Asymmetric():
		return 0
	case typ == keys.DES3:
		return bits / 7 // with parity
	default:
		return bits / 8
	}
}

// right reports whether out is as long as what comes of such a wrapping.
func (p wrapping) right(out []byte) bool {
	whole := func(n, block int) int { return (n + block - 1) / block * block }
	n := len(out)
	switch {
	case p.modulus != 0:
		return n == p.modulus
	case p.size == 0: // of a private key
		return n > p.tag && (p.mode != operations.KW && p.mode != operations.KWP || n%8 == 0 && n >= 24)
	case p.mode == operations.KW:
		return n == p.size+8
	case p.mode == operations.KWP:
		return n == whole(p.size, 8)+8
	default:
		return encrypted(out, p.mode, p.block, p.size, p.tag) == nil
	}
}
