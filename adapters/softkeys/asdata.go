package softkeys

import (
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

// AsData returns the encryption that wraps material as w says, for another backend
// whose key does it. It is for the modes that wrap by encrypting: all but KW and KWP.
func AsData(w operations.Wrap, material secret.Value) operations.Encrypt {
	return operations.Encrypt{
		Mode: w.Mode, Hash: w.Hash, Plain: material.Reveal(reveal.Permit{}), IV: w.IV, AD: w.AD, TagBits: w.TagBits, Label: w.Label,
	}
}
