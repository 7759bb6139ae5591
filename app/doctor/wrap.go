package doctor

import (
	"context"
	"errors"
	"fmt"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// secretKey returns a template for an AES key to be wrapped, unwrapped or derived.
func (r *trial) secretKey() hsm.Template {
	return hsm.Template{
		ID: r.newID(), Label: []byte(label), Type: keys.AES, Size: 128, Ops: keys.OpEncrypt | keys.OpDecrypt,
	}
}

// wrap has a key wrapped and unwrapped.
func (r *trial) wrap(ctx context.Context, t hsm.Task) error {
	tpl := r.secretKey()
	tpl.Extractable = true
	subject, err := r.tok.Generate(ctx, tpl)
	if err != nil {
		return fmt.Errorf("making a key to wrap: %w", err)
	}
	with := r.have[kind(t)]
	res, err := r.tok.Wrap(ctx, with, subject.Ref(), operations.Wrap{Mode: t.Mode, Hash: t.Hash})
	if err != nil {
		return err
	}
	back, err := r.tok.Unwrap(ctx, with, r.secretKey(), operations.Unwrap{
		Mode: t.Mode, Hash: t.Hash, Wrapped: res.Output, IV: res.IV, Tag: res.Tag,
	})
	if err != nil {
		return fmt.Errorf("unwrapping: %w", err)
	}
	return r.sameKey(ctx, subject, back)
}

// agree has two pairs of the HSM agree on a key.
func (r *trial) agree(ctx context.Context, t hsm.Task) error {
	one := r.have[kind(t)]
	pair, err := r.tok.Generate(ctx, r.template(t))
	if err != nil {
		return fmt.Errorf("making another pair: %w", err)
	}
	mine, err := r.tok.Derive(ctx, one, r.secretKey(), operations.Agree{PeerPublicKey: pair.PublicKey})
	if err != nil {
		return err
	}
	other, ok := r.public[kind(t)]
	if !ok {
		return fmt.Errorf("%w: its public key is not known", errNotHere)
	}
	theirs, err := r.tok.Derive(ctx, pair.Ref(), r.secretKey(), operations.Agree{PeerPublicKey: other})
	if err != nil {
		return err
	}
	return r.sameKey(ctx, mine, theirs)
}

// derive derives a key twice.
func (r *trial) derive(ctx context.Context, t hsm.Task) error {
	by := operations.Derivation(operations.HKDF{Hash: t.Hash, Info: message})
	if t.Mode != "" {
		e := operations.Encrypt{Mode: t.Mode, Plain: message[:16]}
		if n := t.Mode.IVSize(operations.BlockSize(t.Type)); n > 0 {
			e.IV = message[:n]
		}
		by = operations.EncryptData{Encryption: e}
	}
	one, err := r.tok.Derive(ctx, r.have[kind(t)], r.secretKey(), operations.Derive{By: by})
	if err != nil {
		return err
	}
	two, err := r.tok.Derive(ctx, r.have[kind(t)], r.secretKey(), operations.Derive{By: by})
	if err != nil {
		return err
	}
	return r.sameKey(ctx, one, two)
}

// sameKey has two keys encrypt the same, where the HSM encrypts so.
func (r *trial) sameKey(ctx context.Context, one, two hsm.Object) error {
	op := operations.Encrypt{Mode: operations.CBC, Plain: message, IV: message[:16]}
	a, err := r.tok.Operate(ctx, one.Ref(), op)
	switch {
	case errors.Is(err, fault.Unsupported):
		return nil // there is nothing to compare
	case err != nil:
		return err
	}
	b, err := r.tok.Operate(ctx, two.Ref(), op)
	if err == nil && string(a.Output) != string(b.Output) {
		return fault.New(fault.Internal, "the key that came out is another one")
	}
	return err
}
