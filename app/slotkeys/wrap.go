package slotkeys

import (
	"context"

	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/operations"
	"gatehouse/ports/backend"
)

// Wrap is refused.
func (b *Backend) Wrap(context.Context, groups.Group, *access.Authorised, backend.Subject) (operations.Result, error) {
	return operations.Result{}, fault.New(fault.Unsupported, "wrapping keys is not supported by this kind of group")
}

// Unwrap is refused.
func (b *Backend) Unwrap(context.Context, backend.Order, *access.Authorised) (backend.Made, error) {
	return backend.Made{}, fault.New(fault.Unsupported, "unwrapping keys is not supported by this kind of group")
}

// Derive is refused.
func (b *Backend) Derive(context.Context, backend.Order, *access.Authorised) (backend.Made, operations.Result, error) {
	return backend.Made{}, operations.Result{}, fault.New(fault.Unsupported, "deriving keys is not supported by this kind of group")
}
