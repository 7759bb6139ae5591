package tokensim

import (
	"context"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/operations"
)

// Wrap returns a key encrypted with another one.
func (*Token) Wrap(context.Context, hsm.Ref, hsm.Ref, operations.Wrap) (operations.Result, error) {
	return operations.Result{}, fault.New(fault.Unsupported, "wrapping is not supported by this HSM")
}

// Unwrap makes a key of a wrapped one.
func (*Token) Unwrap(context.Context, hsm.Ref, hsm.Template, operations.Unwrap) (hsm.Object, error) {
	return hsm.Object{}, fault.New(fault.Unsupported, "unwrapping is not supported by this HSM")
}

// Derive makes a key from another one.
func (*Token) Derive(context.Context, hsm.Ref, hsm.Template, operations.Operation) (hsm.Object, error) {
	return hsm.Object{}, fault.New(fault.Unsupported, "deriving keys is not supported by this HSM")
}
