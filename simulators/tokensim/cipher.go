package tokensim

import (
	"bytes"
	"crypto/cipher"
	"errors"

	"gatehouse/core/fault"
	"gatehouse/core/operations"
)

// encrypt is the symmetric part of Encrypt, which operations.Check has let through.
func (o *object) encrypt(op operations.Encrypt) (operations.Result, error) {
	b, err := o.block()
	if err != nil {
		return operations.Result{}, fault.Wrap(fault.Internal, err, "using the key")
	}
	res := operations.Result{IV: bytes.Clone(op.IV)}
	if len(res.IV) == 0 {
		res.IV = random(op.Mode.IVSize(b.BlockSize()))
	}
	switch op.Mode {
	case operations.GCM:
		tag := op.TagBits / 8
		if tag == 0 {
			tag = 16
		}
		aead, err := newGCM(b, len(res.IV), tag)
		if err != nil {
			return operations.Result{}, err
		}
		sealed := aead.Seal(nil, res.IV, op.Plain, op.AD)
		res.Output, res.Tag = sealed[:len(op.Plain)], sealed[len(op.Plain):]
	case operations.CTR:
		res.Output = make([]byte, len(op.Plain))
		cipher.NewCTR(b, res.IV).XORKeyStream(res.Output, op.Plain)
	case operations.CBC:
		n := b.BlockSize() - len(op.Plain)%b.BlockSize()
		res.Output = append(bytes.Clone(op.Plain), bytes.Repeat([]byte{byte(n)}, n)...)
		cipher.NewCBCEncrypter(b, res.IV).CryptBlocks(res.Output, res.Output)
	case operations.CBCNoPad:
		res.Output = make([]byte, len(op.Plain))
		cipher.NewCBCEncrypter(b, res.IV).CryptBlocks(res.Output, op.Plain)
	case operations.ECB:
		res.IV, res.Output = nil, eachBlock(b.Encrypt, b.BlockSize(), op.Plain)
	default:
		return operations.Result{}, unsupported()
	}
	return res, nil
}

func (o *object) decrypt(op operations.Decrypt) (operations.Result, error) {
	b, err := o.block()
	if err != nil {
		return operations.Result{}, fault.Wrap(fault.Internal, err, "using the key")
	}
	out := make([]byte, len(op.Cipher))
	switch op.Mode {
	case operations.GCM:
		aead, err := newGCM(b, len(op.IV), len(op.Tag))
		if err != nil {
			return operations.Result{}, err
		}
		out, err = aead.Open(nil, op.IV, append(bytes.Clone(op.Cipher), op.Tag...), op.AD)
		if err != nil {
			return operations.Result{}, operations.DecryptRefused(err)
		}
	case operations.CTR:
		cipher.NewCTR(b, op.IV).XORKeyStream(out, op.Cipher)
	case operations.CBC, operations.CBCNoPad:
		cipher.NewCBCDecrypter(b, op.IV).CryptBlocks(out, op.Cipher)
		if op.Mode == operations.CBC {
			if out, err = unpad(out, b.BlockSize()); err != nil {
				return operations.Result{}, operations.DecryptRefused(err)
			}
		}
	case operations.ECB:
		out = eachBlock(b.Decrypt, b.BlockSize(), op.Cipher)
	default:
		return operations.Result{}, unsupported()
	}
	return operations.Result{Output: out}, nil
}

// newGCM returns what Go has of GCM: 12 bytes of IV with tags of 12 to 16
// bytes, or any IV with a tag of 16.
func newGCM(b cipher.Block, iv, tag int) (cipher.AEAD, error) {
	var aead cipher.AEAD
	err := errors.New("an unusual iv together with an unusual tag")
	switch {
	case iv == 12:
		aead, err = cipher.NewGCMWithTagSize(b, tag)
	case tag == 16:
		aead, err = cipher.NewGCMWithNonceSize(b, iv)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Unsupported, err, "the HSM cannot do GCM with this iv and tag")
	}
	return aead, nil
}

// unpad takes off the padding of RFC 5652, 6.3. In a simulator the time it
// takes betrays nothing that counts.
func unpad(b []byte, block int) ([]byte, error) {
	if len(b) > 0 {
		n := int(b[len(b)-1])
		if n >= 1 && n <= block && n <= len(b) && bytes.Equal(b[len(b)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
			return b[:len(b)-n], nil
		}
	}
	return nil, errors.New("wrong padding")
}

func eachBlock(f func(dst, src []byte), size int, in []byte) []byte {
	out := make([]byte, len(in))
	for i := 0; i < len(in); i += size {
		f(out[i:], in[i:])
	}
	return out
}
