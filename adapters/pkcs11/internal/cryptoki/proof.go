package cryptoki

/*
#include "supplement.h"
#cgo noescape gh_same
#cgo nocallback gh_same
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
	switch {
	case o.begun != 0:
		return true, nil
	case o.rv == pkcs11.CKR_OK, o.rv == pkcs11.CKR_ATTRIBUTE_TYPE_INVALID, o.rv == pkcs11.CKR_ATTRIBUTE_SENSITIVE,
		o.rv == pkcs11.CKR_BUFFER_TOO_SMALL, o.rv == pkcs11.CKR_OBJECT_HANDLE_INVALID, o.rv == pkcs11.CKR_KEY_HANDLE_INVALID:
		return false, nil
	default:
		return false, pkcs11.Error(o.rv)
	}
}
