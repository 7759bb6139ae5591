package hmgwire

import (
	"bytes"
	"math"
)

// fastAppend appends message in the codec's form if it is one of those that are
// encoded by hand.
func fastAppend(b []byte, message any) ([]byte, bool) {
	switch m := message.(type) {
	case *Operate:
		return m.append(b), true
	case *Result:
		return m.append(b), true
	default:
		return b, false
	}
}

// fastDecode decodes message if it is one of those and body is in the plain
// form. It leaves message as it was otherwise.
func fastDecode(body []byte, message any) bool {
	switch m := message.(type) {
	case *Operate:
		r := fastReader{b: bytes.Clone(body)}
		if v := r.operate(); !r.bad && len(r.b) == 0 {
			*m = v
			return true
		}
	case *Result:
		r := fastReader{b: bytes.Clone(body)}
		if v := r.result(); !r.bad && len(r.b) == 0 {
			*m = v
			return true
		}
	}
	return false
}

func (o *Operate) append(b []byte) []byte {
	m := beginMap(b)
	m.key(1)
	m.b = appendHead(m.b, majorUint, uint64(o.Handle))
	m.uint(2, uint64(o.Timeout))
	m.key(3)
	m.b = o.Ref.append(m.b)
	m.key(4)
	m.b = o.Operation.append(m.b)
	return m.b
}

func (r *fastReader) operate() (o Operate) {
	r.fields(func(key uint64) {
		switch key {
		case 1:
			o.Handle = uint32(r.uint(math.MaxUint32))
		case 2:
			o.Timeout = uint32(r.uint(math.MaxUint32))
		case 3:
			o.Ref = r.ref()
		case 4:
			o.Operation = r.operation()
		default:
			r.fail()
		}
	})
	return o
}

func (k *Ref) append(b []byte) []byte {
	m := beginMap(b)
	m.key(1)
	m.b = append(appendHead(m.b, majorText, uint64(len(k.Class))), k.Class...)
	m.text(2, k.Type)
	m.nullable(3, k.ID)
	m.nullable(4, k.Label)
	m.bytes(5, k.Fingerprint)
	return m.b
}

func (r *fastReader) ref() (k Ref) {
	r.fields(func(key uint64) {
		switch key {
		case 1:
			k.Class = r.text()
		case 2:
			k.Type = r.text()
		case 3:
			k.ID = r.bytes()
		case 4:
			k.Label = r.bytes()
		case 5:
			k.Fingerprint = r.bytes()
		default:
			r.fail()
		}
	})
	return k
}

func (w *Operation) append(b []byte) []byte {
	m := beginMap(b)
	m.key(1)
	m.b = append(appendHead(m.b, majorText, uint64(len(w.Name))), w.Name...)
	m.bytes(2, w.Input)
	m.text(3, w.Mode)
	m.text(4, w.Hash)
	m.bytes(5, w.IV)
	m.bytes(6, w.AD)
	m.bytes(7, w.Tag)
	if w.TagBits != 0 {
		m.key(8)
		if w.TagBits < 0 { // RFC 8949, 3.1: major type 1
			m.b = appendHead(m.b, 1<<5, uint64(-1-w.TagBits))
		} else {
			m.b = appendHead(m.b, majorUint, uint64(w.TagBits))
		}
	}
	m.bytes(9, w.Label)
	m.bool(10, w.Prehashed)
	m.bytes(11, w.Proof)
	return m.b
}

func (r *fastReader) operation() (w Operation) {
	r.fields(func(key uint64) {
		switch key {
		case 1:
			w.Name = r.text()
		case 2:
			w.Input = r.bytes()
		case 3:
			w.Mode = r.text()
		case 4:
			w.Hash = r.text()
		case 5:
			w.IV = r.bytes()
		case 6:
			w.AD = r.bytes()
		case 7:
			w.Tag = r.bytes()
		case 8:
			w.TagBits = int(r.uint(math.MaxInt32))
		case 9:
			w.Label = r.bytes()
		case 10:
			w.Prehashed = r.bool()
		case 11:
			w.Proof = r.bytes()
		default:
			r.fail()
		}
	})
	return w
}

func (x *Result) append(b []byte) []byte {
	m := beginMap(b)
	m.bytes(1, x.Output)
	m.bytes(2, x.IV)
	m.bytes(3, x.Tag)
	m.bool(4, x.Valid)
	return m.b
}

func (r *fastReader) result() (x Result) {
	r.fields(func(key uint64) {
		switch key {
		case 1:
			x.Output = r.bytes()
		case 2:
			x.IV = r.bytes()
		case 3:
			x.Tag = r.bytes()
		case 4:
			x.Valid = r.bool()
		default:
			r.fail()
		}
	})
	return x
}
