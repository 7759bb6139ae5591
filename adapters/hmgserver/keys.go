package hmgserver

import (
	"context"

	"gatehouse/adapters/hmgwire"
	"gatehouse/app/gateway"
	"gatehouse/app/meter"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/operations"
)

func parseWrap(body []byte) (hmgwire.Scope, task, *window, error) {
	var m hmgwire.Wrap
	if err := hmgwire.Decode(body, &m); err != nil {
		return m.Scope, task{}, nil, err
	}
	with, err := m.With.Ref()
	if err != nil {
		return m.Scope, task{}, nil, err
	}
	subject, err := m.Subject.Ref()
	if err != nil {
		return m.Scope, task{}, nil, err
	}
	op, err := m.Operation.Operation()
	w, ok := op.(operations.Wrap)
	if err == nil && !ok {
		err = errOtherOperation()
	}
	return m.Scope, task{meter.Wrap, func(ctx context.Context, t *gateway.Lease) (any, error) {
		r, err := t.Wrap(ctx, with, subject, w)
		return (*hmgwire.Result)(&r), err
	}}, nil, err
}

// parseMake decodes a request that makes a key of other keys.
func parseMake(body []byte, as meter.Class) (hmgwire.Scope, task, *window, error) {
	var m hmgwire.Make
	if err := hmgwire.Decode(body, &m); err != nil {
		return m.Scope, task{}, nil, err
	}
	ref, err := m.Ref.Ref()
	if err != nil {
		return m.Scope, task{}, nil, err
	}
	template, err := m.Template.Template()
	if err != nil {
		return m.Scope, task{}, nil, err
	}
	op, err := m.Operation.Operation()
	if err != nil {
		return m.Scope, task{}, nil, err
	}
	var do func(context.Context, *gateway.Lease) (hsm.Object, error)
	switch o := op.(type) {
	case operations.Unwrap:
		if as == meter.Unwrap {
			do = func(ctx context.Context, t *gateway.Lease) (hsm.Object, error) {
				return t.Unwrap(ctx, ref, template, o)
			}
		}
	case operations.Agree, operations.Derive:
		if as == meter.Derive {
			do = func(ctx context.Context, t *gateway.Lease) (hsm.Object, error) {
				return t.Derive(ctx, ref, template, o)
			}
		}
	}
	if do == nil {
		return m.Scope, task{}, nil, errOtherOperation()
	}
	return m.Scope, task{as, func(ctx context.Context, t *gateway.Lease) (any, error) {
		o, err := do(ctx, t)
		return object(o), err
	}}, nil, nil
}

func errOtherOperation() error {
	return fault.New(fault.Invalid, "the operation is not one of this request")
}
