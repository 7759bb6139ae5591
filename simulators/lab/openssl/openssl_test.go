package openssl_test

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"testing"

	"gatehouse/simulators/lab/openssl"
	"gatehouse/simulators/softtoken"
)

func TestVerify(t *testing.T) {
	need(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		key    crypto.Signer
		scheme openssl.Scheme
		opts   crypto.SignerOpts
	}{
		{"rsa pkcs1", rsaKey, openssl.Digest("sha256"), crypto.SHA256},
		{"rsa pss", rsaKey, openssl.PSS("sha256"), &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}},
		{"ecdsa", ecKey, openssl.Digest("sha256"), crypto.SHA256},
		{"ed25519", edKey, nil, crypto.Hash(0)},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := []byte("what is signed")
			input := data
			if c.opts.HashFunc() != 0 {
				sum := sha256.Sum256(data)
				input = sum[:]
			}
			signature, err := c.key.Sign(rand.Reader, input, c.opts)
			if err != nil {
				t.Fatal(err)
			}
			public, err := x509.MarshalPKIXPublicKey(c.key.Public())
			if err != nil {
				t.Fatal(err)
			}
			if err := openssl.Verify(t.Context(), public, c.scheme, data, signature); err != nil {
				t.Errorf("a good signature: got %v, want nil", err)
			}
			if err := openssl.Verify(t.Context(), public, c.scheme, []byte("something else"), signature); err == nil {
				t.Error("a signature of something else: got nil, want an error")
			}
		})
	}
}

func TestDecrypt(t *testing.T) {
	need(t)
	plain := []byte("what is secret")
	t.Run("cbc", func(t *testing.T) {
		key, iv := make([]byte, 32), make([]byte, aes.BlockSize)
		block, err := aes.NewCipher(key)
		if err != nil {
			t.Fatal(err)
		}
		padding := aes.BlockSize - len(plain)%aes.BlockSize
		padded := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(padding)}, padding)...)
		cipher.NewCBCEncrypter(block, iv).CryptBlocks(padded, padded)
		got, err := openssl.DecryptCBC(t.Context(), key, iv, padded)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("got %q, %v, want %q", got, err, plain)
		}
	})
	t.Run("oaep", func(t *testing.T) {
		private, err := openssl.NewRSA(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := x509.ParsePKCS8PrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		key, ok := parsed.(*rsa.PrivateKey)
		if !ok {
			t.Fatalf("got a %T, want an RSA key", parsed)
		}
		sealed, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, &key.PublicKey, plain, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := openssl.DecryptOAEP(t.Context(), private, "sha256", sealed)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("got %q, %v, want %q", got, err, plain)
		}
	})
}

func need(t *testing.T) {
	t.Helper()
	if _, err := openssl.Run(t.Context(), nil, "version"); errors.Is(err, softtoken.ErrMissing) {
		softtoken.Need(t, err)
	}
}
