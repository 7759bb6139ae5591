package cryptoki

/*
#include "supplement.h"
#cgo noescape gh_find_init
#cgo nocallback gh_find_init
#cgo noescape gh_find
#cgo nocallback gh_find
#cgo noescape gh_get
#cgo nocallback gh_get
#cgo noescape gh_size
#cgo nocallback gh_size
#cgo noescape gh_create
#cgo nocallback gh_create
*/
import "C"

import (
	"errors"
	"unsafe"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/ckr"
)

// Limits of what is read from a token.
const (
	MaxAttributes = C.GH_MAX_ATTRIBUTES
	maxObjects    = 1 << 20 // in one search
	maxValue      = 1 << 16 // bytes of one attribute
)

// unavailable is CK_UNAVAILABLE_INFORMATION, the length of what there is not.
const unavailable = ^C.gh_ulong(0)

// Attribute is an attribute in a template.
type Attribute struct {
	Type  uint
	Value []byte
}

// template is a list of attributes in the form that the supplement takes.
type template struct {
	types, lens []C.gh_ulong
	block       []byte
}

func layOut(attrs []Attribute) template {
	n := 0
	for _, a := range attrs {
		n += len(a.Value)
	}
	t := template{make([]C.gh_ulong, len(attrs)), make([]C.gh_ulong, len(attrs)), make([]byte, 0, n)}
	for i, a := range attrs {
		t.types[i], t.lens[i] = C.gh_ulong(a.Type), C.gh_ulong(len(a.Value))
		t.block = append(t.block, a.Value...)
	}
	return t
}

// Create makes an object. No copy of the attributes is left behind in this process.
func (l *Library) Create(s Session, attrs []Attribute) (Object, error) {
	if len(attrs) > MaxAttributes {
		return 0, errors.New("too many attributes in a template")
	}
	t := layOut(attrs)
	defer clear(t.block)
	o := C.gh_create(l.c, C.gh_ulong(s), C.gh_ulong(len(attrs)), unsafe.SliceData(t.types), unsafe.SliceData(t.lens),
		bytesOf(t.block))
	return Object(o.len), failure(o.rv)
}

// Find returns all objects that match. The search is ended in any case.
func (l *Library) Find(s Session, attrs []Attribute) (found []Object, err error) {
	t := layOut(attrs)
	err = failure(C.gh_find_init(l.c, C.gh_ulong(s), C.gh_ulong(len(attrs)), unsafe.SliceData(t.types), unsafe.SliceData(t.lens),
		bytesOf(t.block)))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, failure(C.gh_find_final(l.c, C.gh_ulong(s)))) }()
	buf := make([]C.gh_ulong, 64)
	for {
		o := C.gh_find(l.c, C.gh_ulong(s), &buf[0], C.gh_ulong(len(buf)))
		switch {
		case o.rv != 0:
			return nil, failure(o.rv)
		case o.len == 0:
			return found, nil
		}
		if o.len > C.gh_ulong(len(buf)) || len(found) > maxObjects {
			return nil, ErrNonsense
		}
		for _, h := range buf[:o.len] {
			found = append(found, Object(h))
		}
		if len(buf) < 4096 {
			buf = make([]C.gh_ulong, 8*len(buf))
		}
	}
}

// Want is an attribute that a Reader reads. Room is how long it may be for one
// call to be enough; Exact says that it has this length and no other, as
// booleans and numbers do.
type Want struct {
	Type  uint
	Room  int
	Exact bool
}

// untouched fills values before they are read: no boolean and no number that
// there is consists of it.
const untouched = 0xff

// Reader reads the same attributes of many objects with one call for each, into
// buffers of its own. It is not for concurrent use.
type Reader struct {
	wants []Want
	types []C.gh_ulong
	rooms []C.gh_ulong
	lens  []C.gh_ulong
	start []int
	block []byte
	extra [][]byte // values that did not fit
	state []state
}

type state uint8

const (
	absent state = iota
	present
	refused // not told, and why is about the attribute, or the length is not believed
	failed  // not told, for no reason that lasts
)

// NewReader returns a Reader. It panics for more than MaxAttributes.
func NewReader(wants []Want) *Reader {
	if len(wants) > MaxAttributes {
		panic("cryptoki: too many attributes")
	}
	n := len(wants)
	r := &Reader{
		wants: wants, types: make([]C.gh_ulong, n), rooms: make([]C.gh_ulong, n), lens: make([]C.gh_ulong, n),
		start: make([]int, n), extra: make([][]byte, n), state: make([]state, n),
	}
	size := 0
	for i, w := range wants {
		if !w.Exact {
			w.Room++ // so that an attribute that the library left alone is known by its length
		}
		r.types[i], r.start[i], r.rooms[i] = C.gh_ulong(w.Type), size, C.gh_ulong(w.Room)
		size += w.Room
	}
	r.block = make([]byte, size)
	return r
}

