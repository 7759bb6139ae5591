package operations

import (
	"slices"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
)

// rawDecrypt is a padding that the API alone has: none at all.
const rawDecrypt = "RAW_DECRYPT"

// ParseEncryptionRule reads a rule of an RSA key's encryption policy: a padding,
// or none for every one, and the hash of its mask generation function, or none
// for every one. Unsupported for what only the API knows, Invalid for what nobody knows.
func ParseEncryptionRule(padding, hash string) (keys.PaddingRule, error) {
	if padding == rawDecrypt {
		return keys.PaddingRule{}, fault.New(fault.Unsupported, "encryption_policy: padding %s is not supported", rawDecrypt)
	}
	return parseRule("encryption_policy", padding, hash, OAEP)
}

// ParseSignatureRule is ParseEncryptionRule for the signature policy.
func ParseSignatureRule(padding, hash string) (keys.PaddingRule, error) {
	return parseRule("signature_policy", padding, hash, PSS)
}

// parseRule reads a rule of a policy whose paddings are PKCS #1 v1.5 and one with
// a mask generation function.
func parseRule(field, padding, hash string, masked Mode) (keys.PaddingRule, error) {
	switch m := Mode(padding); {
	case m != "" && m != PKCS1v15 && m != masked:
		return keys.PaddingRule{}, fault.New(fault.Invalid, "%s: padding must be %s or %s", field, masked, PKCS1v15)
	case hash == "":
	case m != masked:
		return keys.PaddingRule{}, fault.New(fault.Invalid, "%s: mgf is for %s only", field, masked)
	default:
		if _, err := ParseHash(hash); err != nil {
			return keys.PaddingRule{}, err
		}
	}
	return keys.PaddingRule{Padding: padding, Hash: hash}, nil
}

// DefaultCipher returns how key k encrypts, wraps and undoes both where a request
// does not say: an RSA key as the first rule of its encryption policy has it, and
// with OAEP and SHA-256 as far as that leaves it open; any other key in the mode
// that it is for, or in none. Denied where the policy allows nothing.
func DefaultCipher(k keys.Key) (Mode, Hash, error) {
	if k.Type != keys.RSA {
		return Mode(k.Cipher.Mode), NoHash, nil
	}
	first, err := firstRule(k.Paddings.Encryption, "encryption_policy")
	switch {
	case err != nil:
		return "", NoHash, err
	case Mode(first.Padding) == PKCS1v15:
		return PKCS1v15, NoHash, nil
	case first.Hash == "":
		return OAEP, SHA256, nil
	default:
		return OAEP, Hash(first.Hash), nil
	}
}

// DefaultSignature returns how key k signs a digest by h where a request does not
// say, and the hash of the mask generation function: an RSA key as the first rule
// of its signature policy has it, with h for the mask where that leaves it open.
// Where it leaves all open the padding is PKCS #1 v1.5: every HSM has it, and
// what verifies a signature without being told a padding expects it. Denied where
// the policy allows nothing.
func DefaultSignature(k keys.Key, h Hash) (padding Mode, mask Hash, err error) {
	if k.Type != keys.RSA {
		return "", NoHash, nil
	}
	first, err := firstRule(k.Paddings.Signature, "signature_policy")
	switch {
	case err != nil:
		return "", NoHash, err
	case Mode(first.Padding) != PSS:
		return PKCS1v15, NoHash, nil
	case first.Hash == "":
		return PSS, h, nil
	default:
		return PSS, Hash(first.Hash), nil
	}
}

func firstRule(p keys.PaddingPolicy, field string) (keys.PaddingRule, error) {
	rules := p.Said().Rules
	if len(rules) == 0 {
		return keys.PaddingRule{}, fault.New(fault.Denied, "the key's %s permits no padding", field)
	}
	return rules[0], nil
}

// permitPadding reports, as Denied, that the policy of the RSA key k forbids the
// padding of op.
func permitPadding(op Operation, k keys.Key) error {
	switch o := op.(type) {
	case Encrypt:
		return allowed(k.Paddings.Encryption, "encryption_policy", o.Mode, o.Hash)
	case Decrypt:
		return allowed(k.Paddings.Encryption, "encryption_policy", o.Mode, o.Hash)
	case Wrap:
		return allowed(k.Paddings.Encryption, "encryption_policy", o.Mode, o.Hash)
	case Unwrap:
		return allowed(k.Paddings.Encryption, "encryption_policy", o.Mode, o.Hash)
	case Sign:
		return allowed(k.Paddings.Signature, "signature_policy", o.Mode, o.Hash)
	case Verify:
		return allowed(k.Paddings.Signature, "signature_policy", o.Mode, o.Hash)
	default:
		return nil // nothing else is done with an RSA key
	}
}

// allowed reports as Denied that no rule of p allows a padding, whose mask
// generation function has the hash h: of OAEP it is the same as the label's, of
// PSS the same as the data's.
func allowed(p keys.PaddingPolicy, field string, m Mode, h Hash) error {
	if slices.ContainsFunc(p.Said().Rules, func(r keys.PaddingRule) bool {
		return r.Padding == "" || Mode(r.Padding) == m && (r.Hash == "" || Hash(r.Hash) == h)
	}) {
		return nil
	}
	if m == PKCS1v15 {
		return fault.New(fault.Denied, "padding %s is not permitted by the key's %s", m, field)
	}
	return fault.New(fault.Denied, "padding %s with %s is not permitted by the key's %s", m, h, field)
}
