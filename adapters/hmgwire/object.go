package hmgwire

import (
	"math"
	"slices"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

// Inventory asks for the objects in a slot.
type Inventory struct {
	Scope
	ID     []byte `cbor:"3,keyasint"`           // CKA_ID to look for; null for all
	Window uint32 `cbor:"4,keyasint,omitempty"` // Objects frames that may be sent before the first Credit; 0 means 1
	Afresh bool   `cbor:"5,keyasint,omitempty"` // the HSM's library is to look at the slot anew
}

// Objects is a part of an inventory.
type Objects struct {
	Objects []Object `cbor:"1,keyasint"`
}

// Object is hsm.Object.
type Object struct {
	Class       string `cbor:"1,keyasint"`
	Type        string `cbor:"2,keyasint,omitempty"`
	KeyType     uint64 `cbor:"3,keyasint,omitempty"`
	ID          []byte `cbor:"4,keyasint"` // null where the token tells none
	Label       []byte `cbor:"5,keyasint"`
	Size        int    `cbor:"6,keyasint,omitempty"`
	Curve       string `cbor:"7,keyasint,omitempty"`
	Ops         uint32 `cbor:"8,keyasint,omitempty"`
	PublicKey   []byte `cbor:"9,keyasint,omitempty"`
	CheckValue  []byte `cbor:"10,keyasint,omitempty"`
	Extractable bool   `cbor:"11,keyasint,omitempty"`
	Unreadable  string `cbor:"12,keyasint,omitempty"`
}

// maxAttribute is the longest attribute that an Object carries, in bytes:
// longer than any key's, short enough that a chunk fits its frame.
const maxAttribute = 8 << 10

// NewObject returns o for the wire. An attribute that is absurdly long is left
// out and the object marked as unreadable.
func NewObject(o hsm.Object) Object {
	for _, b := range []*[]byte{&o.ID, &o.Label, &o.PublicKey, &o.CheckValue} {
		if len(*b) > maxAttribute {
			*b = nil
			o.Unreadable = "an attribute is too long"
		}
	}
	return Object{
		Class: string(o.Class), Type: string(o.Type), KeyType: uint64(o.KeyType), ID: o.ID, Label: o.Label,
		Size: o.Size, Curve: string(o.Curve), Ops: uint32(o.Ops), PublicKey: o.PublicKey,
		CheckValue: o.CheckValue, Extractable: o.Extractable, Unreadable: clip(o.Unreadable, MaxText),
	}
}

// Object returns the domain's value; what this end does not know stays zero.
func (o Object) Object() hsm.Object {
	h := hsm.Object{
		Class: hsm.OtherClass, KeyType: uint(o.KeyType), ID: o.ID, Label: o.Label, Size: o.Size,
		Ops: keys.Ops(o.Ops), PublicKey: o.PublicKey, CheckValue: o.CheckValue,
		Extractable: o.Extractable, Unreadable: clip(o.Unreadable, MaxText),
	}
	if c := hsm.Class(o.Class); knownClass(c) {
		h.Class = c
	}
	if t := keys.Type(o.Type); slices.Contains(keys.Types(), t) {
		h.Type = t
	}
	if c := keys.Curve(o.Curve); slices.Contains(keys.Curves(), c) {
		h.Curve = c
	}
	return h
}

// Ref is hsm.Ref.
type Ref struct {
	Class       string `cbor:"1,keyasint"`
	Type        string `cbor:"2,keyasint,omitempty"`
	ID          []byte `cbor:"3,keyasint"`
	Label       []byte `cbor:"4,keyasint"`
	Fingerprint []byte `cbor:"5,keyasint,omitempty"`
}

// NewRef returns r for the wire.
func NewRef(r hsm.Ref) Ref {
	return Ref{Class: string(r.Class), Type: string(r.Type), ID: r.ID, Label: r.Label, Fingerprint: r.Fingerprint}
}

// Ref returns the domain's value; fault.Invalid for a class or type that this end does not know.
func (r Ref) Ref() (hsm.Ref, error) {
	class, typ := hsm.Class(r.Class), keys.Type(r.Type)
	if !knownClass(class) {
		return hsm.Ref{}, fault.New(fault.Invalid, "the class of the key is not one that the gateway knows")
	}
	if typ != "" && !slices.Contains(keys.Types(), typ) {
		return hsm.Ref{}, fault.New(fault.Invalid, "the type of the key is not one that the gateway knows")
	}
	return hsm.Ref{Class: class, Type: typ, ID: r.ID, Label: r.Label, Fingerprint: r.Fingerprint}, nil
}

// Template is hsm.Template.
type Template struct {
	ID             []byte `cbor:"1,keyasint"`
	Label          []byte `cbor:"2,keyasint"`
	Type           string `cbor:"3,keyasint"`
	Size           int    `cbor:"4,keyasint,omitempty"`
	Curve          string `cbor:"5,keyasint,omitempty"`
	Ops            uint32 `cbor:"6,keyasint,omitempty"`
	PublicExponent int    `cbor:"7,keyasint,omitempty"`
	Extractable    bool   `cbor:"8,keyasint,omitempty"`
	Private        bool   `cbor:"9,keyasint,omitempty"`
}

// NewTemplate returns t for the wire.
func NewTemplate(t hsm.Template) Template {
	return Template{
		ID: t.ID, Label: t.Label, Type: string(t.Type), Size: t.Size, Curve: string(t.Curve), Ops: uint32(t.Ops),
		PublicExponent: t.RSA.PublicExponent, Extractable: t.Extractable, Private: t.Private,
	}
}

// Template returns the domain's value; fault.Unsupported for a type or curve
// that this end does not know, fault.Invalid for absurd sizes.
func (t Template) Template() (hsm.Template, error) {
	typ, curve := keys.Type(t.Type), keys.Curve(t.Curve)
	if !slices.Contains(keys.Types(), typ) {
		return hsm.Template{}, fault.New(fault.Unsupported, "the type of key is not one that the gateway knows")
	}
	if curve != "" && !slices.Contains(keys.Curves(), curve) {
		return hsm.Template{}, fault.New(fault.Unsupported, "the curve is not one that the gateway knows")
	}
	if t.Size < 0 || t.Size > 1<<20 || t.PublicExponent < 0 || t.PublicExponent > math.MaxUint32 {
		return hsm.Template{}, fault.New(fault.Invalid, "the size or exponent of the key is absurd")
	}
	return hsm.Template{
		ID: t.ID, Label: t.Label, Type: typ, Size: t.Size, Curve: curve, Ops: keys.Ops(t.Ops),
		RSA: keys.RSAOptions{PublicExponent: t.PublicExponent}, Extractable: t.Extractable, Private: t.Private,
	}, nil
}

func knownClass(c hsm.Class) bool {
	switch c {
	case hsm.SecretKey, hsm.PrivateKey, hsm.PublicKey, hsm.Certificate, hsm.Data, hsm.OtherClass:
		return true
	default:
		return false
	}
}
