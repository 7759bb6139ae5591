package softkeys

import (
	"crypto"
	_ "crypto/sha1"   // every algorithm of hashes must be linked in
	_ "crypto/sha256" // as above
	_ "crypto/sha3"   // as above
	_ "crypto/sha512" // as above

	"gatehouse/core/fault"
	"gatehouse/core/operations"
)

// hashOf returns the standard library's name for h.
func hashOf(h operations.Hash) (crypto.Hash, error) {
	switch h {
	case operations.SHA1:
		return crypto.SHA1, nil
	case operations.SHA224:
		return crypto.SHA224, nil
	case operations.SHA256:
		return crypto.SHA256, nil
	case operations.SHA384:
		return crypto.SHA384, nil
	case operations.SHA512:
		return crypto.SHA512, nil
	case operations.SHA3_224:
		return crypto.SHA3_224, nil
	case operations.SHA3_256:
		return crypto.SHA3_256, nil
	case operations.SHA3_384:
		return crypto.SHA3_384, nil
	case operations.SHA3_512:
		return crypto.SHA3_512, nil
	case operations.NoHash:
		return 0, fault.New(fault.Internal, "an operation without the hash that it needs")
	default:
		return 0, fault.New(fault.Unsupported, "digest algorithm %s is not supported in an ordinary group", h)
	}
}

// digest returns the hash and the digest that a signature is made of.
func digest(h operations.Hash, prehashed bool, input []byte) (crypto.Hash, []byte, error) {
	hash, err := hashOf(h)
	if err != nil || prehashed {
		return hash, input, err
	}
	d := hash.New()
	d.Write(input)
	return hash, d.Sum(nil), nil
}
