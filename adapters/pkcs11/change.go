package pkcs11

import (
	"bytes"
	"context"
	"errors"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
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

// errStrayed says that a change was made, and not to the key that was meant.
func errStrayed() error {
	return fault.New(fault.Unavailable, "the HSM does not show the change on the key that was meant: another key may have changed").Because(fault.TokenFailed)
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
	if unclear(err) || begun(err) && staleHandle(err) { // of a key that is there: the request asks for nothing that could be wrong
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
	if c.Label != nil {
		if err := t.set(s, o, attributes{{Type: pkcs11.CKA_LABEL, Value: *c.Label}}); err != nil {
			return err
		}
	}
	return t.shows(s, o, c)
}

// shows makes sure that what was changed is seen on the object that was meant:
// its handle may have meant another right then.
func (t *Token) shows(s *session, o *located, c hsm.Change) error {
	now, err := t.read(s, []cryptoki.Object{o.handle})
	if err != nil {
		return err
	}
	if len(now) != 1 {
		return errStrayed()
	}
	n := now[0]
	same := n.Class == o.Class && bytes.Equal(n.ID, o.ID) && bytes.Equal(n.fp, o.fp)
	if c.Label != nil {
		same = same && bytes.Equal(n.Label, bytes.TrimRight(*c.Label, " \x00"))
	}
	if c.Ops != nil {
		for _, u := range usesOf(o.Class, o.Type) {
			same = same && n.Ops.Has(u.op) == c.Ops.Has(u.op)
		}
	}
	if !same {
		return errStrayed()
	}
	return nil
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
