package pkcs11

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

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
	if k.hidden || k.public == nil && g.hides() { // a change of one half is none
		return errHidden()
	}
	if ref.Class == hsm.PrivateKey && len(g.publics) == 0 {
		if err := t.lone(s, &k.located); err != nil {
			return err
		}
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

// lone makes sure that there is no public half to a private key for which none was
// found: that search may have found too little. One for all that has the key's CKA_ID
// must find the key itself, and no public key. errMoved says that it finds one.
func (t *Token) lone(s *session, o *located) error {
	if len(o.ID) == 0 {
		return nil
	}
	os, err := t.withID(s, o.ID)
	if err != nil {
		return err
	}
	found := false
	for _, n := range os {
		switch {
		case !sameFamily(n.Type, o.Type):
		case n.Class == hsm.PublicKey:
			return errMoved
		case n.Class == hsm.PrivateKey:
			found = true
		}
	}
	if !found {
		return errHidden()
	}
	return nil
}

// fixed makes Denied of the many ways in which tokens refuse a change, and says of what.
func fixed(err error) error {
	e := code(err)
	if errors.Is(err, fault.Unavailable) || !refusedTemplate[e] && e != pkcs11.CKR_ATTRIBUTE_READ_ONLY && e != pkcs11.CKR_FUNCTION_NOT_SUPPORTED && e != ckrActionProhibited {
		return err
	}
	what := "this attribute"
	if a := (errSetting{}); errors.As(err, &a) {
		what = a.what
	}
	return fault.Wrap(fault.Denied, err, "the HSM keeps %s fixed", what)
}

const ckrActionProhibited = 0x1B // PKCS#11 v2.40; what CKA_MODIFIABLE of false answers with

// errSetting wraps the error of a change of attributes, and names them.
type errSetting struct {
	what string
	error
}

func (e errSetting) Unwrap() error { return e.error }

// changeable are the names of the attributes that are changed.
var changeable = map[uint]string{
	pkcs11.CKA_LABEL: "CKA_LABEL", pkcs11.CKA_EXTRACTABLE: "CKA_EXTRACTABLE",
	pkcs11.CKA_SIGN: "CKA_SIGN", pkcs11.CKA_VERIFY: "CKA_VERIFY", pkcs11.CKA_ENCRYPT: "CKA_ENCRYPT", pkcs11.CKA_DECRYPT: "CKA_DECRYPT",
	pkcs11.CKA_WRAP: "CKA_WRAP", pkcs11.CKA_UNWRAP: "CKA_UNWRAP", pkcs11.CKA_DERIVE: "CKA_DERIVE",
}

// update changes the label of one object, and its uses as far as they are not so already.
// When another key was changed instead, it is made again what it was, if p knows
// that, and errMoved says so: the update may be done again.
func (t *Token) update(s *session, o *located, c hsm.Change, p past) error {
	if c.Ops != nil {
		if err := t.updateOne(s, o, hsm.Change{Ops: c.Ops}, p, moves); err != nil {
			return err
		}
	}
	if c.Label != nil {
		return t.updateOne(s, o, hsm.Change{Label: c.Label}, p, moves)
	}
	return nil
}

// updateOne is update for the label or for the uses. It is deep calls at most of this
// function, of which each takes back what has strayed in the one before.
func (t *Token) updateOne(s *session, o *located, c hsm.Change, p past, deep int) error {
	if c.Label == nil && o.unread == 0 && has(o, c, every) {
		return nil
	}
	before, mask := *o, keys.Ops(0)
	if c.Ops != nil {
		mask = differ(o, o.Ops, *c.Ops)
		if err := t.setUses(s, o, *c.Ops); err != nil {
			return err
		}
	} else {
		if err := t.set(s, o, attributes{{Type: pkcs11.CKA_LABEL, Value: *c.Label}}); err != nil {
			return err
		}
		o.Label, o.label = bytes.TrimRight(*c.Label, " \x00"), 0 // it tells nothing any more until it is read
	}
	same, err := t.seen(s, o, c)
	if err != nil || same {
		return err
	}
	if err = errStrayed(); deep > 1 {
		err = t.strayed(s, o, c, mask, p, deep)
	}
	if err != nil {
		*o = before
	}
	return err
}

// shows makes sure that what was changed is seen on the object that was meant:
// its handle may have meant another right then.
func (t *Token) shows(s *session, o *located, c hsm.Change) error {
	same, err := t.seen(s, o, c)
	if err == nil && !same {
		err = errStrayed()
	}
	return err
}

// seen reports whether what was changed is seen on o, under its handle.
func (t *Token) seen(s *session, o *located, c hsm.Change) (bool, error) {
	now, err := t.read(s, []cryptoki.Object{o.handle})
	if err != nil || len(now) != 1 {
		return false, err
	}
	return sameObject(&now[0], o) && has(&now[0], c, every) && (!c.Unextractable || !now[0].Extractable), nil
}

// setUses makes o's attributes of use what ops says, as far as they are not, or it is
// not known whether they are.
func (t *Token) setUses(s *session, o *located, ops keys.Ops) error {
	var as attributes
	for _, u := range usesOf(o.Class, o.Type) {
		if want := ops.Has(u.op); want != o.Ops.Has(u.op) || o.unread.Has(u.op) {
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
	o.unread = 0
	return nil
}

// set changes attributes of an object, if its handle means what it did: errMoved
// says that it does not, and that nothing was done.
func (t *Token) set(s *session, o *located, as attributes) error {
	same, err := t.m.lib.SetSame(s.handle, o.handle, proofOf(*o, look), as)
	switch {
	case err == nil && !same:
		return errMoved
	case err == nil:
		return nil
	}
	var names []string
	for _, a := range as {
		names = append(names, changeable[a.Type])
	}
	return errSetting{strings.Join(names, ", "), err}
}
