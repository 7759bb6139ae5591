package hmgwire

import (
	"slices"

	"gatehouse/core/fault"
	"gatehouse/core/operations"
)

// Operate asks for a cryptographic operation with a key in the token.
type Operate struct {
	Scope
	Ref       Ref       `cbor:"3,keyasint"`
	Operation Operation `cbor:"4,keyasint"`
}

// Operation is one of the sum type operations.Operation. Which fields count
// depends on Name.
type Operation struct {
	Name      string `cbor:"1,keyasint"`           // encrypt, decrypt, sign, verify, mac, macverify
	Input     []byte `cbor:"2,keyasint,omitempty"` // plaintext, ciphertext, data or digest
	Mode      string `cbor:"3,keyasint,omitempty"` // encrypt, decrypt; sign, verify with RSA
	Hash      string `cbor:"4,keyasint,omitempty"`
	IV        []byte `cbor:"5,keyasint,omitempty"`  // encrypt, decrypt
	AD        []byte `cbor:"6,keyasint,omitempty"`  // encrypt, decrypt: GCM, CCM
	Tag       []byte `cbor:"7,keyasint,omitempty"`  // decrypt: GCM, CCM
	TagBits   int    `cbor:"8,keyasint,omitempty"`  // encrypt: GCM, CCM
	Label     []byte `cbor:"9,keyasint,omitempty"`  // encrypt, decrypt: OAEP
	Prehashed bool   `cbor:"10,keyasint,omitempty"` // sign, verify: Input is a digest
	Proof     []byte `cbor:"11,keyasint,omitempty"` // verify: signature; macverify: MAC
}

// Result is operations.Result.
type Result struct {
	Output []byte `cbor:"1,keyasint,omitempty"`
	IV     []byte `cbor:"2,keyasint,omitempty"`
	Tag    []byte `cbor:"3,keyasint,omitempty"`
	Valid  bool   `cbor:"4,keyasint,omitempty"`
	State  []byte `cbor:"-"` // no token keeps one
}

// NewOperation returns op for the wire; fault.Unsupported for one that the
// protocol has no word for.
func NewOperation(op operations.Operation) (Operation, error) {
	w := Operation{Name: operations.Name(op)}
	switch o := op.(type) {
	case operations.Encrypt:
		w.Mode, w.Hash, w.Input, w.IV = string(o.Mode), string(o.Hash), o.Plain, o.IV
		w.AD, w.TagBits, w.Label = o.AD, o.TagBits, o.Label
	case operations.Decrypt:
		w.Mode, w.Hash, w.Input, w.IV = string(o.Mode), string(o.Hash), o.Cipher, o.IV
		w.AD, w.Tag, w.Label = o.AD, o.Tag, o.Label
	case operations.Sign:
		w.Mode, w.Hash, w.Input, w.Prehashed = string(o.Mode), string(o.Hash), o.Input, o.Prehashed
	case operations.Verify:
		w.Mode, w.Hash, w.Input, w.Prehashed, w.Proof = string(o.Mode), string(o.Hash), o.Input, o.Prehashed, o.Signature
	case operations.MAC:
		w.Hash, w.Input = string(o.Hash), o.Data
	case operations.MACVerify:
		w.Hash, w.Input, w.Proof = string(o.Hash), o.Data, o.MAC
	default:
		return Operation{}, fault.New(fault.Unsupported, "the operation is not one that the gateway knows")
	}
	return w, nil
}

// Operation returns the domain's value; fault.Unsupported for a name, mode or
// hash that this end does not know, fault.Invalid for an absurd tag length.
func (w Operation) Operation() (operations.Operation, error) {
	mode, hash := operations.Mode(w.Mode), operations.Hash(w.Hash)
	if !knownMode(mode) || (hash != operations.NoHash && !slices.Contains(operations.Hashes(), hash)) {
		return nil, fault.New(fault.Unsupported, "the mode or hash is not one that the gateway knows")
	}
	if w.TagBits < 0 || w.TagBits > 128 {
		return nil, fault.New(fault.Invalid, "tag_len is not possible in this mode")
	}
	switch w.Name {
	case "encrypt":
		return operations.Encrypt{
			Mode: mode, Hash: hash, Plain: w.Input, IV: w.IV, AD: w.AD, TagBits: w.TagBits, Label: w.Label,
		}, nil
	case "decrypt":
		return operations.Decrypt{
			Mode: mode, Hash: hash, Cipher: w.Input, IV: w.IV, AD: w.AD, Tag: w.Tag, Label: w.Label,
		}, nil
	case "sign":
		return operations.Sign{Hash: hash, Mode: mode, Prehashed: w.Prehashed, Input: w.Input}, nil
	case "verify":
		return operations.Verify{Hash: hash, Mode: mode, Prehashed: w.Prehashed, Input: w.Input, Signature: w.Proof}, nil
	case "mac":
		return operations.MAC{Hash: hash, Data: w.Input}, nil
	case "macverify":
		return operations.MACVerify{Hash: hash, Data: w.Input, MAC: w.Proof}, nil
	default:
		return nil, fault.New(fault.Unsupported, "the operation is not one that the gateway knows")
	}
}

func knownMode(m operations.Mode) bool {
	switch m {
	case "", operations.ECB, operations.CBC, operations.CBCNoPad, operations.CTR, operations.GCM, operations.CCM,
		operations.KW, operations.KWP, operations.PKCS1v15, operations.OAEP, operations.PSS:
		return true
	default:
		return false
	}
}
