package pkcs11

import (
	"bytes"
	"context"
	"errors"

	"github.com/miekg/pkcs11"

	"gatehouse/core/hsm"
)

// Destroy removes a key, both halves of a pair.
func (t *Token) Destroy(ctx context.Context, ref hsm.Ref) error {
	return t.change(ctx, "destroying a key", ref, func(s *session, halves []*located) error {
		for i, o := range halves {
			err := t.destroyObject(s, o)
			if i == 0 && (staleHandle(err) || errors.Is(err, errMoved)) {
				return errMoved
			}
			switch {
			case err != nil && i == 0:
				return errBegun{err}
			case err != nil && !staleHandle(err): // whatever it says: the private half is gone
				return halfDone(err)
			}
		}
		return t.gone(s, ref)
	})
}

// destroyObject removes one object, if its handle means what it did: errMoved says
// that it does not, and that nothing was done.
func (t *Token) destroyObject(s *session, o *located) error {
	same, err := t.m.lib.DestroySame(s.handle, o.handle, proofOf(*o, look))
	if err == nil && !same {
		err = errMoved
	}
	return err
}

// gone makes sure that the key which was destroyed is the one that was meant, and
// nothing of it is left: its handles may have meant others right then.
func (t *Token) gone(s *session, ref hsm.Ref) error {
	handles, err := t.lookFor(s, attributes{{Type: pkcs11.CKA_ID, Value: ref.ID}})
	if err != nil {
		return halfDone(err)
	}
	os, err := t.read(s, handles)
	if err != nil {
		return halfDone(err)
	}
	public := false
	for i := range os {
		o := &os[i]
		if len(ref.ID) != 0 && !bytes.Equal(o.ID, ref.ID) { // a search that confuses objects proves nothing
			return errBegun{errStrayed()}
		}
		if o.Class == ref.Class && sameFamily(o.Type, ref.Type) && bytes.Equal(o.Label, ref.Label) && (len(o.fp) == 0 || isMeant(o, ref)) {
			return errBegun{errStrayed()}
		}
		public = public || ref.Class == hsm.PrivateKey && o.Class == hsm.PublicKey && isMeant(o, ref)
	}
	if public {
		return t.destroyPublic(s, ref)
	}
	return nil
}

// isMeant reports whether o is a key that ref names, or its other half: by its
// fingerprint, or for want of one by its label.
func isMeant(o *located, ref hsm.Ref) bool {
	if len(ref.Fingerprint) != 0 {
		return bytes.Equal(o.fp, ref.Fingerprint)
	}
	return bytes.Equal(o.Label, ref.Label)
}

// destroyPublic removes the public halves that are left of a pair whose private
// half has just been destroyed.
func (t *Token) destroyPublic(s *session, ref hsm.Ref) error {
	for range moves {
		publics, err := t.search(s, hsm.PublicKey, hsm.Ref{Type: ref.Type, ID: ref.ID, Label: ref.Label})
		if err != nil {
			return halfDone(err)
		}
		left := 0
		for i := range publics {
			o := &publics[i]
			if !isMeant(o, ref) {
				continue
			}
			left++
			err := t.destroyObject(s, o)
			if err != nil && !staleHandle(err) && !errors.Is(err, errMoved) {
				return halfDone(err)
			}
		}
		if left == 0 {
			return nil
		}
	}
	return errBegun{errStrayed()}
}

// halfDone makes of the error of a step that follows a change one that says only
// that the token failed in the middle of it: whoever reads that something was
// refused, or that there is no room, takes it that nothing was done.
func halfDone(err error) error {
	return errBegun{atToken(translate("making sure of a change", errBegun{err}))}
}
