package softkeys

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// rsaKey is an RSA key pair or its public half.
type rsaKey struct {
	noParts
	noDerivation
	private *rsa.PrivateKey // nil when only the public half is here
	public  *rsa.PublicKey
	spki    []byte
}

// Sizes of RSA keys in bits. Keys from legacyRSA to below minRSA are imported
// for what they protected before: they verify and decrypt (NIST SP 800-131A,
// sections 3 and 6), nothing else.
const (
	legacyRSA = 1024
	minRSA    = 2048
	maxRSA    = 8192
)

// parseRSA reads PKCS#8 and PKCS#1 (RFC 8017, appendix A.1.2) of a pair and
// SubjectPublicKeyInfo of a public key. The library has checked that a pair's
// halves belong together.
func parseRSA(der []byte) (key, error) {
	pair, pkcs8Err := x509.ParsePKCS8PrivateKey(der)
	if pkcs8Err == nil {
		if private, ok := pair.(*rsa.PrivateKey); ok {
			return newRSA(private, &private.PublicKey)
		}
		return nil, notDER(keys.RSA, errors.New("a key of another type"))
	}
	private, pkcs1Err := x509.ParsePKCS1PrivateKey(der)
	if pkcs1Err == nil {
		return newRSA(private, &private.PublicKey)
	}
	half, spkiErr := x509.ParsePKIXPublicKey(der)
	if spkiErr == nil {
		if public, ok := half.(*rsa.PublicKey); ok {
			return newRSA(nil, public)
		}
		return nil, notDER(keys.RSA, errors.New("a key of another type"))
	}
	return nil, notDER(keys.RSA, errors.Join(pkcs8Err, pkcs1Err, spkiErr))
}

func newRSA(private *rsa.PrivateKey, public *rsa.PublicKey) (key, error) {
	if n := public.N.BitLen(); n < legacyRSA || n > maxRSA {
		return nil, fault.New(fault.Unsupported, "RSA keys of less than %d or more than %d bits are not supported", legacyRSA, maxRSA)
	}
	if public.E < 3 || public.E%2 == 0 {
		return nil, fault.New(fault.Invalid, "the public exponent of an RSA key must be odd")
	}
	if private != nil && len(private.Primes) != 2 {
		return nil, fault.New(fault.Unsupported, "RSA keys of more than two primes are not supported")
	}
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, refused("encoding an RSA public key", err)
	}
	return &rsaKey{private: private, public: public, spki: spki}, nil
}

func (b *Backend) generateRSA(ctx context.Context, s keys.Spec) (key, error) {
	if e := s.RSA.PublicExponent; e != 0 && e != 65537 {
		return nil, fault.New(fault.Unsupported, "new RSA keys in an ordinary group have the public exponent 65537")
	}
	select {
	case b.making <- struct{}{}:
	case <-ctx.Done():
		return nil, ended(ctx.Err())
	}
	type result struct {
		key *rsa.PrivateKey
		err error
	}
	done := make(chan result, 1)
	go func() {
		defer func() { <-b.making }()
		k, err := rsa.GenerateKey(rand.Reader, s.Size)
		done <- result{k, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return nil, refused("making an RSA key", r.err)
		}
		return newRSA(r.key, &r.key.PublicKey)
	case <-ctx.Done():
		return nil, ended(ctx.Err())
	}
}

func (k *rsaKey) facts() facts {
	return facts{size: k.public.N.BitLen(), exponent: k.public.E, public: k.spki, publicOnly: k.private == nil}
}

