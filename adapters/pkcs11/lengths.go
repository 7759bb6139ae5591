package pkcs11

import (
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// How long results are is told by the mechanism. What is shorter or longer is
// no result, whatever the token says: it is not given out.

// signatureSize returns the length of k's signatures as the token makes them, in
// bytes; 0 when it is not known.
func signatureSize(k *key) int {
	if k.Type == keys.RSA {
		return (k.Size + 7) / 8
	}
	return 2 * k.field
}

// whole returns errWrong unless out is as long as size; 0 is not known.
func whole(out []byte, size int) error {
	if size != 0 && len(out) != size {
		return errWrong()
	}
	return nil
}

// encrypted returns errWrong unless out is as long as a ciphertext of so many
// bytes of plaintext, with its tag.
func encrypted(out []byte, mode operations.Mode, block, plain, tag int) error {
	if mode == operations.CBC {
		plain += block - plain%block
	}
	if len(out) != plain+tag {
		return errWrong()
	}
	return nil
}

// decrypted returns errWrong unless out is as long as a plaintext of a
// ciphertext of so many bytes without its tag.
func decrypted(out []byte, mode operations.Mode, block, cipher int) error {
	least := cipher
	if mode == operations.CBC {
		least, cipher = cipher-block, cipher-1
	}
	if len(out) < least || len(out) > cipher {
		return errWrong()
	}
	return nil
}
