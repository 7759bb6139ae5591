package slotkeys

import (
	"bytes"
	"context"
	"slices"

	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/keysync"
	"gatehouse/ports/backend"
	"gatehouse/ports/token"
)

// Recover looks for the key that an interrupted order made, behind every
// connection that works: nobody knows through which it was made.
func (b *Backend) Recover(ctx context.Context, o backend.Order, afresh bool) (*backend.Made, error) {
	var made *backend.Made
	err := b.try(ctx, o.Group, call{within: b.cfg.ChangeWithin, repeatable: true, enough: func() bool { return made != nil }, do: func(ctx context.Context, t token.Token) error {
		var objects []hsm.Object
		err := t.Inventory(ctx, hsm.Filter{ID: CKAID(o.ID), Afresh: afresh}, func(obj hsm.Object) error {
			objects = append(objects, obj)
			return nil
		})
		if err != nil || len(objects) == 0 {
			return err
		}
		if whole := wholeKey(objects, o); whole != nil {
			made = whole
			return nil
		}
		for _, obj := range objects { // half-made: nobody knows of it, and nobody can use it
			if err := t.Destroy(ctx, obj.Ref()); err != nil && fault.KindOf(err) != fault.NotFound {
				return err
			}
		}
		return nil
	}})
	return made, err
}

// wholeKey returns the key that the objects make up, nil when something is
// missing: half of a pair is no key, unless a public key was imported alone.
func wholeKey(objects []hsm.Object, o backend.Order) *backend.Made {
	plan := keysync.Make(objects, nil, groups.Policy{})
	if len(plan.New) != 1 {
		return nil
	}
	f := plan.New[0]
	if f.Type != o.Spec.Type || !bytes.Equal(f.Pointer.Label, []byte(o.Spec.Name)) {
		return nil
	}
	if !f.Type.Asymmetric() && o.Spec.Size != 0 && f.Size != o.Spec.Size {
		return nil // cut off between the object and its value
	}
	if f.PublicOnly && !o.Imported || f.Type.Asymmetric() && !slices.ContainsFunc(objects, isPublicKey) {
		return nil
	}
	p := f.Pointer
	p.Own = true
	return &backend.Made{Size: f.Size, Curve: f.Curve, PublicKey: f.PublicKey, KCV: f.KCV, Public: f.PublicOnly, Virtual: &p}
}

func isPublicKey(o hsm.Object) bool { return o.Class == hsm.PublicKey }

// Present reports whether an HSM behind a connection that works holds the key
// of k's pointer.
func (b *Backend) Present(ctx context.Context, g groups.Group, k keys.Key) (bool, error) {
	ref, ok := hsm.RefOf(k)
	if !ok {
		return false, fault.New(fault.Internal, "key of an HSM group is not virtual")
	}
	found := false
	err := b.try(ctx, g, call{within: b.cfg.OperateWithin, repeatable: true, enough: func() bool { return found }, do: func(ctx context.Context, t token.Token) error {
		return t.Inventory(ctx, hsm.Filter{ID: ref.ID}, func(o hsm.Object) error {
			found = found || names(ref, o)
			return nil
		})
	}})
	return found, err
}

// names reports whether o may be the object that ref names. A generic secret is
// a HMAC key or a secret by what it may do, which can change.
func names(ref hsm.Ref, o hsm.Object) bool {
	generic := func(t keys.Type) bool { return t == keys.HMAC || t == keys.Secret }
	fingerprint := o.Fingerprint()
	return o.Class == ref.Class && (o.Type == ref.Type || generic(o.Type) && generic(ref.Type)) &&
		bytes.Equal(o.ID, ref.ID) && bytes.Equal(o.Label, ref.Label) &&
		(len(fingerprint) == 0 || len(ref.Fingerprint) == 0 || bytes.Equal(fingerprint, ref.Fingerprint))
}
