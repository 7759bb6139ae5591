package softkeys

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/x509"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// edKey is an Ed25519 key pair (RFC 8032) or its public half.
type edKey struct {
	noParts
	noWrapper
	noDerivation
	private ed25519.PrivateKey // nil when only the public half is here
	public  ed25519.PublicKey
	spki    []byte
}

func newEd25519(private ed25519.PrivateKey, public ed25519.PublicKey) (key, error) {
	public = bytes.Clone(public) // as parsed it shares the bytes of the material, which are wiped
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, refused("encoding an Ed25519 public key", err)
	}
	return &edKey{private: private, public: public, spki: spki}, nil
}

func (k *edKey) facts() facts {
	return facts{size: keys.Ed25519.Bits(), curve: keys.Ed25519, public: k.spki, publicOnly: k.private == nil}
}

func (k *edKey) form() ([]byte, error) {
	if k.private == nil {
		return bytes.Clone(k.spki), nil
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	return der, refused("encoding an Ed25519 key", err)
}

func (k *edKey) wipe() { clear(k.private) }

func (k *edKey) operate(op operations.Operation) (operations.Result, error) {
	switch op := op.(type) {
	case operations.Sign:
		if k.private == nil {
			return operations.Result{}, publicHalf()
		}
		return operations.Result{Output: ed25519.Sign(k.private, op.Input)}, nil
	case operations.Verify:
		return operations.Result{Valid: ed25519.Verify(k.public, op.Input, op.Signature)}, nil
	default:
		return operations.Result{}, misfit(op)
	}
}

// xKey is an X25519 key pair (RFC 7748) or its public half. It only agrees on keys.
type xKey struct {
	noParts
	noWrapper
	private *ecdh.PrivateKey // nil when only the public half is here
	public  *ecdh.PublicKey
	spki    []byte
}

func newX25519(private *ecdh.PrivateKey, public *ecdh.PublicKey) (key, error) {
	if public.Curve() != ecdh.X25519() {
		return nil, fault.New(fault.Unsupported, "the value's curve is not supported in an ordinary group")
	}
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, refused("encoding an X25519 public key", err)
	}
	return &xKey{private: private, public: public, spki: spki}, nil
}

func (k *xKey) facts() facts {
	return facts{size: keys.X25519.Bits(), curve: keys.X25519, public: k.spki, publicOnly: k.private == nil}
}

func (k *xKey) form() ([]byte, error) {
	if k.private == nil {
		return bytes.Clone(k.spki), nil
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	return der, refused("encoding an X25519 key", err)
}

// wipe does nothing: the library's copies of a parsed key are out of reach.
func (k *xKey) wipe() {}

func (k *xKey) operate(op operations.Operation) (operations.Result, error) {
	return operations.Result{}, misfit(op)
}

func (k *xKey) derive(op operations.Operation, n int) ([]byte, operations.Result, error) {
	return agreed(op, n, func(peer []byte) ([]byte, error) {
		if k.private == nil {
			return nil, publicHalf()
		}
		parsed, err := x509.ParsePKIXPublicKey(peer)
		public, ok := parsed.(*ecdh.PublicKey)
		if err != nil || !ok || public.Curve() != ecdh.X25519() {
			return nil, notPeer(err)
		}
		shared, err := k.private.ECDH(public)
		if err != nil { // a point of low order (RFC 7748, 6.1)
			return nil, notPeer(err)
		}
		return shared, nil
	})
}
