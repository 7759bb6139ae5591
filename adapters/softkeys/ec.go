package softkeys

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// curveOf pairs curves with the standard library's for ECDSA. Secp256k1 is not
// among them.
func curveOf(c keys.Curve) (elliptic.Curve, bool) {
	switch c {
	case keys.P224:
		return elliptic.P224(), true
	case keys.P256:
		return elliptic.P256(), true
	case keys.P384:
		return elliptic.P384(), true
	case keys.P521:
		return elliptic.P521(), true
	default:
		return nil, false
	}
}

func nameOf(c elliptic.Curve) (keys.Curve, bool) {
	for _, name := range keys.Curves() {
		if known, ok := curveOf(name); ok && known == c {
			return name, true
		}
	}
	return "", false
}

func unsupportedCurve(c keys.Curve) error {
	return fault.New(fault.Unsupported, "curve %s is not supported in an ordinary group", c)
}

func generateEC(c keys.Curve) (key, error) {
	switch c {
	case keys.Ed25519:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, refused("making an Ed25519 key", err)
		}
		return newEd25519(private, private.Public().(ed25519.PublicKey))
	case keys.X25519:
		private, err := ecdh.X25519().GenerateKey(rand.Reader)
		if err != nil {
			return nil, refused("making an X25519 key", err)
		}
		return newX25519(private, private.PublicKey())
	case keys.Secp256k1:
		return generateK256()
	default:
		curve, ok := curveOf(c)
		if !ok {
			return nil, unsupportedCurve(c)
		}
		private, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			return nil, refused("making an elliptic-curve key", err)
		}
		return newECDSA(private, &private.PublicKey)
	}
}

// parseEC reads PKCS#8 (RFC 5958) and SEC 1 (RFC 5915) of a pair and
// SubjectPublicKeyInfo of a public key. The public half of a pair is computed,
// whatever the material says it is.
func parseEC(der []byte) (key, error) {
	if k, mine, err := parseK256(der); mine || err != nil {
		return k, err
	}
	pair, pkcs8Err := x509.ParsePKCS8PrivateKey(der)
	if pkcs8Err == nil {
		switch private := pair.(type) {
		case *ecdsa.PrivateKey:
			return newECDSA(private, &private.PublicKey)
		case ed25519.PrivateKey:
			return newEd25519(private, private.Public().(ed25519.PublicKey))
		case *ecdh.PrivateKey:
			return newX25519(private, private.PublicKey())
		default:
			return nil, notDER(keys.EC, errors.New("a key of another type"))
		}
	}
	private, sec1Err := x509.ParseECPrivateKey(der)
	if sec1Err == nil {
		return newECDSA(private, &private.PublicKey)
	}
	half, spkiErr := x509.ParsePKIXPublicKey(der)
	if spkiErr == nil {
		switch public := half.(type) {
		case *ecdsa.PublicKey:
			return newECDSA(nil, public)
		case ed25519.PublicKey:
			return newEd25519(nil, public)
		case *ecdh.PublicKey:
			return newX25519(nil, public)
		default:
			return nil, notDER(keys.EC, errors.New("a key of another type"))
		}
	}
	return nil, notDER(keys.EC, errors.Join(pkcs8Err, sec1Err, spkiErr))
}

// ecdsaKey is a key pair on a curve of NIST SP 800-186, or its public half.
type ecdsaKey struct {
	noParts
	noWrapper
	private *ecdsa.PrivateKey // nil when only the public half is here
	public  *ecdsa.PublicKey
	curve   keys.Curve
	spki    []byte
}

func newECDSA(private *ecdsa.PrivateKey, public *ecdsa.PublicKey) (key, error) {
	curve, ok := nameOf(public.Curve)
	if !ok {
		return nil, fault.New(fault.Unsupported, "the value's curve is not supported in an ordinary group")
	}
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, refused("encoding an elliptic-curve public key", err)
	}
	return &ecdsaKey{private: private, public: public, curve: curve, spki: spki}, nil
}

func (k *ecdsaKey) facts() facts {
	return facts{size: k.curve.Bits(), curve: k.curve, public: k.spki, publicOnly: k.private == nil}
}

func (k *ecdsaKey) form() ([]byte, error) {
	if k.private == nil {
		return bytes.Clone(k.spki), nil
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	return der, refused("encoding an elliptic-curve key", err)
}

// wipe does nothing: the library's copies of a parsed key are out of reach.
func (k *ecdsaKey) wipe() {}

func (k *ecdsaKey) operate(op operations.Operation) (operations.Result, error) {
	switch op := op.(type) {
	case operations.Sign:
		if k.private == nil {
			return operations.Result{}, publicHalf()
		}
		_, sum, err := digest(op.Hash, op.Prehashed, op.Input)
		if err != nil {
			return operations.Result{}, err
		}
		signature, err := ecdsa.SignASN1(rand.Reader, k.private, sum)
		return operations.Result{Output: signature}, refused("signing with an elliptic-curve key", err)
	case operations.Verify:
		_, sum, err := digest(op.Hash, op.Prehashed, op.Input)
		return operations.Result{Valid: err == nil && ecdsa.VerifyASN1(k.public, sum, op.Signature)}, err
	default:
		return operations.Result{}, misfit(op)
	}
}

func (k *ecdsaKey) derive(op operations.Operation, n int) ([]byte, operations.Result, error) {
	return agreed(op, n, func(peer []byte) ([]byte, error) {
		if k.private == nil {
			return nil, publicHalf()
		}
		parsed, err := x509.ParsePKIXPublicKey(peer)
		public, ok := parsed.(*ecdsa.PublicKey)
		if err != nil || !ok || public.Curve != k.public.Curve {
			return nil, notPeer(err)
		}
		if k.curve == keys.P224 {
			return k.agreeP224(public)
		}
		d, err := k.private.ECDH()
		if err != nil {
			return nil, refused("agreeing on a key", err)
		}
		q, err := public.ECDH()
		if err != nil {
			return nil, notPeer(err)
		}
		shared, err := d.ECDH(q)
		return shared, refused("agreeing on a key", err)
	})
}

// agreeP224 multiplies with package elliptic, because package ecdh leaves this
// curve out. That the peer's point is on the curve was seen when it was parsed.
func (k *ecdsaKey) agreeP224(peer *ecdsa.PublicKey) ([]byte, error) {
	d, err := k.private.Bytes()
	if err != nil {
		return nil, refused("agreeing on a key", err)
	}
	defer clear(d)
	x, _ := elliptic.P224().ScalarMult(peer.X, peer.Y, d) //nolint:staticcheck // as above
	return x.FillBytes(make([]byte, (keys.P224.Bits()+7)/8)), nil
}
