package cryptoki

/*
#include "supplement.h"
#cgo noescape gh_run
#cgo nocallback gh_run
#cgo noescape gh_again
#cgo nocallback gh_again
*/
import "C"

import (
	"unsafe"

	"github.com/miekg/pkcs11"
)

// Kind is what Run does.
type Kind int

// The kinds of operation.
const (
	Sign    Kind = C.GH_SIGN
	Verify  Kind = C.GH_VERIFY
	Encrypt Kind = C.GH_ENCRYPT
	Decrypt Kind = C.GH_DECRYPT
)

// Shape is the form of a mechanism's parameter.
type Shape int

// The shapes of parameters.
const (
	Plain Shape = C.GH_PLAIN // P as it is: an initialisation vector, or nothing
	CTR   Shape = C.GH_CTR   // P the counter block, A its counter bits
	GCM   Shape = C.GH_GCM   // P the initialisation vector, Q the additional data, A the tag's bits
	CCM   Shape = C.GH_CCM   // P the nonce, Q the additional data, A the tag's bytes, B the data's length
	OAEP  Shape = C.GH_OAEP  // P the label, A the hash, B the mask generation function
	PSS   Shape = C.GH_PSS   // A the hash, B the mask generation function, C the salt's length
	ECDH  Shape = C.GH_ECDH  // P the other side's public key
	Data  Shape = C.GH_DATA  // P the data to encrypt
	HKDF  Shape = C.GH_HKDF  // P the info, Q the salt, A the hash

	// CBCData has P, the data to encrypt, and Q, the initialisation vector.
	CBCData Shape = C.GH_CBC_DATA
)

// Mechanism is a mechanism with its parameter.
type Mechanism struct {
	Type    uint
	Shape   Shape
	A, B, C uint
	P, Q    []byte
}

func (m *Mechanism) c() C.gh_mechanism {
	return C.gh_mechanism{
		_type: C.gh_ulong(m.Type), shape: C.int(m.Shape),
		a: C.gh_ulong(m.A), b: C.gh_ulong(m.B), c: C.gh_ulong(m.C),
	}
}

// maxOutput is the most that a repetition of a call with a larger buffer gives.
const maxOutput = 8 << 20

// Run does a whole single-part operation with one crossing into C: Init and the
// operation, whose output goes to out. It asks for no size: out must have room
// enough, and is made larger once where the library says that it has not. For
// Verify out is the signature. begun tells that an error is not Init's.
//
// After an error the operation may still be active: the session must be dropped
// unless the error is known to end it.
func (l *Library) Run(k Kind, s Session, key Object, m *Mechanism, in, out []byte) (output []byte, begun bool, err error) {
	o := C.gh_run(l.c, C.int(k), C.gh_ulong(s), C.gh_ulong(key), m.c(),
		bytesOf(m.P), C.gh_ulong(len(m.P)), bytesOf(m.Q), C.gh_ulong(len(m.Q)),
		bytesOf(in), C.gh_ulong(len(in)), bytesOf(out), C.gh_ulong(len(out)))
	if o.rv == pkcs11.CKR_BUFFER_TOO_SMALL && o.begun != 0 && k != Verify {
		need := max(int(min(o.len, maxOutput)), 4*len(out)+1024)
		out = make([]byte, min(need, maxOutput))
		o = C.gh_again(l.c, C.int(k), C.gh_ulong(s), bytesOf(in), C.gh_ulong(len(in)), bytesOf(out), C.gh_ulong(len(out)))
	}
	if o.rv != 0 {
		return nil, o.begun != 0, pkcs11.Error(o.rv)
	}
	if k == Verify {
		return nil, true, nil
	}
	if o.len > C.gh_ulong(len(out)) {
		return nil, true, ErrNonsense
	}
	return out[:o.len], true, nil
}

// bytesOf returns where b begins; nil when it is empty, as some libraries insist.
func bytesOf(b []byte) *C.gh_byte {
	if len(b) == 0 {
		return nil
	}
	return (*C.gh_byte)(unsafe.Pointer(&b[0]))
}
