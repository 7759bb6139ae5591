// Package gostd does tasks with Go's standard library, used directly.
//
// It guarantees that nothing of Gatehouse has a part in it: its adapters use the
// same library for much of this, and are compared with it all the same, because
// what is asked of it there and here has been written twice. The agreement tests
// use it. A Party is safe for concurrent use.
package gostd

import (
	"context"
	"crypto"
	"crypto/hkdf"
	"crypto/hmac"
	_ "crypto/sha1" // the digests that crypto.Hash makes
	_ "crypto/sha256"
	_ "crypto/sha3"
	_ "crypto/sha512"
	"errors"
	"fmt"
	"sync"

	"gatehouse/features/agreement/task"
)

// Party is Go's standard library. Its zero value is ready.
type Party struct {
	mu     sync.Mutex
	parsed map[string]private // keys, by their DER: reading a long RSA key takes longer than using it
}

var _ task.Party = (*Party)(nil)

var hashes = map[string]crypto.Hash{
	"SHA1": crypto.SHA1, "SHA224": crypto.SHA224, "SHA256": crypto.SHA256, "SHA384": crypto.SHA384, "SHA512": crypto.SHA512,
	"SHA3_224": crypto.SHA3_224, "SHA3_256": crypto.SHA3_256, "SHA3_384": crypto.SHA3_384, "SHA3_512": crypto.SHA3_512,
}

// Cannot tells why the standard library cannot do t; empty when it can.
func Cannot(t task.Task) string {
	switch {
	case t.Key != nil && t.Key.Type == "MLDSA" && (t.Act == task.Sign || t.Act == task.PublicKey || t.Act == task.Value):
		return "Go's standard library has no ML-DSA"
	case t.Key != nil && t.Key.Curve == "SecP256K1", t.Subject != nil && t.Subject.Curve == "SecP256K1":
		return "Go's standard library has no secp256k1"
	case t.Act == task.Agree && t.Key.Curve == "NistP224":
		return "Go's standard library agrees on no keys on P-224"
	case t.Act == task.MAC && t.Key.Type != "HMAC", t.Act == task.CheckValue && t.Mode == "CMAC":
		return "Go's standard library has no CMAC"
	case t.Act == task.Wrap && (t.Mode == "KW" || t.Mode == "KWP"):
		return "Go's standard library has no key wrap of RFC 3394 or RFC 5649"
	default:
		return ""
	}
}

// Make does the first half of a task.
func (p *Party) Make(_ context.Context, t task.Task) (task.Made, error) {
	switch t.Act {
	case task.Encrypt, task.Wrap:
		return p.encrypt(t)
	case task.Sign:
		return p.sign(t)
	case task.Encapsulate:
		return encapsulate(t)
	default:
		out, err := p.value(t)
		return task.Made{Out: out}, err
	}
}

// Check does the second half.
func (p *Party) Check(_ context.Context, t task.Task, m task.Made) error {
	switch t.Act {
	case task.Encrypt, task.Wrap:
		plain, err := p.decrypt(t, m)
		if err != nil {
			return err
		}
		if t.Act == task.Wrap {
			return p.sameKey(t.Subject, plain)
		}
		return task.Same("the plaintext", plain, t.In)
	case task.Sign:
		return verify(t, m)
	case task.Encapsulate:
		return decapsulate(t, m)
	case task.Value:
		return p.readable(t, m)
	default:
		out, err := p.value(t)
		if err != nil {
			return err
		}
		return task.Same(string(t.Act), m.Out, out)
	}
}

// value is what can come out in one way only.
func (p *Party) value(t task.Task) ([]byte, error) {
	h := hashes[t.Hash]
	switch t.Act {
	case task.MAC:
		m := hmac.New(h.New, t.Key.Private)
		m.Write(t.In)
		return m.Sum(nil), nil
	case task.Digest:
		return digest(h, t.In), nil
	case task.ValueDigest:
		return digest(h, t.Key.Private), nil
	case task.HKDF:
		return hkdf.Key(h.New, t.Key.Private, t.Salt, string(t.Info), t.Bits/8)
	case task.EncryptData:
		m, err := p.encrypt(t)
		if err != nil || len(m.Out) < t.Bits/8 {
			return nil, errors.Join(err, errShort)
		}
		return m.Out[:t.Bits/8], nil
	case task.Agree:
		return agree(t)
	case task.Value:
		return t.Key.Private, nil
	case task.PublicKey:
		return p.publicOf(t.Key)
	case task.CheckValue:
		return checkValue(t)
	default:
		return nil, fmt.Errorf("go's library does not %s: %w", t.Act, task.ErrRefused)
	}
}

var errShort = errors.New("too little came out")

func digest(h crypto.Hash, data []byte) []byte {
	d := h.New()
	d.Write(data)
	return d.Sum(nil)
}

// checkValue is the beginning of a block of zeros encrypted, or of the key's SHA-1.
func checkValue(t task.Task) ([]byte, error) {
	if t.Key.Type == "HMAC" {
		return digest(crypto.SHA1, t.Key.Private)[:3], nil
	}
	b, err := block(t.Key)
	if err != nil {
		return nil, err
	}
	zero := make([]byte, b.BlockSize())
	b.Encrypt(zero, zero)
	return zero[:3], nil
}
