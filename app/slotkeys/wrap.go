package slotkeys

import (
	"context"

	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/ports/backend"
	"gatehouse/ports/token"
)

// Wrap spends a on the subject, inside the HSM where that is there too.
func (b *Backend) Wrap(ctx context.Context, g groups.Group, a *access.Authorised, s backend.Subject) (operations.Result, error) {
	k, op, err := a.Spend()
	if err != nil {
		return operations.Result{}, err
	}
	w, ok := op.(operations.Wrap)
	if !ok {
		return operations.Result{}, errOther(op)
	}
	with, err := refOf(k)
	if err != nil {
		return operations.Result{}, err
	}
	if err := operations.CheckSubject(w, k, s.Key); err != nil {
		return operations.Result{}, err
	}
	if !s.Material.Empty() {
		return b.wrapValue(ctx, g, with, w, s)
	}
	subject, err := refOf(s.Key)
	if err != nil {
		return operations.Result{}, err
	}
	var res operations.Result
	err = b.persist(ctx, g, call{
		within: b.cfg.OperateWithin, repeatable: true, elsewhere: true,
		do: func(ctx context.Context, t token.Token) (err error) {
			res, err = t.Wrap(ctx, with, subject, w)
			return err
		},
	})
	return res, err
}

// wrapValue wraps a key whose value the service has. In a mode that wraps by
// encrypting, the HSM encrypts it: nothing is put into the HSM for it. The HSM key
// must be allowed to encrypt, then.
func (b *Backend) wrapValue(ctx context.Context, g groups.Group, with hsm.Ref, w operations.Wrap, s backend.Subject) (operations.Result, error) {
	if w.Mode == operations.KW || w.Mode == operations.KWP {
		return operations.Result{}, fault.New(fault.Unsupported,
			"a key in an HSM wraps keys from outside of it only in modes that encrypt, not in mode %s; import the key into the HSM's group first", w.Mode)
	}
	e := b.cfg.AsData(w, s.Material)
	if err := operations.Check(e, keys.Key{Type: with.Type}); err != nil {
		return operations.Result{}, fault.Wrap(fault.Invalid, err, "the key is of no length that mode %s wraps", w.Mode)
	}
	return b.operate(ctx, g, with, e)
}

// Unwrap makes a key in the HSM of what a key there has wrapped.
func (b *Backend) Unwrap(ctx context.Context, o backend.Order, a *access.Authorised) (backend.Made, error) {
	k, op, err := a.Spend()
	if err != nil {
		return backend.Made{}, err
	}
	u, ok := op.(operations.Unwrap)
	if !ok {
		return backend.Made{}, errOther(op)
	}
	with, err := refOf(k)
	if err == nil {
		err = inTokens(o.Spec.Type)
	}
	if err != nil {
		return backend.Made{}, err
	}
	if o.Spec.Ops == 0 && o.Spec.Type == keys.EC { // the curve is known only to the wrapped key
		o.Spec.Ops = keys.DefaultOps(keys.EC, keys.P256)
	}
	return b.makeFrom(ctx, o, func(ctx context.Context, t token.Token) (hsm.Object, error) {
		return t.Unwrap(ctx, with, template(o, o.Spec.Type.Asymmetric()), u)
	})
}

// Derive makes a secret key in the HSM from another key there.
func (b *Backend) Derive(ctx context.Context, o backend.Order, a *access.Authorised) (backend.Made, operations.Result, error) {
	k, op, err := a.Spend()
	if err != nil {
		return backend.Made{}, operations.Result{}, err
	}
	switch op.(type) {
	case operations.Agree, operations.Derive:
	case operations.Encapsulate, operations.Decapsulate:
		return backend.Made{}, operations.Result{}, fault.New(fault.Unsupported, "%s is not supported in an HSM", operations.Name(op))
	default:
		return backend.Made{}, operations.Result{}, errOther(op)
	}
	base, err := refOf(k)
	if err != nil {
		return backend.Made{}, operations.Result{}, err
	}
	m, err := b.makeFrom(ctx, o, func(ctx context.Context, t token.Token) (hsm.Object, error) {
		return t.Derive(ctx, base, template(o, false), op)
	})
	return m, operations.Result{}, err
}

// makeFrom is make with the help of a key that one of the tokens may lack.
func (b *Backend) makeFrom(ctx context.Context, o backend.Order, do func(context.Context, token.Token) (hsm.Object, error)) (backend.Made, error) {
	return b.making(ctx, o, call{within: b.cfg.ChangeWithin, elsewhere: true}, do)
}

func errOther(op operations.Operation) error {
	return fault.New(fault.Internal, "%s was authorised, and something else asked for", operations.Name(op))
}

// refOf returns the reference to the HSM key of a virtual key that can be told from others.
func refOf(k keys.Key) (hsm.Ref, error) {
	ref, ok := hsm.RefOf(k)
	if !ok {
		return hsm.Ref{}, fault.New(fault.Internal, "key of an HSM group is not virtual")
	}
	if k.Virtual.Ambiguous {
		return hsm.Ref{}, fault.New(fault.Conflict, "the HSM holds several keys that cannot be told apart from this one; give each its own CKA_ID and sync again")
	}
	return ref, nil
}
