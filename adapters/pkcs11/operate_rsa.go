package pkcs11

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/core/fault"
	"gatehouse/core/operations"
)

// encryptRSA encrypts with the public half in the token, or for want of one
// with the public key here, if the token could decrypt it.
func (t *Token) encryptRSA(ctx context.Context, k *key, op operations.Encrypt, j job) (operations.Result, error) {
	m, err := rsaMechanism(op.Mode, op.Hash, op.Label)
	if err != nil {
		return operations.Result{}, err
	}
	if size := (k.Size + 7) / 8; len(op.Plain) > size-overhead(op.Mode, op.Hash) {
		return operations.Result{}, fault.New(fault.Invalid, "plain is too long for this key and padding")
	}
	if k.public == nil {
		return t.encryptRSAHere(k, op)
	}
	j.object, j.mechanism, j.room = k.public.handle, m, (k.Size+7)/8+slack
	out, err := t.run(ctx, k, j)
	if err == nil {
		err = whole(out, (k.Size+7)/8)
	}
	if err != nil {
		return operations.Result{}, err
	}
	return operations.Result{Output: out}, nil
}

func (t *Token) encryptRSAHere(k *key, op operations.Encrypt) (operations.Result, error) {
	pub, ok := k.software().(*rsa.PublicKey)
	if !ok {
		return operations.Result{}, fault.New(fault.NotFound, "the public key is not in the HSM")
	}
	if !t.caps.Lists(hsmMechanism("decrypt", k.Type, op.Mode, op.Hash)) {
		return operations.Result{}, fault.New(fault.Unsupported, "the HSM could not decrypt this")
	}
	var out []byte
	var err error
	if op.Mode == operations.OAEP {
		out, err = rsa.EncryptOAEP(hashes[op.Hash].hash.New(), rand.Reader, pub, op.Plain, op.Label)
	} else {
		out, err = rsa.EncryptPKCS1v15(rand.Reader, pub, op.Plain) //nolint:staticcheck // asked for by name; the token decrypts nothing else
	}
	if errors.Is(err, rsa.ErrMessageTooLong) {
		return operations.Result{}, fault.Wrap(fault.Invalid, err, "plain is too long for this key and padding")
	}
	if err != nil {
		return operations.Result{}, fault.Wrap(fault.Internal, err, "encrypting with a public key")
	}
	return operations.Result{Output: out}, nil
}

// overhead is how many bytes a padding takes (RFC 8017, 7.1.1 and 7.2.1).
func overhead(mode operations.Mode, h operations.Hash) int {
	if mode == operations.OAEP {
		return 2*h.Size() + 2
	}
	return 11
}

// rsaMechanism returns the mechanism of an RSA encryption.
func rsaMechanism(mode operations.Mode, h operations.Hash, label []byte) (cryptoki.Mechanism, error) {
	if mode == operations.PKCS1v15 {
		return cryptoki.Mechanism{Type: pkcs11.CKM_RSA_PKCS}, nil
	}
	p, ok := hashes[h]
	if mode != operations.OAEP || !ok {
		return cryptoki.Mechanism{}, errHash()
	}
	return cryptoki.Mechanism{Type: pkcs11.CKM_RSA_PKCS_OAEP, Shape: cryptoki.OAEP, A: p.digest, B: p.mgf, P: label}, nil
}
