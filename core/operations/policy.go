package operations

import (
	"gatehouse/core/fault"
	"gatehouse/core/keys"
)

// Permit reports, as Denied, that the policy of key k forbids the mode of op: it
// is not the one that the key is for, or ECB, which a policy has to name.
func Permit(op Operation, k keys.Key) error {
	if k.Type != keys.AES && k.Type != keys.DES3 {
		return nil
	}
	m := cipherMode(op)
	switch only := Mode(k.Cipher.Mode); {
	case m == "" || m == only:
		return nil
	case only != "":
		return fault.New(fault.Denied, "mode %s is not permitted by the key's policy, which is for %s", m, only)
	case m == ECB:
		return fault.New(fault.Denied, "mode %s is not permitted by the key's policy", m)
	default:
		return nil
	}
}

// cipherMode returns the mode that op uses a block cipher in; empty where it
// uses none, or goes on in the one that it began in.
func cipherMode(op Operation) Mode {
	switch o := op.(type) {
	case Encrypt:
		return o.Mode
	case Decrypt:
		return o.Mode
	case Wrap:
		return o.Mode
	case Unwrap:
		return o.Mode
	case Begin:
		return o.Mode
	case Derive:
		if by, ok := o.By.(EncryptData); ok {
			return by.Encryption.Mode
		}
	}
	return ""
}
