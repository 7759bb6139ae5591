package pkcs11

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/adapters/pkcs11/internal/der"
	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

func (t *Token) sign(ctx context.Context, k *key, op operations.Sign) (operations.Result, error) {
	m, in, err := signing(k, op.Hash, op.Mode, op.Prehashed, op.Input)
	if err != nil {
		return operations.Result{}, err
	}
	out, err := t.run(ctx, k, job{kind: cryptoki.Sign, object: k.handle, mechanism: m, in: in})
	if err != nil {
		return operations.Result{}, err
	}
	if err := whole(out, signatureSize(k)); err != nil {
		return operations.Result{}, err
	}
	if m.Type == pkcs11.CKM_ECDSA {
		if out, err = der.Signature(out); err != nil {
			return operations.Result{}, fault.Wrap(fault.Internal, err, "the HSM made no signature")
		}
	}
	if err := t.verified(k, op, out); err != nil {
		return operations.Result{}, err
	}
	return operations.Result{Output: out}, nil
}

// signing returns the mechanism and the input by which the token signs.
func signing(k *key, h operations.Hash, mode operations.Mode, prehashed bool, input []byte) (cryptoki.Mechanism, []byte, error) {
	if k.Curve == keys.Ed25519 {
		return cryptoki.Mechanism{Type: ckmEDDSA}, input, nil
	}
	digest := input
	if !prehashed {
		var err error
		if digest, err = digestOf(h, input); err != nil {
			return cryptoki.Mechanism{}, nil, err
		}
	}
	switch {
	case k.Type == keys.RSA && mode == operations.PSS:
		p, ok := hashes[h]
		if !ok {
			return cryptoki.Mechanism{}, nil, errHash()
		}
		m := cryptoki.Mechanism{Type: pkcs11.CKM_RSA_PKCS_PSS, Shape: cryptoki.PSS, A: p.digest, B: p.mgf, C: uint(h.Size())}
		return m, digest, nil
	case k.Type == keys.RSA:
		info := der.DigestInfo(h, digest)
		if info == nil {
			return cryptoki.Mechanism{}, nil, errHash()
		}
		return cryptoki.Mechanism{Type: pkcs11.CKM_RSA_PKCS}, info, nil
	case k.Type == keys.EC && k.field > 0:
		// Only as many leftmost bits count as the order has (FIPS 186-5, 6.4), and
		// some tokens refuse more.
		return cryptoki.Mechanism{Type: pkcs11.CKM_ECDSA}, digest[:min(len(digest), k.field)], nil
	default:
		return cryptoki.Mechanism{}, nil, fault.New(fault.Unsupported, "the key's curve is not supported")
	}
}

// verify has the public half in the token verify. Without one, and where the
// token fails to say yes or no, the public key is used here.
func (t *Token) verify(ctx context.Context, k *key, op operations.Verify) (operations.Result, error) {
	m, in, err := signing(k, op.Hash, op.Mode, op.Prehashed, op.Input)
	if err != nil {
		return operations.Result{}, err
	}
	if k.public == nil {
		return verifyHere(k, op)
	}
	signature, formed := rawSignature(k, op.Signature)
	_, err = t.run(ctx, k, job{kind: cryptoki.Verify, object: k.public.handle, mechanism: m, in: in, signature: signature})
	switch e := code(err); {
	case err == nil:
		return operations.Result{Valid: formed}, nil
	case e == pkcs11.CKR_SIGNATURE_INVALID || e == pkcs11.CKR_SIGNATURE_LEN_RANGE:
		return operations.Result{}, nil
	case refusedInput(err) && k.software() != nil:
		return verifyHere(k, op)
	}
	return operations.Result{}, err
}

// rawSignature returns a signature as the token wants it. One that is not formed
// as the key's are becomes zeros: the token is asked all the same, for it may
// not permit the key to verify at all.
func rawSignature(k *key, sig []byte) (raw []byte, formed bool) {
	size := 2 * k.field
	switch {
	case k.Type == keys.RSA:
		size = (k.Size + 7) / 8
	case k.Curve != keys.Ed25519:
		if raw, ok := der.RawSignature(sig, k.field); ok {
			return raw, true
		}
		return make([]byte, size), false
	}
	if len(sig) != size {
		return make([]byte, size), false
	}
	return sig, true
}

// verifyHere verifies with Go's own cryptography.
func verifyHere(k *key, op operations.Verify) (operations.Result, error) {
	h, known := hashes[op.Hash]
	digest := op.Input
	if k.Curve != keys.Ed25519 {
		if !known {
			return operations.Result{}, errHash()
		}
		if !op.Prehashed {
			var err error
			if digest, err = digestOf(op.Hash, op.Input); err != nil {
				return operations.Result{}, err
			}
		}
	}
	var valid bool
	switch pub := k.software().(type) {
	case *rsa.PublicKey:
		if op.Mode == operations.PSS {
			valid = rsa.VerifyPSS(pub, h.hash, digest, op.Signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		} else {
			valid = rsa.VerifyPKCS1v15(pub, h.hash, digest, op.Signature) == nil
		}
	case *ecdsa.PublicKey:
		valid = ecdsa.VerifyASN1(pub, digest, op.Signature)
	case ed25519.PublicKey:
		valid = ed25519.Verify(pub, digest, op.Signature)
	default:
		return operations.Result{}, fault.New(fault.NotFound, "the public key is not in the HSM")
	}
	return operations.Result{Valid: valid}, nil
}

// digestOf hashes input.
func digestOf(h operations.Hash, input []byte) ([]byte, error) {
	p, ok := hashes[h]
	if !ok || !p.hash.Available() {
		return nil, errHash()
	}
	w := p.hash.New()
	w.Write(input)
	return w.Sum(nil), nil
}

func errHash() error { return fault.New(fault.Unsupported, "digest algorithm is not supported") }
