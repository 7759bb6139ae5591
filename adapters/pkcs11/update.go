package pkcs11

import (
	"bytes"
	"context"
	"errors"

	"github.com/miekg/pkcs11"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
)

// Update changes label and operations of a key, on both halves of a pair; then
// what cannot be taken back: its extractability, or its private half.
func (t *Token) Update(ctx context.Context, ref hsm.Ref, c hsm.Change) error {
	return t.change(ctx, "updating a key", ref, func(s *session, halves []*located) error {
		held, changed := halves[0], halves
		if c.RemovePrivate {
			switch {
			case held.Class != hsm.PrivateKey:
				return fault.New(fault.Invalid, "the key has no private half")
			case len(halves) < 2:
				return fault.New(fault.BadState, "the key's public half is not in the HSM: nothing would be left")
			}
			changed = halves[1:]
		}
		before := make([]located, len(changed))
		for i, o := range changed {
			before[i] = *o
		}
		p := t.past(before)
		back := func(n int) (done bool) {
			done = true
			for i, o := range changed[:n] {
				done = t.restore(s, o, before[i], p) == nil && done
			}
			return done
		}
		for i, o := range changed {
			err := t.update(s, o, hsm.Change{Label: c.Label, Ops: c.Ops}, p)
			if err == nil {
				continue
			}
			moved := staleHandle(err) || errors.Is(err, errMoved)
			if i == 0 && moved && o.Ops == before[0].Ops && bytes.Equal(o.Label, before[0].Label) {
				return errMoved // and nothing that would keep it from being found again
			}
			// Halves that differ would no longer be found together.
			if undone := back(i + 1); undone && moved {
				return errMoved
			}
			return errBegun{err}
		}
		var err error
		switch {
		case c.RemovePrivate:
			if err = t.destroyObject(s, held); err == nil {
				err = t.privateGone(s, ref)
			}
		case c.Unextractable && held.Class != hsm.PublicKey && held.Extractable:
			err = t.set(s, held, attributes{{Type: pkcs11.CKA_EXTRACTABLE, Value: boolean(false)}})
			if err == nil {
				err = t.shows(s, held, hsm.Change{Unextractable: true})
			}
		}
		if err != nil {
			back(len(changed))
			return errBegun{err}
		}
		return nil
	})
}

// privateGone makes sure that the private half that was destroyed is the one that
// was meant: its handle may have meant another right then.
func (t *Token) privateGone(s *session, ref hsm.Ref) error {
	g, err := t.find(s, ref)
	if err != nil {
		return err
	}
	if _, err := g.choose(ref); err == nil {
		return errStrayed()
	}
	return nil
}

// restore makes label and operations of an object what they were, as far as the
// token lets it: of a change that it has refused, a part may have been made.
func (t *Token) restore(s *session, o *located, before located, p past) (err error) {
	for range moves {
		var now *located
		if now, err = t.whereNow(s, o); err != nil {
			return err
		}
		*o = *now
		o.unread &^= before.unread // of what could not be read then it is not known what it was
		ops := before.Ops | now.Ops&before.unread
		c := hsm.Change{Ops: &ops}
		if label := before.padded(); !bytes.Equal(o.Label, before.Label) {
			c.Label = &label
		}
		err = t.update(s, o, c, p)
		if !errors.Is(err, errMoved) && !staleHandle(err) {
			break
		}
	}
	return err
}
