package gostd

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"

	"gatehouse/features/agreement/task"
)

func block(k *task.Key) (cipher.Block, error) {
	if k.Type != "DES3" {
		return aes.NewCipher(k.Private)
	}
	return des.NewTripleDESCipher(append(bytes.Clone(k.Private), k.Private[:24-len(k.Private)]...))
}

var ivSizes = map[string]int{"GCM": 12, "CCM": 12, "ECB": 0}

func (p *Party) encrypt(t task.Task) (task.Made, error) {
	if t.Key.Type == "RSA" {
		return encryptRSA(t)
	}
	b, err := block(t.Key)
	if err != nil {
		return task.Made{}, err
	}
	n, known := ivSizes[t.Mode]
	if !known {
		n = b.BlockSize()
	}
	iv := t.IV
	if len(iv) == 0 {
		iv = make([]byte, n)
		_, _ = rand.Read(iv) // never fails
	}
	in := bytes.Clone(t.Plain())
	switch t.Mode {
	case "ECB":
		for rest := in; len(rest) > 0; rest = rest[b.BlockSize():] {
			b.Encrypt(rest, rest)
		}
		return task.Made{Out: in}, nil
	case "CBC":
		pad := b.BlockSize() - len(in)%b.BlockSize()
		in = append(in, bytes.Repeat([]byte{byte(pad)}, pad)...)
		cipher.NewCBCEncrypter(b, iv).CryptBlocks(in, in)
	case "CBCNOPAD":
		cipher.NewCBCEncrypter(b, iv).CryptBlocks(in, in)
	case "CTR":
		cipher.NewCTR(b, iv).XORKeyStream(in, in)
	case "GCM":
		g, err := gcm(b, len(iv), t.Tag())
		if err != nil {
			return task.Made{}, err
		}
		sealed := g.Seal(nil, iv, in, t.AD)
		return task.Made{Out: sealed[:len(in)], IV: iv, Tag: sealed[len(in):]}, nil
	case "CCM":
		out, tag := ccm(b, iv, t.AD, in, t.Tag())
		return task.Made{Out: out, IV: iv, Tag: tag}, nil
	default:
		return task.Made{}, fmt.Errorf("go has no mode %s: %w", t.Mode, task.ErrRefused)
	}
	return task.Made{Out: in, IV: iv}, nil
}

var errForged = errors.New("the ciphertext is not genuine")

func (p *Party) decrypt(t task.Task, m task.Made) ([]byte, error) {
	if t.Key.Type == "RSA" {
		return p.decryptRSA(t, m)
	}
	b, err := block(t.Key)
	if err != nil {
		return nil, err
	}
	out := bytes.Clone(m.Out)
	switch t.Mode {
	case "ECB":
		for rest := out; len(rest) > 0; rest = rest[b.BlockSize():] {
			b.Decrypt(rest, rest)
		}
	case "CBC":
		cipher.NewCBCDecrypter(b, m.IV).CryptBlocks(out, out)
		pad := int(out[len(out)-1])
		if pad == 0 || pad > b.BlockSize() || !bytes.Equal(out[len(out)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
			return nil, errForged
		}
		out = out[:len(out)-pad]
	case "CBCNOPAD":
		cipher.NewCBCDecrypter(b, m.IV).CryptBlocks(out, out)
	case "CTR":
		cipher.NewCTR(b, m.IV).XORKeyStream(out, out)
	case "GCM":
		g, err := gcm(b, len(m.IV), len(m.Tag))
		if err != nil {
			return nil, err
		}
		return g.Open(nil, m.IV, append(out, m.Tag...), t.AD)
	case "CCM":
		_, counter := task.Blocks(m.IV, t.AD, nil, len(m.Tag))
		s := cipher.NewCTR(b, counter)
		s.XORKeyStream(make([]byte, 16), make([]byte, 16))
		s.XORKeyStream(out, out)
		if _, tag := ccm(b, m.IV, t.AD, out, len(m.Tag)); subtle.ConstantTimeCompare(tag, m.Tag) != 1 {
			return nil, errForged
		}
	default:
		return nil, fmt.Errorf("go has no mode %s: %w", t.Mode, task.ErrRefused)
	}
	return out, nil
}

// gcm is what the library has: one of the two sizes may be unusual.
func gcm(b cipher.Block, iv, tag int) (cipher.AEAD, error) {
	if iv == 12 {
		return cipher.NewGCMWithTagSize(b, tag)
	}
	return cipher.NewGCMWithNonceSize(b, iv)
}

// ccm is the library's CBC and CTR, as task.Blocks says.
func ccm(b cipher.Block, nonce, ad, message []byte, size int) (out, tag []byte) {
	auth, counter := task.Blocks(nonce, ad, message, size)
	cipher.NewCBCEncrypter(b, make([]byte, 16)).CryptBlocks(auth, auth) //nolint:gosec // a MAC: its first block is the nonce
	both := append(bytes.Clone(auth[len(auth)-16:]), message...)
	cipher.NewCTR(b, counter).XORKeyStream(both, both)
	return both[16:], both[:size]
}