func (k *rsaKey) form() ([]byte, error) {
	if k.private == nil {
		return append([]byte(nil), k.spki...), nil
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	return der, refused("encoding an RSA key", err)
}

// wipe does nothing: the library's copies of a parsed key are out of reach.
func (k *rsaKey) wipe() {}

func (k *rsaKey) operate(op operations.Operation) (operations.Result, error) {
	legacy := k.public.N.BitLen() < minRSA
	switch op := op.(type) {
	case operations.Sign:
		if legacy {
			return operations.Result{}, tooShort()
		}
		return k.sign(op)
	case operations.Verify:
		return k.verify(op)
	case operations.Encrypt:
		if legacy {
			return operations.Result{}, tooShort()
		}
		return k.encrypt(op)
	case operations.Decrypt:
		return k.decrypt(op)
	default:
		return operations.Result{}, misfit(op)
	}
}

func tooShort() error {
	return fault.New(fault.Unsupported, "RSA keys shorter than %d bits only verify and decrypt", minRSA)
}

// pss is the one parameter of PSS that varies: the salt is as long as the hash.
func pss() *rsa.PSSOptions { return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash} }

func (k *rsaKey) sign(op operations.Sign) (operations.Result, error) {
	if k.private == nil {
		return operations.Result{}, publicHalf()
	}
	hash, sum, err := digest(op.Hash, op.Prehashed, op.Input)
	if err != nil {
		return operations.Result{}, err
	}
	var signature []byte
	switch op.Mode {
	case operations.PKCS1v15:
		signature, err = rsa.SignPKCS1v15(rand.Reader, k.private, hash, sum)
	case operations.PSS:
		signature, err = rsa.SignPSS(rand.Reader, k.private, hash, sum, pss())
	default:
		return operations.Result{}, misfit(op)
	}
	return operations.Result{Output: signature}, refused("signing with an RSA key", err)
}

func (k *rsaKey) verify(op operations.Verify) (operations.Result, error) {
	hash, sum, err := digest(op.Hash, op.Prehashed, op.Input)
	if err != nil {
		return operations.Result{}, err
	}
	switch op.Mode {
	case operations.PKCS1v15:
		err = rsa.VerifyPKCS1v15(k.public, hash, sum, op.Signature)
	case operations.PSS:
		err = rsa.VerifyPSS(k.public, hash, sum, op.Signature, pss())
	default:
		return operations.Result{}, misfit(op)
	}
	if errors.Is(err, rsa.ErrVerification) {
		return operations.Result{Valid: false}, nil
	}
	return operations.Result{Valid: err == nil}, refused("verifying with an RSA key", err)
}

func (k *rsaKey) encrypt(op operations.Encrypt) (operations.Result, error) {
	var out []byte
	switch op.Mode {
	case operations.OAEP:
		hash, err := hashOf(op.Hash)
		if err != nil {
			return operations.Result{}, err
		}
		out, err = rsa.EncryptOAEP(hash.New(), rand.Reader, k.public, op.Plain, op.Label)
		return operations.Result{Output: out}, refused("encrypting with an RSA key", err)
	case operations.PKCS1v15:
		out, err := rsa.EncryptPKCS1v15(rand.Reader, k.public, op.Plain) //nolint:staticcheck // the API has it
		return operations.Result{Output: out}, refused("encrypting with an RSA key", err)
	default:
		return operations.Result{}, misfit(op)
	}
}

// decrypt does op. With PKCS #1 v1.5 the mere difference between success and
// refusal lets who may ask often enough decrypt any ciphertext of the key
// (Bleichenbacher 1998). The API has that padding and clients ask for it; the
// answer is uniform, but only OAEP is free of the attack. Keys that need not
// have it should not be given DECRYPT for clients that send on foreign ciphertexts.
func (k *rsaKey) decrypt(op operations.Decrypt) (operations.Result, error) {
	if k.private == nil {
		return operations.Result{}, publicHalf()
	}
	var (
		out []byte
		err error
	)
	switch op.Mode {
	case operations.OAEP:
		hash, hashErr := hashOf(op.Hash)
		if hashErr != nil {
			return operations.Result{}, hashErr
		}
		out, err = rsa.DecryptOAEP(hash.New(), nil, k.private, op.Cipher, op.Label)
	case operations.PKCS1v15:
		out, err = rsa.DecryptPKCS1v15(nil, k.private, op.Cipher) //nolint:staticcheck // the API has it
	default:
		return operations.Result{}, misfit(op)
	}
	if err != nil {
		return operations.Result{}, operations.DecryptRefused(err)
	}
	return operations.Result{Output: out}, nil
}