// Read reads the attributes of an object. An error means that nothing was read;
// attributes that the object lacks, or does not show, are no error.
func (r *Reader) Read(l *Library, s Session, object Object) error {
	copy(r.lens, r.rooms)
	clear(r.extra)
	for i, w := range r.wants {
		if w.Exact {
			r.spoil(i)
		}
	}
	rv := C.gh_get(l.c, C.gh_ulong(s), C.gh_ulong(object), C.gh_ulong(len(r.types)), &r.types[0], &r.lens[0],
		bytesOf(r.block))
	whole := true
	switch pkcs11.Error(rv) {
	case pkcs11.CKR_OK:
	case pkcs11.CKR_ATTRIBUTE_TYPE_INVALID, pkcs11.CKR_ATTRIBUTE_SENSITIVE:
		// The standard (v2.40, 5.7.5) has the library fill in the others.
	case pkcs11.CKR_BUFFER_TOO_SMALL:
		whole = false
	default:
		if fatal(pkcs11.Error(rv)) {
			return failure(rv)
		}
		whole = false
	}
	for i, n := range r.lens {
		switch {
		case n == unavailable:
			r.state[i] = absent
		case n < r.rooms[i], n == r.rooms[i] && r.wants[i].Exact && !r.spoilt(i):
			r.state[i] = present
		default: // left alone, too long, or nonsense
			whole = false
		}
	}
	if whole {
		return nil
	}
	return r.readOneByOne(l, s, object)
}

// fatal reports whether err is about all attributes, and not about one that was asked for.
func fatal(err pkcs11.Error) bool {
	switch err {
	case pkcs11.CKR_OBJECT_HANDLE_INVALID, pkcs11.CKR_KEY_HANDLE_INVALID, pkcs11.CKR_SESSION_HANDLE_INVALID,
		pkcs11.CKR_SESSION_CLOSED, pkcs11.CKR_USER_NOT_LOGGED_IN, pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_DEVICE_REMOVED, pkcs11.CKR_TOKEN_NOT_PRESENT, pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED:
		return true
	}
	return false
}

func (r *Reader) spoil(i int) {
	b := r.block[r.start[i]:][:r.rooms[i]]
	for j := range b {
		b[j] = untouched
	}
}

func (r *Reader) spoilt(i int) bool {
	for _, b := range r.block[r.start[i]:][:r.rooms[i]] {
		if b != untouched {
			return false
		}
	}
	return true
}

// readOneByOne is for objects and libraries for which one call does not do.
func (r *Reader) readOneByOne(l *Library, s Session, object Object) error {
	for i := range r.wants {
		err := r.readOne(l, s, object, i)
		if err != nil {
			return err
		}
	}
	return nil
}

// Expect reads those of the attributes again that the object must have and did
// not show in the last Read: where a value is too long, and where there is none,
// the length that libraries tell is the same.
func (r *Reader) Expect(l *Library, s Session, object Object, expected ...int) error {
	for _, i := range expected {
		if r.state[i] != absent {
			continue
		}
		err := r.readOne(l, s, object, i)
		if err != nil {
			return err
		}
	}
	return nil
}

// tries is how often an attribute is asked for that fails without a reason: a token
// that never tells it says the same each time.
const tries = 3

func (r *Reader) readOne(l *Library, s Session, object Object, i int) error {
	for range tries {
		if sure, err := r.readOnce(l, s, object, i); sure || err != nil {
			return err
		}
	}
	return nil
}

// readOnce reads the i-th attribute; sure is false when it may be told another time.
func (r *Reader) readOnce(l *Library, s Session, object Object, i int) (sure bool, _ error) {
	w, n := r.wants[i], r.rooms[i]
	rv := C.gh_get(l.c, C.gh_ulong(s), C.gh_ulong(object), 1, &r.types[i], &n, bytesOf(r.block[r.start[i]:]))
	r.lens[i], r.state[i] = n, present
	switch err := pkcs11.Error(rv); {
	case err == pkcs11.CKR_OK && (n < r.rooms[i] || w.Exact && n == r.rooms[i]):
	case err == pkcs11.CKR_OK && n == unavailable, err == pkcs11.CKR_ATTRIBUTE_TYPE_INVALID:
		r.state[i] = absent
	case err == pkcs11.CKR_BUFFER_TOO_SMALL || err == pkcs11.CKR_OK:
		r.state[i] = refused
		if v, ok := l.long(s, object, w.Type); ok {
			r.extra[i], r.state[i] = v, present
		}
		return r.state[i] == present, nil
	case fatal(err):
		return false, err
	case ckr.Of(uint(err)).Class == ckr.Request:
		r.state[i] = refused
	default:
		r.state[i] = failed
		return false, nil
	}
	return true, nil
}

// long reads an attribute whose length has to be asked for first.
func (l *Library) long(s Session, object Object, typ uint) ([]byte, bool) {
	t, n := C.gh_ulong(typ), C.gh_ulong(0)
	if C.gh_size(l.c, C.gh_ulong(s), C.gh_ulong(object), t, &n) != 0 || n == 0 || n > maxValue {
		return nil, false
	}
	v := make([]byte, n)
	if C.gh_get(l.c, C.gh_ulong(s), C.gh_ulong(object), 1, &t, &n, bytesOf(v)) != 0 || n > C.gh_ulong(len(v)) {
		return nil, false
	}
	return v[:n], true
}

// Value returns the value of the i-th attribute last read, valid until the next
// Read; ok is false when the object does not have it or the token does not tell it.
func (r *Reader) Value(i int) (v []byte, ok bool) {
	if r.state[i] != present {
		return nil, false
	}
	if r.extra[i] != nil {
		return r.extra[i], true
	}
	return r.block[r.start[i]:][:r.lens[i]], true
}

// Refused reports whether the token does not tell the i-th attribute, which may be there.
func (r *Reader) Refused(i int) bool { return r.state[i] == refused || r.state[i] == failed }

// Failed reports whether the token may tell the i-th attribute another time.
func (r *Reader) Failed(i int) bool { return r.state[i] == failed }
