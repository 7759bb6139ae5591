package dsmtoken

import (
	"context"
	"errors"
	"unicode/utf8"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

// kept are the operations of the other service's key that are its own business.
const kept = keys.OpAppManageable | keys.OpHighVolume | keys.OpTransform

// Update changes name and permissions of the key that ref names.
func (t *Token) Update(ctx context.Context, ref hsm.Ref, c hsm.Change) error {
	done, err := t.beginOwn(ctx)
	if err != nil {
		return err
	}
	defer done()
	f, err := t.whole(ctx, ref)
	if err != nil {
		return err
	}
	if c.Label != nil && (len(*c.Label) == 0 || !utf8.Valid(*c.Label)) {
		return errName()
	}
	if c.RemovePrivate && f.class != hsm.PrivateKey {
		return fault.New(fault.Invalid, "the key has no private half")
	}
	defer t.known.forget(f.kid)
	change, undo := changes(f, c)
	if change.Name != nil || change.KeyOps != nil {
		if _, err := t.client.UpdateKey(ctx, f.kid, change); err != nil {
			return translate(ctx, changing, err)
		}
	}
	if !c.RemovePrivate {
		return nil
	}
	err = t.client.RemovePrivate(ctx, f.kid)
	if err != nil && (undo.Name != nil || undo.KeyOps != nil) && !errors.Is(err, fault.Unavailable) {
		_, again := t.client.UpdateKey(ctx, f.kid, undo)
		err = errors.Join(err, again)
	}
	return translate(ctx, changing, err)
}

// changes are the requests that change a key as c says, and that undo it.
func changes(f found, c hsm.Change) (change, undo dsmwire.SobjectRequest) {
	if c.Label != nil {
		name := string(*c.Label)
		change.Name, undo.Name = &name, &f.name
	}
	ops := f.ops
	if c.Ops != nil { // which do not touch whether it may leave
		const untouched = kept | keys.OpExport
		ops = *c.Ops&^untouched | f.ops&untouched | keys.OpAppManageable
	}
	if c.Unextractable {
		ops &^= keys.OpExport
	}
	if ops != f.ops {
		now, before := ops.Names(), f.ops.Names()
		change.KeyOps, undo.KeyOps = &now, &before
	}
	return change, undo
}

// Destroy deletes the key that ref names.
func (t *Token) Destroy(ctx context.Context, ref hsm.Ref) error {
	done, err := t.beginOwn(ctx)
	if err != nil {
		return err
	}
	defer done()
	f, err := t.whole(ctx, ref)
	if err != nil {
		return err
	}
	defer t.known.forget(f.kid)
	return translate(ctx, changing, t.client.DeleteKey(ctx, f.kid))
}

// whole finds the key that ref names for a change. The public half of a pair
// does not stand for the pair.
func (t *Token) whole(ctx context.Context, ref hsm.Ref) (found, error) {
	f, err := t.resolve(ctx, ref)
	if err == nil && f.class != ref.Class {
		return found{}, fault.New(fault.NotFound, "the other service has no public key that stands alone in this place")
	}
	return f, err
}
