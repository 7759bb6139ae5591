package softkeys

import (
	"crypto/cipher"
	"crypto/rand"

	"github.com/pion/dtls/v3/pkg/crypto/ccm"

	"gatehouse/core/fault"
	"gatehouse/core/operations"
)

const (
	usualIV  = 12 // bytes
	usualTag = 16 // bytes
)

// sealAEAD encrypts with GCM or CCM; IV, ciphertext and tag share one allocation.
func (k *blockKey) sealAEAD(op operations.Encrypt) (operations.Result, error) {
	ivSize, tagSize := len(op.IV), op.TagBits/8
	if ivSize == 0 {
		ivSize = op.Mode.IVSize(k.block.BlockSize())
	}
	if tagSize == 0 {
		tagSize = usualTag
	}
	aead, err := k.aead(op.Mode, ivSize, tagSize, len(op.Plain))
	if err != nil {
		return operations.Result{}, err
	}
	out := make([]byte, ivSize, ivSize+len(op.Plain)+tagSize)
	if copy(out, op.IV) == 0 {
		_, _ = rand.Read(out) // never fails: crypto/rand ends the process instead
	}
	out = aead.Seal(out, out[:ivSize:ivSize], op.Plain, op.AD)
	end := ivSize + len(op.Plain)
	return operations.Result{IV: out[:ivSize:ivSize], Output: out[ivSize:end:end], Tag: out[end:]}, nil
}

func (k *blockKey) openAEAD(op operations.Decrypt) (operations.Result, error) {
	aead, err := k.aead(op.Mode, len(op.IV), len(op.Tag), len(op.Cipher))
	if err != nil {
		return operations.Result{}, err
	}
	sealed := make([]byte, 0, len(op.Cipher)+len(op.Tag))
	sealed = append(append(sealed, op.Cipher...), op.Tag...)
	plain, err := aead.Open(sealed[:0], op.IV, sealed, op.AD)
	if err != nil {
		return operations.Result{}, operations.DecryptRefused(err)
	}
	return operations.Result{Output: plain}, nil
}

// aead returns the cipher for these sizes in bytes. The standard library has
// GCM with tags of 12 to 16 bytes and with IVs of any length, not with both
// unusual at once; what it has not is refused rather than put together here.
func (k *blockKey) aead(m operations.Mode, iv, tag, input int) (cipher.AEAD, error) {
	if m == operations.CCM {
		c, err := ccm.NewCCM(k.block, tag, iv)
		if err != nil {
			return nil, refused("making an AES-CCM cipher", err)
		}
		if input > c.MaxLength() {
			return nil, fault.New(fault.Invalid, "input is longer than this mode takes with an iv of %d bytes", iv)
		}
		return c, nil
	}
	switch {
	case k.gcm == nil:
		return nil, fault.New(fault.Internal, "GCM of a cipher that has none")
	case iv == usualIV && tag == usualTag:
		return k.gcm, nil
	case iv == usualIV && tag >= 12:
		g, err := cipher.NewGCMWithTagSize(k.block, tag)
		return g, refused("making an AES-GCM cipher", err)
	case tag == usualTag:
		g, err := cipher.NewGCMWithNonceSize(k.block, iv)
		return g, refused("making an AES-GCM cipher", err)
	default:
		return nil, fault.New(fault.Unsupported, "GCM in an ordinary group takes a tag_len of 96 to 128 with an iv of 12 bytes, and of 128 with any other")
	}
}
