package restapi

import (
	"context"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"hash"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/operations"
)

// digest needs no key: whoever is known may ask.
func digest(_ context.Context, c *call[dsmwire.DigestRequest]) (dsmwire.DigestResponse, error) {
	if c.Body.Alg == "" {
		return dsmwire.DigestResponse{}, missing("alg")
	}
	alg, err := operations.ParseHash(c.Body.Alg)
	if err != nil {
		return dsmwire.DigestResponse{}, err
	}
	if c.Body.Data == nil {
		return dsmwire.DigestResponse{}, missing("data")
	}
	h := newHash(alg)
	if h == nil {
		return dsmwire.DigestResponse{}, fault.New(fault.Unsupported, "digest algorithm %s is not supported", alg)
	}
	h.Write(c.Body.Data)
	return dsmwire.DigestResponse{Digest: h.Sum(nil)}, nil
}

func newHash(h operations.Hash) hash.Hash {
	switch h {
	case operations.SHA1:
		return sha1.New()
	case operations.SHA224:
		return sha256.New224()
	case operations.SHA256:
		return sha256.New()
	case operations.SHA384:
		return sha512.New384()
	case operations.SHA512:
		return sha512.New()
	case operations.SHA3_224:
		return sha3.New224()
	case operations.SHA3_256:
		return sha3.New256()
	case operations.SHA3_384:
		return sha3.New384()
	case operations.SHA3_512:
		return sha3.New512()
	case operations.NoHash:
		return nil
	default:
		return nil
	}
}

// maxRandom is how many random bytes one request gets.
const maxRandom = 64 << 10

// random makes random bytes with the operating system's generator. The API has
// no such call; this is Gatehouse's own.
func random(_ context.Context, c *call[dsmwire.RandomRequest]) (dsmwire.RandomResponse, error) {
	if c.Body.Size < 1 || c.Body.Size > maxRandom {
		return dsmwire.RandomResponse{}, fault.New(fault.Invalid, "size must be 1 to %d bytes", maxRandom)
	}
	b := make([]byte, c.Body.Size)
	_, _ = rand.Read(b) // never fails
	return dsmwire.RandomResponse{Random: b}, nil
}
