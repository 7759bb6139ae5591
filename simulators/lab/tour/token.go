package tour

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/keys"
	"gatehouse/simulators/lab/opensc"
)

// publicKey returns the public key of k as the token holds it, after comparing
// it with what the service says.
func (t *Tour) publicKey(ctx context.Context, k dsmwire.Sobject) ([]byte, error) {
	var inToken []byte
	var err error
	if k.ObjType == string(keys.RSA) {
		inToken, err = t.tool.PublicKey(ctx, k.External.ID.ID, k.External.ID.Label)
	} else {
		inToken, err = t.pointOf(ctx, k)
	}
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(inToken, k.PubKey) {
		return nil, errors.New("the service shows another public key than the token")
	}
	return inToken, nil
}

// pointOf makes a public key of the point that pkcs11-tool lists: of what it
// could read, OpenSC 0.23 makes a key for P-256 only.
func (t *Tour) pointOf(ctx context.Context, k dsmwire.Sobject) ([]byte, error) {
	listed, err := t.inToken(ctx, k)
	if err != nil {
		return nil, err
	}
	der, err := hex.DecodeString(listed.Point)
	if err != nil {
		return nil, fmt.Errorf("reading the point that pkcs11-tool lists: %w", err)
	}
	var point []byte
	if _, err := asn1.Unmarshal(der, &point); err != nil {
		return nil, fmt.Errorf("reading the point that pkcs11-tool lists: %w", err)
	}
	public, err := onCurve(keys.Curve(k.EllipticCurve), point)
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKIXPublicKey(public)
}

func onCurve(c keys.Curve, point []byte) (crypto.PublicKey, error) {
	curves := map[keys.Curve]elliptic.Curve{keys.P256: elliptic.P256(), keys.P384: elliptic.P384(), keys.P521: elliptic.P521()}
	if curve, ok := curves[c]; ok {
		return ecdsa.ParseUncompressedPublicKey(curve, point)
	}
	if c == keys.Ed25519 && len(point) == ed25519.PublicKeySize {
		return ed25519.PublicKey(point), nil
	}
	return nil, fmt.Errorf("a point of %d bytes on curve %q is not known here", len(point), c)
}

// inToken returns what pkcs11-tool lists of the key that k stands for.
func (t *Tour) inToken(ctx context.Context, k dsmwire.Sobject) (opensc.Object, error) {
	objects, err := t.tool.List(ctx)
	if err != nil {
		return opensc.Object{}, err
	}
	found := opensc.Keys(objects)
	i := slices.IndexFunc(found, func(o opensc.Object) bool {
		return o.ID == hex.EncodeToString(k.External.ID.ID) && o.Label == string(k.External.ID.Label)
	})
	if i < 0 {
		return opensc.Object{}, fmt.Errorf("pkcs11-tool does not list %q", k.Name)
	}
	return found[i], nil
}
