package cryptoki

/*
#include "supplement.h"
#cgo noescape gh_same
#cgo nocallback gh_same
#cgo noescape gh_destroy_same
#cgo nocallback gh_destroy_same
#cgo noescape gh_set_same
#cgo nocallback gh_set_same
*/
import "C"

import (
	"unsafe"

	"github.com/miekg/pkcs11"
)

// MaxProof is how many bytes the attributes of a Proof have at most.
const MaxProof = C.GH_MAX_PROOF

// A Proof is what tells an object from others: attributes that it was found
// with. It does not change, and may be used from many goroutines.
type Proof struct{ t template }

// NewProof returns the proof that consists of attrs.
func NewProof(attrs []Attribute) *Proof { return &Proof{layOut(attrs)} }

// Same reports whether an object still has the attributes of p. An error says
// that it could not be found out.
func (l *Library) Same(s Session, object Object, p *Proof) (bool, error) {
	o := C.gh_same(l.c, C.gh_ulong(s), C.gh_ulong(object), C.gh_ulong(len(p.t.types)), unsafe.SliceData(p.t.types),
		unsafe.SliceData(p.t.lens), bytesOf(p.t.block))
	if o.begun != 0 {
		return true, nil
	}
	return false, notSame(o.rv)
}

// DestroySame destroys an object if it still has the attributes of p. Nothing of
// this process comes in between, though another may. Without same nothing was
// done; with it the error is C_DestroyObject's.
func (l *Library) DestroySame(s Session, object Object, p *Proof) (same bool, err error) {
	o := C.gh_destroy_same(l.c, C.gh_ulong(s), C.gh_ulong(object), C.gh_ulong(len(p.t.types)), unsafe.SliceData(p.t.types),
		unsafe.SliceData(p.t.lens), bytesOf(p.t.block))
	if o.begun != 0 {
		return true, failure(o.rv)
	}
	return false, notSame(o.rv)
}

// SetSame changes attributes of an object, as DestroySame destroys one.
func (l *Library) SetSame(s Session, object Object, p *Proof, attrs []Attribute) (same bool, err error) {
	if len(attrs) > MaxAttributes {
		return false, errLongTemplate
	}
	t := layOut(attrs)
	o := C.gh_set_same(l.c, C.gh_ulong(s), C.gh_ulong(object), C.gh_ulong(len(p.t.types)), unsafe.SliceData(p.t.types),
		unsafe.SliceData(p.t.lens), bytesOf(p.t.block), C.gh_ulong(len(attrs)), unsafe.SliceData(t.types), unsafe.SliceData(t.lens), bytesOf(t.block))
	if o.begun != 0 {
		return true, failure(o.rv)
	}
	return false, notSame(o.rv)
}

// notSame returns why it could not be found out whether an object is the same;
// nil when it is another.
func notSame(rv C.gh_ulong) error {
	switch rv {
	case pkcs11.CKR_OK, pkcs11.CKR_ATTRIBUTE_TYPE_INVALID, pkcs11.CKR_ATTRIBUTE_SENSITIVE, pkcs11.CKR_BUFFER_TOO_SMALL,
		pkcs11.CKR_OBJECT_HANDLE_INVALID, pkcs11.CKR_KEY_HANDLE_INVALID:
		return nil
	default:
		return pkcs11.Error(rv)
	}
}
