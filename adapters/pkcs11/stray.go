package pkcs11

import (
	"bytes"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

// Between the look at a handle and the change that follows at once, a library may
// give the handle another meaning. Then another key is changed, and cannot be found
// any more if that was its label. As far as it is known what that key was it is made
// so again, and the change has not been made.

// past is what was known of keys before a change: all that was remembered, and
// what has just been read of those that are to be changed.
type past struct {
	groups []*group
	read   []located
}

func (t *Token) past(halves []located) past { return past{t.handles.all(), halves} }

// padded returns the label with its padding, of an object that has just been read.
func (o *located) padded() []byte { return o.Label[:o.label] }

// of returns what n was, which is the only one with its CKA_ID if nothing else tells
// it from others; ok is false when that is not known beyond doubt: n has no CKA_ID, or
// is remembered in two ways.
func (p past) of(n *located) (was located, ok bool) {
	if len(n.ID) == 0 || n.Unreadable != "" || n.unread != 0 {
		return was, false
	}
	agree := true
	remember := func(os []located) {
		for i := range os {
			o := &os[i]
			switch {
			case !sameObject(o, n):
			case ok:
				agree = agree && bytes.Equal(o.Label, was.Label) && o.Ops == was.Ops
			default:
				was, ok, agree = *o, true, o.unread == 0
			}
		}
	}
	if remember(p.read); ok {
		return was, agree
	}
	for _, g := range p.groups {
		remember(g.keys)
		remember(g.publics)
	}
	return was, ok && agree
}

// sameObject reports whether two are the same half of the same key, as far as CKA_ID
// and fingerprint tell.
func sameObject(a, b *located) bool {
	return a.Class == b.Class && sameFamily(a.Type, b.Type) && bytes.Equal(a.ID, b.ID) && bytes.Equal(a.fp, b.fp)
}

// toldApart reports whether the token has nothing that could be taken for o: a
// private EC key often shows nothing of its own but the CKA_ID.
func (t *Token) toldApart(s *session, o *located) (bool, error) {
	if len(o.fp) != 0 {
		return true, nil
	}
	handles, err := t.lookFor(s, ofClass(o, cryptoki.Attribute{Type: pkcs11.CKA_ID, Value: o.ID}))
	return len(handles) == 1, err
}

// differ returns which of the uses that an object may have are in one of a and b only.
func differ(o *located, a, b keys.Ops) (d keys.Ops) {
	for _, u := range usesOf(o.Class, o.Type) {
		d |= (a ^ b) & u.op
	}
	return d
}

// every is all uses.
const every = ^keys.Ops(0)

// has reports whether o has the label of c, and of its uses those in mask.
func has(o *located, c hsm.Change, mask keys.Ops) bool {
	return (c.Label == nil || bytes.Equal(o.Label, bytes.TrimRight(*c.Label, " \x00"))) &&
		(c.Ops == nil || differ(o, o.Ops, *c.Ops)&mask == 0)
}

// strayed finds out what has become of a change of the label, or of the uses in mask,
// that is not seen on o: nil says that o has it, under the handle that it has now;
// errMoved that another key had it and was made again what it was, so that nothing
// is changed. Otherwise that is not known, or the HSM does not let it.
//
// What got a label is found by it, among the objects of o's class. What got uses
// is looked for under o's handle alone, for many have the same ones.
func (t *Token) strayed(s *session, o *located, c hsm.Change, mask keys.Ops, p past, deep int) error {
	for range moves { // what is found may have another handle by the time it is read
		now, err := t.whereNow(s, o)
		if err != nil { // where o itself is not known nothing is
			continue
		}
		if has(now, c, every) {
			o.handle = now.handle
			return nil
		}
		switch done, err := t.takeBack(s, o, c, mask, p, deep-1); {
		case done:
			return errMoved
		case err != nil && !errors.Is(err, errMoved) && !staleHandle(err):
			return errors.Join(errStrayed(), err)
		}
	}
	return errStrayed()
}

// takeBack makes what got a change that was meant for o what it was again; it is
// not done when there is no such object.
func (t *Token) takeBack(s *session, o *located, c hsm.Change, mask keys.Ops, p past, deep int) (done bool, err error) {
	stray, was, err := t.stray(s, o, c, mask, p)
	if stray == nil {
		return false, err
	}
	back := hsm.Change{Ops: &was.Ops}
	if c.Label != nil {
		label := was.padded()
		back = hsm.Change{Label: &label}
	}
	if err := t.updateOne(s, stray, back, p, deep); err != nil {
		return false, err
	}
	t.log.Warn("a change went to another key, and was taken back", slog.String("id", hex.EncodeToString(stray.ID)))
	return true, nil
}

// stray returns the one object that has got a change that was meant for o, and what
// it was before; nil when there is none, or when it is not known beyond doubt.
func (t *Token) stray(s *session, o *located, c hsm.Change, mask keys.Ops, p past) (stray *located, was located, err error) {
	got, err := t.changedLike(s, o, c, mask)
	if err != nil {
		return nil, was, err
	}
	for i := range got {
		n := &got[i]
		w, known := p.of(n)
		if known {
			if known, err = t.toldApart(s, n); err != nil {
				return nil, was, err
			}
		}
		switch {
		case !known: // it may be the one
			return nil, was, nil
		case has(&w, c, mask):
		case c.Ops != nil && differ(n, w.Ops, n.Ops)&^mask != 0: // somebody else has changed it, too
		case stray != nil: // one change is seen on two: the other one is somebody else's
			return nil, was, nil
		default:
			stray, was = n, w
		}
	}
	return stray, was, nil
}

// changedLike returns the other objects of o's class that may have got a change that was meant for o.
func (t *Token) changedLike(s *session, o *located, c hsm.Change, mask keys.Ops) ([]located, error) {
	handles := []cryptoki.Object{o.handle}
	if c.Label != nil {
		var err error
		if handles, err = t.lookFor(s, ofClass(o, cryptoki.Attribute{Type: pkcs11.CKA_LABEL, Value: *c.Label})); err != nil {
			return nil, err
		}
	}
	os, err := t.read(s, handles)
	return slices.DeleteFunc(os, func(n located) bool {
		return n.Class != o.Class || c.Ops != nil && !sameFamily(n.Type, o.Type) || sameObject(&n, o) || !has(&n, c, mask)
	}), err
}

func ofClass(o *located, a cryptoki.Attribute) attributes {
	return attributes{{Type: pkcs11.CKA_CLASS, Value: ulong(classNumber(o.Class))}, a}
}

// whereNow reads o, under the handle that it has now.
func (t *Token) whereNow(s *session, o *located) (*located, error) {
	if len(o.fp) != 0 || len(o.ID) == 0 { // otherwise others of the same CKA_ID must be seen
		now, err := t.only(s, o, []cryptoki.Object{o.handle})
		if !errors.Is(err, errMoved) || len(o.ID) == 0 {
			return now, err
		}
	}
	handles, err := t.lookFor(s, ofClass(o, cryptoki.Attribute{Type: pkcs11.CKA_ID, Value: o.ID}))
	if err != nil {
		return nil, err
	}
	return t.only(s, o, handles)
}

// only reads objects of which one alone must be o.
func (t *Token) only(s *session, o *located, handles []cryptoki.Object) (*located, error) {
	os, err := t.read(s, handles)
	if err != nil {
		return nil, err
	}
	os = slices.DeleteFunc(os, func(n located) bool { return !sameObject(&n, o) })
	switch len(os) {
	case 0:
		return nil, errMoved
	case 1:
		return &os[0], nil
	default:
		return nil, errSeveral()
	}
}
