package pkcs11

import (
	"context"
	"errors"

	"github.com/miekg/pkcs11"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

// Update changes label and operations of a key, on both halves of a pair.
func (t *Token) Update(ctx context.Context, ref hsm.Ref, c hsm.Change) error {
	return t.change(ctx, "updating a key", ref, func(s *session, halves []*located) error {
		before := make([]located, len(halves))
		for i, o := range halves {
			before[i] = *o
			err := t.still(s, o, proofOf(*o, look))
			if err == nil {
				err = t.update(s, o, c)
			}
			if err == nil {
				continue
			}
			if i == 0 && (staleHandle(err) || errors.Is(err, errMoved)) {
				return errMoved // and nothing that would keep it from being found again
			}
			// Halves that differ would no longer be found together.
			for j := range i + 1 {
				if j < i || !errors.Is(err, errMoved) {
					_ = t.update(s, halves[j], hsm.Change{Label: &before[j].Label, Ops: &before[j].Ops})
				}
			}
			return errBegun{err}
		}
		return nil
	})
}

// Destroy removes a key, both halves of a pair.
func (t *Token) Destroy(ctx context.Context, ref hsm.Ref) error {
	return t.change(ctx, "destroying a key", ref, func(s *session, halves []*located) error {
		for i, o := range halves {
			err := t.still(s, o, proofOf(*o, look))
			if err == nil {
				err = t.m.lib.DestroyObject(pkcs11.SessionHandle(s.handle), pkcs11.ObjectHandle(o.handle))
			}
			if i == 0 && (staleHandle(err) || errors.Is(err, errMoved)) {
				return errMoved
			}
			if err != nil && (i == 0 || !staleHandle(err)) {
				return errBegun{err}
			}
		}
		return nil
	})
}

// change finds the key that ref names anew, for nothing remembered is good
// enough for a change, and runs f over it and its public half, in the same
// session and at once. f makes sure of each handle right before it changes what
// it means; when it returns errMoved that is not begun, it has changed nothing yet.
func (t *Token) change(ctx context.Context, doing string, ref hsm.Ref, f func(*session, []*located) error) error {
	var err error
	for range moves {
		_, err = again(ctx, t, write, func(s *session) (struct{}, error) { return struct{}{}, t.changeNow(s, ref, f) })
		if !errors.Is(err, errMoved) || begun(err) {
			break
		}
	}
	err = translate(doing, err)
	if begun(err) && staleHandle(err) { // in the middle of the change of a key that was there
		err = atToken(err)
	}
	return err
}

func (t *Token) changeNow(s *session, ref hsm.Ref, f func(*session, []*located) error) error {
	g, err := t.find(s, ref)
	if err != nil {
		return err
	}
	k, err := g.choose(ref)
	if err != nil {
		return err
	}
	halves := []*located{&k.located}
	if k.public != nil && k.public != &k.located {
		halves = append(halves, k.public)
	}
	for _, o := range halves {
		if err := t.still(s, o, proofOf(*o, look)); staleHandle(err) {
			return errMoved
		} else if err != nil {
			return err
		}
	}
	defer t.changed(ref.ID)
	err = f(s, halves)
	if err == nil || errors.Is(err, errMoved) && !begun(err) {
		return err
	}
	return errBegun{fixed(err)}
}

// fixed makes Denied of the many ways in which tokens refuse a change.
func fixed(err error) error {
	if e := code(err); refusedTemplate[e] || e == pkcs11.CKR_ATTRIBUTE_READ_ONLY || e == pkcs11.CKR_FUNCTION_NOT_SUPPORTED {
		return fault.Wrap(fault.Denied, err, "the HSM keeps this attribute fixed")
	}
	return err
}

// update changes one object, as far as it is not so already.
func (t *Token) update(s *session, o *located, c hsm.Change) error {
	if c.Ops != nil {
		if err := t.setUses(s, o, *c.Ops); err != nil {
			return err
		}
	}
	if c.Label == nil {
		return nil
	}
	return t.set(s, o, attributes{{Type: pkcs11.CKA_LABEL, Value: *c.Label}})
}

// setUses makes o's attributes of use what ops says, as far as they are not.
func (t *Token) setUses(s *session, o *located, ops keys.Ops) error {
	var as attributes
	for _, u := range usesOf(o.Class, o.Type) {
		if want := ops.Has(u.op); want != o.Ops.Has(u.op) {
			as.put(u.attr, boolean(want))
		}
	}
	if len(as) == 0 {
		return nil
	}
	if err := t.set(s, o, as); err != nil {
		return err
	}
	for _, u := range usesOf(o.Class, o.Type) {
		o.Ops = o.Ops&^u.op | ops&u.op
	}
	return nil
}

func (t *Token) set(s *session, o *located, as attributes) error {
	return t.m.lib.SetAttributeValue(pkcs11.SessionHandle(s.handle), pkcs11.ObjectHandle(o.handle), as.binding())
}
