package restapi

import (
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// cryptMode reads the mode of an encryption or decryption with key k.
//
// Where the request names none it is the default by the key's policy. A block
// cipher's key whose policy names none has no default: the API leaves mode out of
// its required fields only because RSA has one.
func cryptMode(m *dsmwire.Mode, k keys.Key) (operations.Mode, operations.Hash, error) {
	rsa := k.Type == keys.RSA
	switch {
	case m == nil:
		return operations.DefaultCipher(k) // of no mode the operation's check refuses it, with the key's type in hand
	case m.IsPadding() != rsa:
		return "", operations.NoHash, fault.New(fault.Invalid, "mode does not fit a key of type %s", k.Type)
	case !rsa:
		mode, err := operations.ParseCipherMode(m.Name)
		return mode, operations.NoHash, err
	}
	switch m.Name {
	case dsmwire.OAEP:
		h, err := operations.ParseHash(m.Hash)
		return operations.OAEP, h, err
	case dsmwire.PKCS1v15:
		return operations.PKCS1v15, operations.NoHash, nil
	case dsmwire.RawDecrypt:
		return "", operations.NoHash, fault.New(fault.Unsupported, "mode RAW_DECRYPT is not supported")
	default:
		return "", operations.NoHash, fault.New(fault.Invalid, "mode is not a padding for RSA encryption")
	}
}

// signatureMode reads the mode of a signature with key k over a digest by h, or
// takes the default by the key's policy. PSS has one hash: other hashes for its
// mask are refused, because most tokens would have to refuse them.
func signatureMode(m *dsmwire.Mode, h operations.Hash, k keys.Key) (operations.Mode, error) {
	if m == nil {
		mode, mask, err := operations.DefaultSignature(k, h)
		if err == nil && mode == operations.PSS {
			err = oneHash(mask, h)
		}
		return mode, err
	}
	switch {
	case k.Type == keys.MLDSA && m.Name == dsmwire.Pure:
		return "", nil
	case k.Type == keys.MLDSA && m.IsVariant():
		return "", fault.New(fault.Unsupported, "ML-DSA signs data itself (PURE); %s is not supported", m.Name)
	case k.Type != keys.RSA:
		return "", fault.New(fault.Invalid, "mode is for RSA only")
	}
	switch m.Name {
	case dsmwire.PKCS1v15:
		return operations.PKCS1v15, nil
	case dsmwire.PSS:
		mask, err := operations.ParseHash(m.Hash)
		if err == nil {
			err = oneHash(mask, h)
		}
		return operations.PSS, err
	default:
		return "", fault.New(fault.Invalid, "mode is not a padding for RSA signatures")
	}
}

// oneHash refuses PSS with two hashes.
func oneHash(mask, h operations.Hash) error {
	if mask != h {
		return fault.New(fault.Unsupported, "PSS with another hash for its mask than hash_alg is not supported")
	}
	return nil
}

// signatureHash reads hash_alg. Ed25519 hashes by itself, with SHA-512
// (RFC 8032, 5.1): naming another hash is a mistake.
func signatureHash(s string, k keys.Key) (operations.Hash, error) {
	if s == "" {
		return operations.NoHash, nil
	}
	h, err := operations.ParseHash(s)
	if err != nil || k.Curve != keys.Ed25519 {
		return h, err
	}
	if h != operations.SHA512 {
		return "", fault.New(fault.Invalid, "hash_alg of an Ed25519 signature is SHA512, or left out")
	}
	return operations.NoHash, nil
}

// checkAlg refuses an alg that is not the one of key k.
func checkAlg(alg string, k keys.Key) error {
	if alg == string(k.Type) {
		return nil
	}
	if _, err := keys.ParseType(alg); err != nil {
		if fault.KindOf(err) == fault.Invalid {
			return fault.New(fault.Invalid, "alg is not one that the API knows")
		}
	}
	return fault.New(fault.Invalid, "alg does not fit a key of type %s", k.Type)
}
