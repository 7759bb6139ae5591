package softkeys

import (
	"context"

	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret/reveal"
	"gatehouse/ports/backend"
)

// wrapper is an opened key that encrypts the material of others. All its
// methods may be called at once by many goroutines.
type wrapper interface {
	wrap(w operations.Wrap, material []byte) (operations.Result, error)

	// unwrap returns the material; every failure is operations.DecryptRefused's
	// or about the request. The caller owns it.
	unwrap(u operations.Unwrap) ([]byte, error)
}

// Wrap spends a on the key that wraps. The subject's material must be known.
func (b *Backend) Wrap(ctx context.Context, g groups.Group, a *access.Authorised, s backend.Subject) (operations.Result, error) {
	return operations.Result{}, notYet()
}

// Unwrap spends a on the key that unwraps; the caller stores the sealed material.
func (b *Backend) Unwrap(ctx context.Context, o backend.Order, a *access.Authorised) (backend.Made, error) {
	return backend.Made{}, notYet()
}

// Derive spends a; the caller stores the sealed material.
func (b *Backend) Derive(ctx context.Context, o backend.Order, a *access.Authorised) (backend.Made, operations.Result, error) {
	return backend.Made{}, operations.Result{}, notYet()
}

func notYet() error {
	return fault.New(fault.Unsupported, "wrapping and deriving are not supported by this kind of group")
}

var _, _ = keys.AES, reveal.Permit{}
