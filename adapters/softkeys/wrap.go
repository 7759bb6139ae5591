package softkeys

import (
	"context"
	"crypto/rsa"
	"errors"

	"github.com/go-jose/go-jose/v4/cipher"
	kwp "github.com/tink-crypto/tink-go/v2/kwp/subtle"

	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
	"gatehouse/ports/backend"
)

// Wrap encrypts the subject, whose material must be known.
func (b *Backend) Wrap(ctx context.Context, g groups.Group, a *access.Authorised, s backend.Subject) (operations.Result, error) {
	var res operations.Result
	err := b.use(ctx, g, a, func(k keys.Key, with key, op operations.Operation) error {
		w, ok := op.(operations.Wrap)
		if !ok {
			return misfit(op)
		}
		if s.Material.Empty() {
			return fault.New(fault.Unsupported, "a key in an HSM cannot be wrapped by a key of an ordinary group")
		}
		if err := operations.CheckSubject(w, k, s.Key); err != nil {
			return err
		}
		var err error
		res, err = with.wrap(w, s.Material.Reveal(reveal.Permit{}))
		return err
	})
	return res, err
}

// Unwrap makes a key of a wrapped one; the caller stores the sealed material.
func (b *Backend) Unwrap(ctx context.Context, o backend.Order, a *access.Authorised) (backend.Made, error) {
	var material secret.Value
	err := b.use(ctx, o.Group, a, func(_ keys.Key, with key, op operations.Operation) error {
		u, ok := op.(operations.Unwrap)
		if !ok {
			return misfit(op)
		}
		raw, err := with.unwrap(u)
		material = secret.New(raw)
		return err
	})
	if err != nil {
		return backend.Made{}, err
	}
	defer material.Wipe()
	k, err := read(o.Spec, material)
	if errors.Is(err, fault.Invalid) || errors.Is(err, fault.Unsupported) {
		return backend.Made{}, operations.DecryptRefused(err)
	}
	if err != nil {
		return backend.Made{}, err
	}
	return b.made(o.ID, k)
}

// noWrapper is embedded by keys that do not wrap others.
type noWrapper struct{}

func (noWrapper) wrap(w operations.Wrap, _ []byte) (operations.Result, error) { //nolint:unparam // as key has it
	return operations.Result{}, misfit(w)
}

func (noWrapper) unwrap(u operations.Unwrap) ([]byte, error) { //nolint:unparam // as key has it
	return nil, misfit(u)
}

// wrap encrypts material as data, and by key wrapping (NIST SP 800-38F): KW is
// go-jose's, KWP tink's.
func (k *blockKey) wrap(w operations.Wrap, material []byte) (operations.Result, error) {
	switch w.Mode {
	case operations.KW:
		if len(material)%8 != 0 || len(material) < 16 {
			return operations.Result{}, fault.New(fault.Invalid, "mode KW takes keys of whole blocks of 8 bytes, two at least; use KWP")
		}
		out, err := josecipher.KeyWrap(k.block, material)
		return operations.Result{Output: out}, refused("wrapping a key", err)
	case operations.KWP:
		wrapping, err := k.kwp()
		if err != nil {
			return operations.Result{}, err
		}
		if n := len(material); n < kwp.MinWrapSize || n > kwp.MaxWrapSize {
			return operations.Result{}, fault.New(fault.Unsupported, "mode KWP in an ordinary group takes keys of %d to %d bytes", kwp.MinWrapSize, kwp.MaxWrapSize)
		}
		out, err := wrapping.Wrap(material)
		return operations.Result{Output: out}, refused("wrapping a key", err)
	case operations.ECB, operations.CBCNoPad:
		if n := k.block.BlockSize(); len(material)%n != 0 {
			return operations.Result{}, fault.New(fault.Invalid, "mode %s takes keys of whole blocks of %d bytes", w.Mode, n)
		}
	default: // any length will do
	}
	return k.encrypt(operations.Encrypt{Mode: w.Mode, Plain: material, IV: w.IV, AD: w.AD, TagBits: w.TagBits})
}

func (k *blockKey) unwrap(u operations.Unwrap) ([]byte, error) {
	switch u.Mode {
	case operations.KW:
		out, err := josecipher.KeyUnwrap(k.block, u.Wrapped)
		if err != nil || len(out) < 16 {
			return nil, operations.DecryptRefused(err)
		}
		return out, nil
	case operations.KWP:
		wrapping, err := k.kwp()
		if err != nil {
			return nil, err
		}
		out, err := wrapping.Unwrap(u.Wrapped)
		if err != nil {
			return nil, operations.DecryptRefused(err)
		}
		return out, nil
	default:
		res, err := k.decrypt(operations.Decrypt{Mode: u.Mode, Cipher: u.Wrapped, IV: u.IV, AD: u.AD, Tag: u.Tag})
		return res.Output, err
	}
}

func (k *blockKey) kwp() (*kwp.KWP, error) {
	if len(k.raw) == 24 {
		return nil, fault.New(fault.Unsupported, "mode KWP in an ordinary group needs an AES key of 128 or 256 bits")
	}
	wrapping, err := kwp.NewKWP(k.raw)
	return wrapping, refused("making a cipher for KWP", err)
}

func (k *rsaKey) wrap(w operations.Wrap, material []byte) (operations.Result, error) {
	if k.public.N.BitLen() < minRSA {
		return operations.Result{}, tooShort()
	}
	res, err := k.encrypt(operations.Encrypt{Mode: w.Mode, Hash: w.Hash, Plain: material, Label: w.Label})
	if errors.Is(err, rsa.ErrMessageTooLong) {
		return res, fault.Wrap(fault.Invalid, err, "the key is too long to be wrapped by this key and padding")
	}
	return res, err
}

func (k *rsaKey) unwrap(u operations.Unwrap) ([]byte, error) {
	res, err := k.decrypt(operations.Decrypt{Mode: u.Mode, Hash: u.Hash, Cipher: u.Wrapped, Label: u.Label})
	return res.Output, err
}
