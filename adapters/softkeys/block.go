package softkeys

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/rand"
	"encoding/hex"
	"math/bits"
	"strings"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// blockKey is an AES or DES3 key.
type blockKey struct {
	kind  keys.Type
	raw   []byte
	block cipher.Block
	gcm   cipher.AEAD // AES, with the usual sizes of IV and tag
}

func newAES(raw []byte) (key, error) {
	switch len(raw) {
	case 16, 24, 32:
	default:
		return nil, fault.New(fault.Invalid, "value of an AES key must be 16, 24 or 32 bytes")
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, refused("making an AES cipher", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, refused("making an AES-GCM cipher", err)
	}
	return &blockKey{kind: keys.AES, raw: bytes.Clone(raw), block: block, gcm: gcm}, nil
}

// newDES3 takes two or three DES keys (NIST SP 800-67, 3.1), 112 or 168 bits
// without parity. Keys of which two neighbours are equal are single DES and refused.
func newDES3(raw []byte) (key, error) {
	if len(raw) != 16 && len(raw) != 24 {
		return nil, fault.New(fault.Invalid, "value of a DES3 key must be 16 or 24 bytes")
	}
	for i := 8; i < len(raw); i += 8 {
		if equalDES(raw[i-8:i], raw[i:i+8]) {
			return nil, fault.New(fault.Invalid, "value of a DES3 key must not repeat a part: that would be DES")
		}
	}
	three := append(bytes.Clone(raw), raw[:24-len(raw)]...)
	defer clear(three)
	block, err := des.NewTripleDESCipher(three)
	if err != nil {
		return nil, refused("making a DES3 cipher", err)
	}
	return &blockKey{kind: keys.DES3, raw: bytes.Clone(raw), block: block}, nil
}

// equalDES compares two DES keys without their parity bits.
func equalDES(a, b []byte) bool {
	var differ byte
	for i := range a {
		differ |= (a[i] ^ b[i]) &^ 1
	}
	return differ == 0
}

// randomDES3 makes DES keys of odd parity, which some HSMs insist on.
func randomDES3(size int) []byte {
	raw := randomBytes(size / 7)
	for i, b := range raw {
		raw[i] = b&^1 | byte(bits.OnesCount8(b&^1)&1^1)
	}
	return raw
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	return b
}

// facts tells the size without parity bits, and as check values the first three
// bytes of a block of zeros encrypted, as PKCS#11 and the payment world have it,
// and the first five of its CMAC (ANSI X9.24-1, annex A).
func (k *blockKey) facts() facts {
	size := 8 * len(k.raw)
	if k.kind == keys.DES3 {
		size = 7 * len(k.raw)
	}
	zero := make([]byte, k.block.BlockSize())
	k.block.Encrypt(zero, zero)
	f := facts{size: size, kcv: checkValue(zero)}
	if len(k.raw) != 16 || k.kind == keys.AES { // the API has none for DES3 of two keys
		if mac, err := k.cmac(make([]byte, k.block.BlockSize())); err == nil {
			f.kcvCMAC = strings.ToUpper(hex.EncodeToString(mac[:5]))
		}
	}
	return f
}

func checkValue(b []byte) string { return strings.ToUpper(hex.EncodeToString(b[:3])) }

func (k *blockKey) form() ([]byte, error) { return bytes.Clone(k.raw), nil }

func (k *blockKey) wipe() { clear(k.raw) }

func (k *blockKey) derive(op operations.Operation, n int) ([]byte, operations.Result, error) {
	return derived(op, k.raw, n, k.encrypt)
}

func (k *blockKey) operate(op operations.Operation) (operations.Result, error) {
	switch op := op.(type) {
	case operations.Encrypt:
		return k.encrypt(op)
	case operations.Decrypt:
		return k.decrypt(op)
	case operations.MAC:
		mac, err := k.cmac(op.Data)
		return operations.Result{Output: mac}, err
	case operations.MACVerify:
		mac, err := k.cmac(op.Data)
		return operations.Result{Valid: err == nil && equalMAC(mac, op.MAC)}, err
	default:
		return operations.Result{}, misfit(op)
	}
}

// encrypt does op. An IV that the caller leaves out is random. For GCM that
// bounds the messages under one key to 2^32 (NIST SP 800-38D, 8.3).
func (k *blockKey) encrypt(op operations.Encrypt) (operations.Result, error) {
	switch op.Mode {
	case operations.GCM, operations.CCM:
		return k.sealAEAD(op)
	case operations.ECB, operations.CBC, operations.CBCNoPad, operations.CTR:
	default:
		return operations.Result{}, misfit(op)
	}
	size := k.block.BlockSize()
	iv := bytes.Clone(op.IV)
	if len(iv) == 0 && op.Mode.IVSize(size) != 0 {
		iv = randomBytes(op.Mode.IVSize(size))
	}
	out := make([]byte, len(op.Plain), len(op.Plain)+size)
	copy(out, op.Plain)
	switch op.Mode {
	case operations.ECB:
		for b := out; len(b) > 0; b = b[size:] {
			k.block.Encrypt(b[:size], b[:size])
		}
	case operations.CBC:
		out = pad(out, size)
		cipher.NewCBCEncrypter(k.block, iv).CryptBlocks(out, out)
	case operations.CBCNoPad:
		cipher.NewCBCEncrypter(k.block, iv).CryptBlocks(out, out)
	default: // CTR
		cipher.NewCTR(k.block, iv).XORKeyStream(out, out)
	}
	return operations.Result{Output: out, IV: iv}, nil
}

func (k *blockKey) decrypt(op operations.Decrypt) (operations.Result, error) {
	size := k.block.BlockSize()
	out := make([]byte, len(op.Cipher))
	switch op.Mode {
	case operations.GCM, operations.CCM:
		return k.openAEAD(op)
	case operations.ECB:
		for i := 0; i < len(out); i += size {
			k.block.Decrypt(out[i:i+size], op.Cipher[i:i+size])
		}
	case operations.CBC:
		cipher.NewCBCDecrypter(k.block, op.IV).CryptBlocks(out, op.Cipher)
		plain, ok := unpad(out, size)
		if !ok {
			clear(out)
			return operations.Result{}, operations.DecryptRefused(nil)
		}
		out = plain
	case operations.CBCNoPad:
		cipher.NewCBCDecrypter(k.block, op.IV).CryptBlocks(out, op.Cipher)
	case operations.CTR:
		cipher.NewCTR(k.block, op.IV).XORKeyStream(out, op.Cipher)
	default:
		return operations.Result{}, misfit(op)
	}
	return operations.Result{Output: out}, nil
}
