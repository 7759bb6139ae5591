package hmgwire

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// The messages of an operation are encoded and decoded by hand: by reflection
// they cost more than everything else on the way, TLS and system calls
// included. What is written here is what the codec writes; what is read here is
// the plain form only (known fields in ascending order, shortest lengths), and
// anything else is left to the codec, which has the last word. Tests compare the two.

// CBOR's major types (RFC 8949, 3.1) and simple values.
const (
	majorUint  = 0 << 5
	majorBytes = 2 << 5
	majorText  = 3 << 5
	majorMap   = 5 << 5

	simpleFalse = 0xf4
	simpleTrue  = 0xf5
	simpleNull  = 0xf6
)

func appendHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n <= math.MaxUint8:
		return append(b, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	default:
		return binary.BigEndian.AppendUint64(append(b, major|27), n)
	}
}

// A fastMap appends a map whose size is known at its end, which is less than 24.
type fastMap struct {
	b     []byte
	start int
}

func beginMap(b []byte) fastMap { return fastMap{b: append(b, majorMap), start: len(b)} }

func (m *fastMap) key(k byte) {
	m.b = append(m.b, majorUint|k) // keys are less than 24
	m.b[m.start]++
}

func (m *fastMap) uint(k byte, n uint64) {
	if n != 0 {
		m.key(k)
		m.b = appendHead(m.b, majorUint, n)
	}
}

func (m *fastMap) bytes(k byte, v []byte) {
	if len(v) != 0 {
		m.key(k)
		m.b = append(appendHead(m.b, majorBytes, uint64(len(v))), v...)
	}
}

// nullable is bytes for fields that tell nothing from empty.
func (m *fastMap) nullable(k byte, v []byte) {
	m.key(k)
	if v == nil {
		m.b = append(m.b, simpleNull)
		return
	}
	m.b = append(appendHead(m.b, majorBytes, uint64(len(v))), v...)
}

func (m *fastMap) text(k byte, v string) {
	if v != "" {
		m.key(k)
		m.b = append(appendHead(m.b, majorText, uint64(len(v))), v...)
	}
}

func (m *fastMap) bool(k byte, v bool) {
	if v {
		m.key(k)
		m.b = append(m.b, simpleTrue)
	}
}

// words are the texts that operations are made of most often.
var words = [...]string{"private key", "secret key", "sign", "encrypt", "decrypt", "EC", "RSA", "AES", "SHA256", "GCM"}

// A fastReader reads the plain form. After the first thing that is not plain
// it returns zeros, and bad is set.
type fastReader struct {
	b   []byte
	bad bool
}

func (r *fastReader) fail() { r.b, r.bad = nil, true }

// head reads the head of a data item.
func (r *fastReader) head() (major byte, n uint64) {
	if len(r.b) == 0 {
		r.fail()
		return 0, 0
	}
	major, n = r.b[0]&0xe0, uint64(r.b[0]&0x1f)
	if n < 24 {
		r.b = r.b[1:]
		return major, n
	}
	size := 1 << (n - 24)
	if n > 26 || len(r.b) < 1+size {
		r.fail()
		return 0, 0
	}
	var least uint64
	switch size {
	case 1:
		n, least = uint64(r.b[1]), 24
	case 2:
		n, least = uint64(binary.BigEndian.Uint16(r.b[1:])), math.MaxUint8+1
	default:
		n, least = uint64(binary.BigEndian.Uint32(r.b[1:])), math.MaxUint16+1
	}
	if n < least {
		r.fail()
		return 0, 0
	}
	r.b = r.b[1+size:]
	return major, n
}

// fields calls field for each key of a map, in ascending order. A field that
// does not know its key calls fail.
func (r *fastReader) fields(field func(key uint64)) {
	major, pairs := r.head()
	if major != majorMap || pairs >= 24 {
		r.fail()
	}
	last := uint64(0)
	for range pairs {
		major, key := r.head()
		if r.bad || major != majorUint || key <= last {
			r.fail()
			return
		}
		last = key
		field(key)
	}
}

func (r *fastReader) uint(limit uint64) uint64 {
	major, n := r.head()
	if major != majorUint || n > limit {
		r.fail()
		return 0
	}
	return n
}

func (r *fastReader) string(want byte) []byte {
	major, n := r.head()
	if r.bad || major != want || n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

// bytes returns a part of what is read, not a copy.
func (r *fastReader) bytes() []byte {
	if len(r.b) > 0 && r.b[0] == simpleNull {
		r.b = r.b[1:]
		return nil
	}
	return r.string(majorBytes)
}

func (r *fastReader) text() string {
	b := r.string(majorText)
	for _, w := range words { // the usual ones need no memory
		if string(b) == w {
			return w
		}
	}
	if !utf8.Valid(b) {
		r.fail()
	}
	return string(b)
}

func (r *fastReader) bool() bool {
	if len(r.b) == 0 || (r.b[0] != simpleTrue && r.b[0] != simpleFalse) {
		r.fail()
		return false
	}
	v := r.b[0] == simpleTrue
	r.b = r.b[1:]
	return v
}
