// Package cryptoki is one PKCS#11 library as adapters/pkcs11 uses it: Go's
// binding miekg/pkcs11, and a supplement for the calls in which it asks a
// library for sizes first, or believes what a library says of sizes.
//
// Nothing that a library returns is trusted: counts and lengths are bounded by
// the buffers that were given, and a value outside them is ErrNonsense.
// Concurrency is PKCS#11's: a Library may be used from many goroutines, a session
// from one at a time; nothing may run while Finalize does.
package cryptoki

/*
#cgo linux LDFLAGS: -ldl
#cgo CFLAGS: -O2 -Wall
#include <stdlib.h>
#include "supplement.h"
#cgo noescape gh_slots
#cgo nocallback gh_slots
#cgo noescape gh_mechanisms
#cgo nocallback gh_mechanisms
#cgo noescape gh_login
#cgo nocallback gh_login
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/miekg/pkcs11"
)

// A Session and an Object are handles; they mean nothing outside their library.
type (
	Session uint
	Object  uint
)

// ErrNonsense says that a library returned what no library may.
var ErrNonsense = errors.New("the PKCS#11 library returned nonsense")

// maxList is the longest list of slots or mechanisms that is read.
const maxList = 4096

// Library is a loaded PKCS#11 library.
type Library struct {
	*pkcs11.Ctx
	c        *C.gh_library
	reserved unsafe.Pointer
}

// Load loads the library at path, and does not call it yet but for its function list.
func Load(path string) (*Library, error) {
	p := C.CString(path)
	defer C.free(unsafe.Pointer(p))
	var why [256]C.char
	c := C.gh_open(p, &why[0], C.gh_ulong(len(why)))
	if c == nil {
		return nil, fmt.Errorf("loading a PKCS#11 library: %s", C.GoString(&why[0]))
	}
	ctx := pkcs11.New(path) // the same instance: dlopen counts
	if ctx == nil {
		return nil, errors.New("loading a PKCS#11 library: it cannot be loaded twice")
	}
	return &Library{Ctx: ctx, c: c}, nil
}

// Initialise calls C_Initialize with the flags and, unless it is empty, the
// reserved string.
func (l *Library) Initialise(flags uint, reserved string) error {
	opts := []pkcs11.InitializeOption{pkcs11.InitializeWithFlags(flags)}
	if reserved != "" {
		if l.reserved == nil {
			l.reserved = unsafe.Pointer(C.CString(reserved)) // never freed: a library may keep it
		}
		opts = append(opts, pkcs11.InitializeWithReserved(l.reserved))
	}
	return l.Initialize(opts...)
}

// Slots lists the slots, with a token in them or without.
func (l *Library) Slots() ([]uint, error) {
	out := make([]C.gh_ulong, maxList)
	return list(out, C.gh_slots(l.c, 0, &out[0], maxList))
}

// Mechanisms lists the mechanisms of the token in a slot.
func (l *Library) Mechanisms(slot uint) ([]uint, error) {
	out := make([]C.gh_ulong, maxList)
	return list(out, C.gh_mechanisms(l.c, C.gh_ulong(slot), &out[0], maxList))
}

func list(out []C.gh_ulong, o C.gh_outcome) ([]uint, error) {
	if err := failure(o.rv); err != nil {
		return nil, err
	}
	if o.len > maxList {
		return nil, ErrNonsense
	}
	l := make([]uint, o.len)
	for i := range l {
		l[i] = uint(out[i])
	}
	return l, nil
}

// LoginUser logs the user in, without a copy of the PIN. A nil PIN asks for the
// token's own keypad.
func (l *Library) LoginUser(s Session, pin []byte) error {
	return failure(C.gh_login(l.c, C.gh_ulong(s), bytesOf(pin), C.gh_ulong(len(pin))))
}

// failure returns rv as an error; nil for CKR_OK.
func failure(rv C.gh_ulong) error {
	if rv == 0 {
		return nil
	}
	return pkcs11.Error(rv)
}
