package cryptoki

/*
#include "supplement.h"
#cgo noescape gh_wrap
#cgo nocallback gh_wrap
#cgo noescape gh_unwrap
#cgo nocallback gh_unwrap
#cgo noescape gh_derive
#cgo nocallback gh_derive
*/
import "C"

import (
	"errors"
	"unsafe"

	"github.com/miekg/pkcs11"
)

// Wrap returns subject encrypted with key. It asks for no size: out must have
// room enough, and is made larger once where the library says that it has not.
func (l *Library) Wrap(s Session, key, subject Object, m *Mechanism, out []byte) ([]byte, error) {
	for again := false; ; again = true {
		o := C.gh_wrap(l.c, C.gh_ulong(s), C.gh_ulong(key), C.gh_ulong(subject), m.c(),
			bytesOf(m.P), C.gh_ulong(len(m.P)), bytesOf(m.Q), C.gh_ulong(len(m.Q)), bytesOf(out), C.gh_ulong(len(out)))
		switch {
		case o.rv == pkcs11.CKR_BUFFER_TOO_SMALL && !again:
			out = make([]byte, min(max(int(min(o.len, maxOutput)), 4*len(out)+1024), maxOutput))
			continue
		case o.rv != 0:
			return nil, failure(o.rv)
		case o.len > C.gh_ulong(len(out)):
			return nil, ErrNonsense
		}
		return out[:o.len], nil
	}
}

var errLongTemplate = errors.New("too many attributes in a template")

// Unwrap makes an object of what key opens.
func (l *Library) Unwrap(s Session, key Object, m *Mechanism, wrapped []byte, attrs []Attribute) (Object, error) {
	if len(attrs) > MaxAttributes {
		return 0, errLongTemplate
	}
	t := layOut(attrs)
	o := C.gh_unwrap(l.c, C.gh_ulong(s), C.gh_ulong(key), m.c(),
		bytesOf(m.P), C.gh_ulong(len(m.P)), bytesOf(m.Q), C.gh_ulong(len(m.Q)), bytesOf(wrapped), C.gh_ulong(len(wrapped)),
		C.gh_ulong(len(attrs)), unsafe.SliceData(t.types), unsafe.SliceData(t.lens), bytesOf(t.block))
	return Object(o.len), failure(o.rv)
}

// Derive makes an object from key.
func (l *Library) Derive(s Session, key Object, m *Mechanism, attrs []Attribute) (Object, error) {
	if len(attrs) > MaxAttributes {
		return 0, errLongTemplate
	}
	t := layOut(attrs)
	o := C.gh_derive(l.c, C.gh_ulong(s), C.gh_ulong(key), m.c(),
		bytesOf(m.P), C.gh_ulong(len(m.P)), bytesOf(m.Q), C.gh_ulong(len(m.Q)),
		C.gh_ulong(len(attrs)), unsafe.SliceData(t.types), unsafe.SliceData(t.lens), bytesOf(t.block))
	return Object(o.len), failure(o.rv)
}
