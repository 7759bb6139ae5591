package hmgwire

import (
	"slices"

	"gatehouse/core/fault"
	"gatehouse/core/operations"
)

// Wrap asks for a key of the token encrypted with another one.
type Wrap struct {
	Scope
	With      Ref          `cbor:"3,keyasint"`
	Subject   Ref          `cbor:"4,keyasint"`
	Operation KeyOperation `cbor:"5,keyasint"`
}

// Make asks for a key to be made of a wrapped one, or from another key.
type Make struct {
	Scope
	Ref       Ref          `cbor:"3,keyasint"` // the key that unwraps, or is derived from
	Template  Template     `cbor:"4,keyasint"`
	Operation KeyOperation `cbor:"5,keyasint"`
}

// KeyOperation is one of operations.Wrap, Unwrap, Agree and Derive; which fields
// count depends on Name. What Operation has too has the same number there.
type KeyOperation struct {
	Name    string `cbor:"1,keyasint"`           // wrap, unwrap, agree, derive
	Input   []byte `cbor:"2,keyasint,omitempty"` // wrapped key, public key, data, info of HKDF
	Mode    string `cbor:"3,keyasint,omitempty"`
	Hash    string `cbor:"4,keyasint,omitempty"`
	IV      []byte `cbor:"5,keyasint,omitempty"`
	AD      []byte `cbor:"6,keyasint,omitempty"`
	Tag     []byte `cbor:"7,keyasint,omitempty"`
	TagBits int    `cbor:"8,keyasint,omitempty"`
	Label   []byte `cbor:"9,keyasint,omitempty"`
	Format  string `cbor:"12,keyasint,omitempty"` // wrap
	By      string `cbor:"13,keyasint,omitempty"` // derive: byEncryption or byHKDF
	Salt    []byte `cbor:"14,keyasint,omitempty"` // derive by HKDF
}

const (
	byEncryption = "encrypt"
	byHKDF       = "hkdf"
)

// NewKeyOperation returns op for the wire; fault.Unsupported for a derivation
// that the protocol has no word for, fault.Invalid for another kind of operation.
func NewKeyOperation(op operations.Operation) (KeyOperation, error) {
	w := KeyOperation{Name: operations.Name(op)}
	switch o := op.(type) {
	case operations.Wrap:
		w.Mode, w.Hash, w.IV, w.AD = string(o.Mode), string(o.Hash), o.IV, o.AD
		w.TagBits, w.Label, w.Format = o.TagBits, o.Label, string(o.Format)
	case operations.Unwrap:
		w.Mode, w.Hash, w.Input, w.IV = string(o.Mode), string(o.Hash), o.Wrapped, o.IV
		w.AD, w.Tag, w.Label = o.AD, o.Tag, o.Label
	case operations.Agree:
		w.Input = o.PeerPublicKey
	case operations.Derive:
		switch by := o.By.(type) {
		case operations.EncryptData:
			e := by.Encryption
			w.By, w.Mode, w.Input, w.IV, w.AD, w.TagBits = byEncryption, string(e.Mode), e.Plain, e.IV, e.AD, e.TagBits
		case operations.HKDF:
			w.By, w.Hash, w.Salt, w.Input = byHKDF, string(by.Hash), by.Salt, by.Info
		default:
			return KeyOperation{}, errUnknownOperation()
		}
	default:
		return KeyOperation{}, fault.New(fault.Invalid, "%s is no operation on keys", w.Name)
	}
	return w, nil
}

// Operation returns the domain's value; fault.Unsupported for a name, mode or
// hash that this end does not know, fault.Invalid for an absurd tag length.
func (w KeyOperation) Operation() (operations.Operation, error) {
	mode, hash := operations.Mode(w.Mode), operations.Hash(w.Hash)
	if !knownMode(mode) || (hash != operations.NoHash && !slices.Contains(operations.Hashes(), hash)) {
		return nil, fault.New(fault.Unsupported, "the mode or hash is not one that the gateway knows")
	}
	if w.TagBits < 0 || w.TagBits > 128 {
		return nil, fault.New(fault.Invalid, "tag_len is not possible in this mode")
	}
	switch {
	case w.Name == "wrap":
		return operations.Wrap{
			Mode: mode, Hash: hash, IV: w.IV, AD: w.AD, TagBits: w.TagBits, Label: w.Label, Format: operations.Format(w.Format),
		}, nil
	case w.Name == "unwrap":
		return operations.Unwrap{
			Mode: mode, Hash: hash, Wrapped: w.Input, IV: w.IV, AD: w.AD, Tag: w.Tag, Label: w.Label,
		}, nil
	case w.Name == "agree":
		return operations.Agree{PeerPublicKey: w.Input}, nil
	case w.Name == "derive" && w.By == byEncryption:
		return operations.Derive{By: operations.EncryptData{Encryption: operations.Encrypt{
			Mode: mode, Plain: w.Input, IV: w.IV, AD: w.AD, TagBits: w.TagBits,
		}}}, nil
	case w.Name == "derive" && w.By == byHKDF:
		return operations.Derive{By: operations.HKDF{Hash: hash, Salt: w.Salt, Info: w.Input}}, nil
	default:
		return nil, errUnknownOperation()
	}
}

func errUnknownOperation() error {
	return fault.New(fault.Unsupported, "the operation is not one that the gateway knows")
}
