// Package operations holds one sum type for every cryptographic call that
// Gatehouse carries, from the REST decoder to the token, and one for its result.
//
// Byte slices in an operation belong to it: nobody changes them on the way.
package operations

import (
	"gatehouse/core/keys"
)

// Operation is one of Encrypt, Decrypt, Sign, Verify, MAC, MACVerify, and, with
// a second key in the play, Wrap, Unwrap, Agree, Derive, Encapsulate and
// Decapsulate; and Begin, Continue and Finish, of a message in parts.
type Operation interface {
	// Needs returns the key_ops that the key must have.
	Needs() keys.Ops
	// check reports what is wrong with the operation for a key of this kind;
	// being unexported it also closes the sum.
	check(keys.Key) error
}

// Result is what an operation returns; which fields are set depends on the operation.
type Result struct {
	Output []byte // ciphertext, plaintext, signature, MAC, wrapped or encapsulated key
	IV     []byte // Encrypt, Wrap: the initialisation vector used, for modes that have one
	Tag    []byte // Encrypt, Wrap: the tag of GCM and CCM
	Valid  bool   // Verify, MACVerify
	State  []byte // Begin, Continue: for the next part
}

// Encrypt protects a plaintext.
type Encrypt struct {
	Mode    Mode
	Hash    Hash // OAEP: digest and MGF1 hash
	Plain   []byte
	IV      []byte // empty: the backend makes a random one
	AD      []byte // GCM, CCM
	TagBits int    // GCM, CCM; 0 means 128
	Label   []byte // OAEP
}

// Decrypt is the reverse of Encrypt.
type Decrypt struct {
	Mode   Mode
	Hash   Hash
	Cipher []byte
	IV     []byte
	AD     []byte
	Tag    []byte
	Label  []byte
}

// Sign signs data, or a digest that the caller made of it. Exactly one of Data
// and Digest is set; a digest of empty data is a Digest, so both may be empty
// only when Prehashed is false.
//
// The signature is in the form that the API answers with: for ECDSA the DER
// SEQUENCE of r and s (RFC 3279, 2.2.3), not PKCS#11's r||s; for Ed25519 the 64
// bytes of RFC 8032; for RSA the string of the modulus' length.
type Sign struct {
	Hash      Hash // none for Ed25519 and ML-DSA
	Mode      Mode // RSA: PKCS1v15 or PSS (salt as long as the hash); empty for EC
	Prehashed bool // Input is a digest made with Hash
	Input     []byte
	Context   []byte // ML-DSA (FIPS 204, 5.2): at most 255 bytes
}

// Verify checks a signature.
type Verify struct {
	Hash      Hash
	Mode      Mode
	Prehashed bool
	Input     []byte
	Signature []byte
	Context   []byte // ML-DSA
}

// MAC authenticates data: HMAC with Hash, or CMAC for AES and DES3 keys (Hash empty).
type MAC struct {
	Hash Hash
	Data []byte
}

// MACVerify checks a MAC.
type MACVerify struct {
	Hash Hash
	Data []byte
	MAC  []byte
}

// Needs returns OpEncrypt.
func (Encrypt) Needs() keys.Ops { return keys.OpEncrypt }

// Needs returns OpDecrypt.
func (Decrypt) Needs() keys.Ops { return keys.OpDecrypt }

// Needs returns OpSign.
func (Sign) Needs() keys.Ops { return keys.OpSign }

// Needs returns OpVerify.
func (Verify) Needs() keys.Ops { return keys.OpVerify }

// Needs returns OpMAC.
func (MAC) Needs() keys.Ops { return keys.OpMAC }

// Needs returns OpMACVerify.
func (MACVerify) Needs() keys.Ops { return keys.OpMACVerify }

// Name returns the operation's name for audit records and metrics.
func Name(op Operation) string {
	switch o := op.(type) {
	case Encrypt:
		return "encrypt"
	case Decrypt:
		return "decrypt"
	case Sign:
		return "sign"
	case Verify:
		return "verify"
	case MAC:
		return "mac"
	case MACVerify:
		return "macverify"
	case Wrap:
		return "wrap"
	case Unwrap:
		return "unwrap"
	case Agree:
		return "agree"
	case Derive:
		return "derive"
	case Encapsulate:
		return "encapsulate"
	case Decapsulate:
		return "decapsulate"
	case Begin:
		return partName(o.Decrypt, "init")
	case Continue:
		return partName(o.Decrypt, "update")
	case Finish:
		return partName(o.Decrypt, "final")
	default:
		return "unknown"
	}
}

func partName(decrypt bool, part string) string {
	if decrypt {
		return "decrypt " + part
	}
	return "encrypt " + part
}
