package softkeys

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"

	blockcmac "github.com/aead/cmac"
	cmac "github.com/tink-crypto/tink-go/v2/prf/subtle"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// hmacKey is a HMAC key (RFC 2104).
type hmacKey struct {
	noParts
	noWrapper
	raw []byte
}

func newHMAC(raw []byte) *hmacKey { return &hmacKey{raw: bytes.Clone(raw)} }

// minHMAC is the shortest HMAC key in bytes that protects anything: 112 bits
// (NIST SP 800-131A, section 10). Shorter ones, imported, verify only.
const minHMAC = 14

// facts tells as check value the first three bytes of the SHA-1 of the key, as
// PKCS#11 has it for generic secret keys; none for a key so short that it
// would help to guess the rest.
func (k *hmacKey) facts() facts {
	f := facts{size: 8 * len(k.raw)}
	if len(k.raw) >= minHMAC {
		sum := sha1.Sum(k.raw)
		f.kcv = checkValue(sum[:])
	}
	return f
}

func (k *hmacKey) form() ([]byte, error) { return bytes.Clone(k.raw), nil }

func (k *hmacKey) wipe() { clear(k.raw) }

func (k *hmacKey) derive(op operations.Operation, n int) ([]byte, operations.Result, error) {
	return derived(op, k.raw, n, nil)
}

func (k *hmacKey) operate(op operations.Operation) (operations.Result, error) {
	switch op := op.(type) {
	case operations.MAC:
		if len(k.raw) < minHMAC {
			return operations.Result{}, fault.New(fault.Unsupported, "HMAC keys shorter than %d bits only verify", 8*minHMAC)
		}
		mac, err := k.mac(op.Hash, op.Data)
		return operations.Result{Output: mac}, err
	case operations.MACVerify:
		mac, err := k.mac(op.Hash, op.Data)
		return operations.Result{Valid: err == nil && equalMAC(mac, op.MAC)}, err
	default:
		return operations.Result{}, misfit(op)
	}
}

func (k *hmacKey) mac(h operations.Hash, data []byte) ([]byte, error) {
	hash, err := hashOf(h)
	if err != nil {
		return nil, err
	}
	m := hmac.New(hash.New, k.raw)
	m.Write(data)
	return m.Sum(nil), nil
}

// equalMAC compares whole MACs in constant time; a truncated one is not equal.
func equalMAC(want, got []byte) bool { return hmac.Equal(want, got) }

// cmac returns the CMAC of data (NIST SP 800-38B). With DES3 the tag has its
// block's 8 bytes.
func (k *blockKey) cmac(data []byte) ([]byte, error) {
	if k.kind == keys.DES3 {
		mac, err := blockcmac.Sum(data, k.block, k.block.BlockSize())
		return mac, refused("making a CMAC", err)
	}
	prf, err := cmac.NewAESCMACPRF(k.raw)
	if err != nil {
		return nil, refused("making a CMAC", err)
	}
	mac, err := prf.ComputePRF(data, 16)
	return mac, refused("making a CMAC", err)
}
