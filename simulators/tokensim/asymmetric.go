package tokensim

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"

	"gatehouse/core/fault"
	"gatehouse/core/operations"
)

func (o *object) encryptRSA(op operations.Encrypt) (operations.Result, error) {
	pub, ok := o.public.(*rsa.PublicKey)
	if !ok {
		return operations.Result{}, unsupported()
	}
	var out []byte
	var err error
	if op.Mode == operations.OAEP {
		out, err = rsa.EncryptOAEP(newHash(op.Hash), rand.Reader, pub, op.Plain, op.Label)
	} else {
		out, err = rsa.EncryptPKCS1v15(rand.Reader, pub, op.Plain) //nolint:staticcheck // the API has this padding
	}
	if err != nil {
		return operations.Result{}, fault.Wrap(fault.Invalid, err, "plain is too long for this key and padding")
	}
	return operations.Result{Output: out}, nil
}

func (o *object) decryptRSA(op operations.Decrypt) (operations.Result, error) {
	key, ok := o.private.(*rsa.PrivateKey)
	if !ok {
		return operations.Result{}, unsupported()
	}
	var out []byte
	var err error
	if op.Mode == operations.OAEP {
		out, err = rsa.DecryptOAEP(newHash(op.Hash), nil, key, op.Cipher, op.Label)
	} else {
		out, err = rsa.DecryptPKCS1v15(nil, key, op.Cipher) //nolint:staticcheck // the API has this padding
	}
	if err != nil {
		return operations.Result{}, operations.DecryptRefused(err)
	}
	return operations.Result{Output: out}, nil
}

func (o *object) sign(op operations.Sign) (operations.Result, error) {
	if o.private == nil {
		return operations.Result{}, unsupported()
	}
	var opts crypto.SignerOpts = goHash(op.Hash)
	input := op.Input
	switch {
	case o.ed25519():
		opts = crypto.Hash(0)
	case !op.Prehashed:
		input = sum(op.Hash, input)
	}
	if op.Mode == operations.PSS {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: goHash(op.Hash)}
	}
	sig, err := o.private.Sign(rand.Reader, input, opts)
	if err != nil {
		return operations.Result{}, fault.Wrap(fault.Invalid, err, "the key is too short for this signature")
	}
	return operations.Result{Output: sig}, nil
}

func (o *object) ed25519() bool {
	_, is := o.public.(ed25519.PublicKey)
	return is
}

func (o *object) verify(op operations.Verify) bool {
	input := op.Input
	if !op.Prehashed && !o.ed25519() {
		input = sum(op.Hash, input)
	}
	switch pub := o.public.(type) {
	case *rsa.PublicKey:
		if op.Mode == operations.PSS {
			return rsa.VerifyPSS(pub, goHash(op.Hash), input, op.Signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return rsa.VerifyPKCS1v15(pub, goHash(op.Hash), input, op.Signature) == nil
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(pub, input, op.Signature)
	case ed25519.PublicKey:
		return ed25519.Verify(pub, input, op.Signature)
	default:
		return false
	}
}
