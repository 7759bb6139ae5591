package hmgclient

import (
	"context"

	"gatehouse/adapters/hmgwire"
	"gatehouse/core/hsm"
	"gatehouse/core/operations"
)

// Wrap returns a key encrypted with another one.
func (t *Token) Wrap(ctx context.Context, with, subject hsm.Ref, w operations.Wrap) (operations.Result, error) {
	request := hmgwire.Wrap{With: hmgwire.NewRef(with), Subject: hmgwire.NewRef(subject)}
	var err error
	if request.Operation, err = hmgwire.NewKeyOperation(w); err != nil {
		return operations.Result{}, err
	}
	var r hmgwire.Result
	err = t.use(ctx, repeated, func(l *lease) error {
		r = hmgwire.Result{}
		request.Scope = l.scope(ctx)
		return l.link.do(ctx, hmgwire.KindWrap, &request, &r)
	})
	return operations.Result(r), err
}

// Unwrap makes a key of a wrapped one.
func (t *Token) Unwrap(ctx context.Context, with hsm.Ref, tmpl hsm.Template, u operations.Unwrap) (hsm.Object, error) {
	return t.makeFrom(ctx, hmgwire.KindUnwrap, with, tmpl, u)
}

// Derive makes a key from another one.
func (t *Token) Derive(ctx context.Context, base hsm.Ref, tmpl hsm.Template, d operations.Operation) (hsm.Object, error) {
	return t.makeFrom(ctx, hmgwire.KindDerive, base, tmpl, d)
}

func (t *Token) makeFrom(ctx context.Context, k hmgwire.Kind, ref hsm.Ref, tmpl hsm.Template, op operations.Operation) (hsm.Object, error) {
	request := hmgwire.Make{Ref: hmgwire.NewRef(ref), Template: hmgwire.NewTemplate(tmpl)}
	var err error
	if request.Operation, err = hmgwire.NewKeyOperation(op); err != nil {
		return hsm.Object{}, err
	}
	var o hmgwire.Object
	err = t.use(ctx, once, func(l *lease) error {
		request.Scope = l.scope(ctx)
		return l.link.do(ctx, k, &request, &o)
	})
	if err != nil {
		return hsm.Object{}, err
	}
	return o.Object(), nil
}
