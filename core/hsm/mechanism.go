package hsm

import (
	"slices"

	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// MechanismFor returns the mechanism that op needs with a key of type t, as a
// token that does the whole of it would list it.
func MechanismFor(op operations.Operation, t keys.Type) Mechanism {
	m := Mechanism{Operation: operations.Name(op), Type: t}
	switch o := op.(type) {
	case operations.Encrypt:
		m.Mode, m.Hash = o.Mode, o.Hash
	case operations.Decrypt:
		m.Mode, m.Hash = o.Mode, o.Hash
	case operations.Sign:
		m.Mode, m.Hash = o.Mode, o.Hash
	case operations.Verify:
		m.Mode, m.Hash = o.Mode, o.Hash
	case operations.MAC:
		m.Hash = o.Hash
	case operations.MACVerify:
		m.Hash = o.Hash
	case operations.Wrap:
		m.Mode, m.Hash = o.Mode, o.Hash
	case operations.Unwrap:
		m.Mode, m.Hash = o.Mode, o.Hash
	case operations.Derive:
		switch by := o.By.(type) {
		case operations.EncryptData:
			m.Mode = by.Encryption.Mode
		case operations.HKDF:
			m.Hash = by.Hash
		}
	}
	return m
}

// Lists reports whether m is listed: as it is, or without its hash, so that a
// digest made outside the token may do.
func (c Capabilities) Lists(m Mechanism) bool {
	if slices.Contains(c.Mechanisms, m) {
		return true
	}
	m.Hash = operations.NoHash
	return slices.Contains(c.Mechanisms, m)
}

// Makes reports whether keys of type t and the given size in bits can be made.
func (c Capabilities) Makes(t keys.Type, bits int) bool {
	return slices.ContainsFunc(c.Generate, func(g GenerateCapability) bool {
		return g.Type == t && (g.MinBits == 0 || bits >= g.MinBits) && (g.MaxBits == 0 || bits <= g.MaxBits)
	})
}
