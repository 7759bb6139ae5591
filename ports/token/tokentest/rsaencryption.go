package tokentest

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"testing"

	"gatehouse/core/operations"
)

// goHash is Go's name of a digest algorithm.
func goHash(h operations.Hash) crypto.Hash {
	switch h {
	case operations.SHA1:
		return crypto.SHA1
	case operations.SHA224:
		return crypto.SHA224
	case operations.SHA256:
		return crypto.SHA256
	case operations.SHA384:
		return crypto.SHA384
	case operations.SHA512:
		return crypto.SHA512
	case operations.SHA3_224:
		return crypto.SHA3_224
	case operations.SHA3_256:
		return crypto.SHA3_256
	case operations.SHA3_384:
		return crypto.SHA3_384
	case operations.SHA3_512:
		return crypto.SHA3_512
	default:
		return 0
	}
}

// rsaEncryption: what the token encrypts Go decrypts, and the other way round.
func (s *suite) rsaEncryption(t *testing.T) {
	for _, c := range []cipherCase{
		{"PKCS1_V15", operations.Encrypt{Mode: operations.PKCS1v15}},
		{"OAEP SHA1", operations.Encrypt{Mode: operations.OAEP, Hash: operations.SHA1}},
		{"OAEP SHA256", operations.Encrypt{Mode: operations.OAEP, Hash: operations.SHA256}},
		{"OAEP SHA512", operations.Encrypt{Mode: operations.OAEP, Hash: operations.SHA512}},
		{"OAEP SHA1 with a label", operations.Encrypt{Mode: operations.OAEP, Hash: operations.SHA1, Label: []byte("label")}},
		{"OAEP SHA256 with a label", operations.Encrypt{Mode: operations.OAEP, Hash: operations.SHA256, Label: []byte("label")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if key := s.knownRSA(t); key != nil {
				c.op.Plain = []byte("a key to wrap")
				s.rsaEncrypt(t, key, c)
			}
		})
	}
}

func (s *suite) rsaEncrypt(t *testing.T, key *imported, c cipherCase) {
	res, err := s.tok.Operate(within(t), key.object.Ref(), c.op)
	if !s.operated(t, "encrypt", key.object.Type, c.name, c.op, err) {
		return
	}
	if len(res.IV) != 0 || len(res.Tag) != 0 {
		t.Errorf("got iv %x and tag %x, want none", res.IV, res.Tag)
	}
	var opts crypto.DecrypterOpts
	var goCipher []byte
	if c.op.Mode == operations.OAEP {
		h := goHash(c.op.Hash)
		opts = &rsa.OAEPOptions{Hash: h, Label: c.op.Label}
		goCipher, err = rsa.EncryptOAEP(h.New(), rand.Reader, &key.rsa.PublicKey, c.op.Plain, c.op.Label)
	} else {
		goCipher, err = rsa.EncryptPKCS1v15(rand.Reader, &key.rsa.PublicKey, c.op.Plain) //nolint:staticcheck // the API has this padding
	}
	if err != nil {
		t.Fatal(err)
	}
	if got, err := key.rsa.Decrypt(rand.Reader, res.Output, opts); err != nil || !bytes.Equal(got, c.op.Plain) {
		t.Errorf("Go decrypts to %q (%v), want %q", got, err, c.op.Plain)
	}
	back := operations.Decrypt{Mode: c.op.Mode, Hash: c.op.Hash, Cipher: goCipher, Label: c.op.Label}
	if got := s.operate(t, key.object.Ref(), back).Output; !bytes.Equal(got, c.op.Plain) {
		t.Errorf("the token decrypts to %q, want %q", got, c.op.Plain)
	}
}
