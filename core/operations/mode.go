package operations

import "gatehouse/core/fault"

// Mode is a block-cipher mode or an RSA padding.
type Mode string

// The modes that Gatehouse carries.
const (
	ECB      Mode = "ECB"
	CBC      Mode = "CBC"      // with PKCS#7 padding (RFC 5652, 6.3)
	CBCNoPad Mode = "CBCNOPAD" // whole blocks only
	CTR      Mode = "CTR"
	GCM      Mode = "GCM"
	CCM      Mode = "CCM"
	KW       Mode = "KW"  // RFC 3394
	KWP      Mode = "KWP" // RFC 5649
	PKCS1v15 Mode = "PKCS1_V15"
	OAEP     Mode = "OAEP"
	PSS      Mode = "PSS"
)

// ivSizes are the lengths in bytes of the initialisation vectors of the modes that have one.
var ivSizes = map[Mode]int{CBC: 16, CBCNoPad: 16, CTR: 16, GCM: 12, CCM: 12}

// IVSize returns the length in bytes of the initialisation vector that a new
// encryption in mode m of a cipher with the given block size makes; 0 for modes without one.
func (m Mode) IVSize(block int) int {
	n := ivSizes[m]
	if n == 16 {
		return block
	}
	return n
}

// ParseCipherMode reads a block-cipher mode of the API: Unsupported for those
// that only the API knows, Invalid for what nobody knows.
func ParseCipherMode(s string) (Mode, error) {
	switch m := Mode(s); m {
	case ECB, CBC, CBCNoPad, CTR, GCM, CCM, KW, KWP:
		return m, nil
	case "CFB", "OFB", "FF1":
		return "", fault.New(fault.Unsupported, "mode %s is not supported", m)
	default:
		return "", fault.New(fault.Invalid, "mode is not one that the API knows")
	}
}

// Hash is a digest algorithm of the API.
type Hash string

// The digest algorithms that Gatehouse carries.
const (
	NoHash   Hash = ""
	SHA1     Hash = "SHA1"
	SHA224   Hash = "SHA224"
	SHA256   Hash = "SHA256"
	SHA384   Hash = "SHA384"
	SHA512   Hash = "SHA512"
	SHA3_224 Hash = "SHA3_224"
	SHA3_256 Hash = "SHA3_256"
	SHA3_384 Hash = "SHA3_384"
	SHA3_512 Hash = "SHA3_512"
)

var hashSizes = map[Hash]int{
	SHA1: 20, SHA224: 28, SHA256: 32, SHA384: 48, SHA512: 64,
	SHA3_224: 28, SHA3_256: 32, SHA3_384: 48, SHA3_512: 64,
}

// Hashes lists the digest algorithms that Gatehouse carries.
func Hashes() []Hash {
	return []Hash{SHA1, SHA224, SHA256, SHA384, SHA512, SHA3_224, SHA3_256, SHA3_384, SHA3_512}
}

// Size returns the length of h's digest in bytes; 0 for NoHash.
func (h Hash) Size() int { return hashSizes[h] }

// ParseHash reads a digest algorithm: Unsupported for those that only the API
// knows, Invalid for what nobody knows.
func ParseHash(s string) (Hash, error) {
	if _, ok := hashSizes[Hash(s)]; ok {
		return Hash(s), nil
	}
	switch s {
	case "BLAKE2B256", "BLAKE2B384", "BLAKE2B512", "BLAKE2S256", "RIPEMD160", "SSL3", "STREEBOG256", "STREEBOG512":
		return "", fault.New(fault.Unsupported, "digest algorithm %s is not supported", s)
	}
	return "", fault.New(fault.Invalid, "digest algorithm is not one that the API knows")
}
