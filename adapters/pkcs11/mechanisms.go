package pkcs11

import (
	"crypto"
	_ "crypto/sha1" // the digests that crypto.Hash makes
	_ "crypto/sha256"
	_ "crypto/sha3"
	_ "crypto/sha512"

	"github.com/miekg/pkcs11"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// hashing is what a digest algorithm is called, in Go and in mechanisms.
type hashing struct {
	hash              crypto.Hash
	digest, mgf, hmac uint
}

// CKG_MGF1_SHA3_… of PKCS#11 v3.0.
const (
	ckgMGF1SHA3_224 = 6 + iota
	ckgMGF1SHA3_256
	ckgMGF1SHA3_384
	ckgMGF1SHA3_512
)

var hashes = map[operations.Hash]hashing{
	operations.SHA1:     {crypto.SHA1, pkcs11.CKM_SHA_1, pkcs11.CKG_MGF1_SHA1, pkcs11.CKM_SHA_1_HMAC},
	operations.SHA224:   {crypto.SHA224, pkcs11.CKM_SHA224, pkcs11.CKG_MGF1_SHA224, pkcs11.CKM_SHA224_HMAC},
	operations.SHA256:   {crypto.SHA256, pkcs11.CKM_SHA256, pkcs11.CKG_MGF1_SHA256, pkcs11.CKM_SHA256_HMAC},
	operations.SHA384:   {crypto.SHA384, pkcs11.CKM_SHA384, pkcs11.CKG_MGF1_SHA384, pkcs11.CKM_SHA384_HMAC},
	operations.SHA512:   {crypto.SHA512, pkcs11.CKM_SHA512, pkcs11.CKG_MGF1_SHA512, pkcs11.CKM_SHA512_HMAC},
	operations.SHA3_224: {crypto.SHA3_224, pkcs11.CKM_SHA3_224, ckgMGF1SHA3_224, pkcs11.CKM_SHA3_224_HMAC},
	operations.SHA3_256: {crypto.SHA3_256, pkcs11.CKM_SHA3_256, ckgMGF1SHA3_256, pkcs11.CKM_SHA3_256_HMAC},
	operations.SHA3_384: {crypto.SHA3_384, pkcs11.CKM_SHA3_384, ckgMGF1SHA3_384, pkcs11.CKM_SHA3_384_HMAC},
	operations.SHA3_512: {crypto.SHA3_512, pkcs11.CKM_SHA3_512, ckgMGF1SHA3_512, pkcs11.CKM_SHA3_512_HMAC},
}

func hsmMechanism(op string, t keys.Type, mode operations.Mode, h operations.Hash) hsm.Mechanism {
	return hsm.Mechanism{Operation: op, Type: t, Mode: mode, Hash: h}
}
