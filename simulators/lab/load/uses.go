package load

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"errors"

	"gatehouse/adapters/dsmwire"
)

// use is a use of a key. All of them can be repeated without harm.
type use struct {
	name string
	do   func(*Load, context.Context) error
}

var uses = []use{
	{"sign", (*Load).sign},
	{"verify", (*Load).verify},
	{"encrypt and decrypt", (*Load).encrypt},
	{"make and verify a MAC", (*Load).mac},
}

var errWrong = errors.New("the result is wrong")

func right(is bool, err error) error {
	if err == nil && !is {
		err = errWrong
	}
	return err
}

func message() []byte { return []byte("payment " + rand.Text()) }

func (l *Load) signed(ctx context.Context) (data, signature []byte, err error) {
	data = message()
	r, err := l.app.Sign(ctx, dsmwire.SignRequest{Key: l.keys.signer, HashAlg: "SHA256", Data: data})
	if err != nil {
		return nil, nil, err
	}
	digest := sha256.Sum256(data)
	return data, r.Signature, right(ecdsa.VerifyASN1(l.keys.public, digest[:], r.Signature), nil)
}

func (l *Load) sign(ctx context.Context) error {
	_, _, err := l.signed(ctx)
	return err
}

func (l *Load) verify(ctx context.Context) error {
	data, signature, err := l.signed(ctx)
	if err != nil {
		return err
	}
	return right(l.app.Verify(ctx, dsmwire.VerifyRequest{Key: l.keys.signer, HashAlg: "SHA256", Data: data, Signature: signature}))
}

func (l *Load) encrypt(ctx context.Context) error {
	data, mode := message(), &dsmwire.Mode{Name: "CBC"}
	c, err := l.app.Encrypt(ctx, dsmwire.EncryptRequest{Key: l.keys.lock, Alg: "AES", Mode: mode, Plain: data})
	if err != nil {
		return err
	}
	p, err := l.app.Decrypt(ctx, dsmwire.DecryptRequest{Key: l.keys.lock, Alg: "AES", Mode: mode, Cipher: c.Cipher, IV: c.IV})
	return right(bytes.Equal(p.Plain, data), err)
}

func (l *Load) mac(ctx context.Context) error {
	data := message()
	m, err := l.app.MAC(ctx, dsmwire.MACRequest{Key: l.keys.stamp, Alg: "SHA256", Data: data})
	if err != nil {
		return err
	}
	return right(l.app.MACVerify(ctx, dsmwire.MACVerifyRequest{Key: l.keys.stamp, Alg: "SHA256", Data: data, MAC: m.MAC}))
}
