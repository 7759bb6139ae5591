package tokensim

import (
	"crypto"
	"crypto/hmac"
	_ "crypto/sha1"   // linked for crypto.SHA1.New
	_ "crypto/sha256" // linked for crypto.SHA224.New and crypto.SHA256.New
	_ "crypto/sha3"   // linked for crypto.SHA3_256.New and its like
	_ "crypto/sha512" // linked for crypto.SHA384.New and crypto.SHA512.New
	"hash"

	"gatehouse/core/operations"
)

var hashes = map[operations.Hash]crypto.Hash{
	operations.SHA1: crypto.SHA1, operations.SHA224: crypto.SHA224, operations.SHA256: crypto.SHA256,
	operations.SHA384: crypto.SHA384, operations.SHA512: crypto.SHA512, operations.SHA3_224: crypto.SHA3_224,
	operations.SHA3_256: crypto.SHA3_256, operations.SHA3_384: crypto.SHA3_384, operations.SHA3_512: crypto.SHA3_512,
}

func goHash(h operations.Hash) crypto.Hash { return hashes[h] }

// newHash returns a new digest of an algorithm that operations.Check let through.
func newHash(h operations.Hash) hash.Hash { return hashes[h].New() }

func sum(h operations.Hash, data []byte) []byte {
	d := newHash(h)
	d.Write(data)
	return d.Sum(nil)
}

func (o *object) hmac(h operations.Hash, data []byte) []byte {
	d := hmac.New(func() hash.Hash { return newHash(h) }, o.secret)
	d.Write(data)
	return d.Sum(nil)
}

func (o *object) checkHMAC(op operations.MACVerify) bool {
	return hmac.Equal(op.MAC, o.hmac(op.Hash, op.Data))
}
