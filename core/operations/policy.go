package operations

import (
	"gatehouse/core/fault"
	"gatehouse/core/keys"
)

// Permit reports, as Denied, that the policy of key k forbids how op would be
// done: in another mode than the one that the key is for, in ECB, which a policy
// has to name, with an initialisation vector that is given where it must be
// random, or with a padding that no rule allows.
func Permit(op Operation, k keys.Key) error {
	switch k.Type {
	case keys.RSA:
		return permitPadding(op, k)
	case keys.AES, keys.DES3:
		return permitCipher(op, k)
	default:
		return nil // no other key has a policy of this kind
	}
}

func permitCipher(op Operation, k keys.Key) error {
	m, given := cipherMode(op)
	switch only := Mode(k.Cipher.Mode); {
	case m == "":
		return nil
	case only != "" && m != only:
		return fault.New(fault.Denied, "mode %s is not permitted by the key's policy, which is for %s", m, only)
	case only == "" && m == ECB:
		return fault.New(fault.Denied, "mode %s is not permitted by the key's policy", m)
	case given && k.Cipher.RandomIV:
		return fault.New(fault.Denied, "iv is not permitted by the key's policy, which wants a random one")
	default:
		return nil
	}
}

// cipherMode returns the mode that op uses a block cipher in; empty where it
// uses none, or goes on in the one that it began in. Given tells whether op
// protects something with an initialisation vector of its caller's choice.
func cipherMode(op Operation) (m Mode, given bool) {
	switch o := op.(type) {
	case Encrypt:
		return o.Mode, len(o.IV) != 0
	case Decrypt:
		return o.Mode, false
	case Wrap:
		return o.Mode, len(o.IV) != 0
	case Unwrap:
		return o.Mode, false
	case Begin:
		return o.Mode, !o.Decrypt && len(o.IV) != 0
	case Derive:
		if by, ok := o.By.(EncryptData); ok {
			return by.Encryption.Mode, len(by.Encryption.IV) != 0
		}
	}
	return "", false
}
