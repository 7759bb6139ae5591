package slotkeys

import (
	"context"

	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/core/streams"
	"gatehouse/ports/token"
)

// Operate spends a in the HSM. A message in parts is whole messages to it.
func (b *Backend) Operate(ctx context.Context, g groups.Group, a *access.Authorised) (operations.Result, error) {
	k, op, err := a.Spend()
	if err != nil {
		return operations.Result{}, err
	}
	ref, err := refOf(k)
	if err != nil {
		return operations.Result{}, err
	}
	whole := func(op operations.Operation) (operations.Result, error) { return b.operate(ctx, g, ref, op) }
	if streams.InParts(op) {
		return streams.Do(op, streams.With{Key: k.ID, Type: k.Type, Whole: whole})
	}
	return whole(op)
}

func (b *Backend) operate(ctx context.Context, g groups.Group, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
	var res operations.Result
	err := b.persist(ctx, g, call{
		within: b.cfg.OperateWithin, repeatable: true, elsewhere: true,
		do: func(ctx context.Context, t token.Token) (err error) {
			res, err = t.Operate(ctx, ref, op)
			return err
		},
	})
	return res, err
}

// Export is refused: the value of a key in an HSM stays there.
func (b *Backend) Export(context.Context, groups.Group, keys.Key) (secret.Value, error) {
	return secret.Value{}, fault.New(fault.Unsupported, "the value of a key in an HSM cannot be exported; wrap it with another key of the HSM")
}

// Update changes the HSM key's label and permissions.
func (b *Backend) Update(ctx context.Context, g groups.Group, k keys.Key, c hsm.Change) error {
	ref, ok := hsm.RefOf(k)
	if !ok {
		return fault.New(fault.Internal, "key of an HSM group is not virtual")
	}
	return b.try(ctx, g, call{
		within: b.cfg.ChangeWithin, elsewhere: true,
		do: func(ctx context.Context, t token.Token) error { return t.Update(ctx, ref, c) },
	})
}

// Destroy removes the HSM key.
func (b *Backend) Destroy(ctx context.Context, g groups.Group, k keys.Key) error {
	ref, ok := hsm.RefOf(k)
	if !ok {
		return fault.New(fault.Internal, "key of an HSM group is not virtual")
	}
	err := b.try(ctx, g, call{
		within: b.cfg.ChangeWithin, elsewhere: true,
		do: func(ctx context.Context, t token.Token) error { return t.Destroy(ctx, ref) },
	})
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	return err
}
