package softkeys

import (
	"bytes"
	"encoding/asn1"
	"errors"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// k256Key is a key pair on secp256k1 (SEC 2, 2.4.1) or its public half. The
// library signs with nonces of RFC 6979 and with the smaller of both possible
// values of s; it does not promise that its time tells nothing of the key.
type k256Key struct {
	noParts
	noWrapper
	private *secp256k1.PrivateKey // nil when only the public half is here
	public  *secp256k1.PublicKey
	spki    []byte
}

func newK256(private *secp256k1.PrivateKey, public *secp256k1.PublicKey) (key, error) {
	spki, err := asn1.Marshal(spkiInfo{
		Algorithm: algorithm(oidECPublicKey, oidK256),
		Key:       asn1.BitString{Bytes: public.SerializeUncompressed(), BitLength: 8 * secp256k1.PubKeyBytesLenUncompressed},
	})
	if err != nil {
		return nil, refused("encoding a secp256k1 public key", err)
	}
	return &k256Key{private: private, public: public, spki: spki}, nil
}

func generateK256() (key, error) {
	private, err := secp256k1.GeneratePrivateKey()
	if err != nil {
		return nil, refused("making a secp256k1 key", err)
	}
	return newK256(private, private.PubKey())
}

// parseK256 reads what parseEC does; mine is false for what is no key on
// secp256k1.
func parseK256(der []byte) (k key, mine bool, err error) {
	if p, ok := parsePKCS8(der); ok {
		if !p.Algorithm.is(oidECPublicKey, oidK256) {
			return nil, false, nil
		}
		var inner ecPrivateKey
		rest, err := asn1.Unmarshal(p.Key, &inner)
		if err != nil || len(rest) != 0 || inner.Version != 1 || len(inner.Curve) != 0 && !inner.Curve.Equal(oidK256) {
			return nil, true, notDER(keys.EC, errors.Join(err, errors.New("no ECPrivateKey of the curve")))
		}
		k, err = privateK256(inner.Key)
		return k, true, err
	}
	var bare ecPrivateKey
	if rest, err := asn1.Unmarshal(der, &bare); err == nil && len(rest) == 0 && bare.Version == 1 {
		if !bare.Curve.Equal(oidK256) {
			return nil, false, nil
		}
		k, err = privateK256(bare.Key)
		return k, true, err
	}
	s, ok := parseSPKI(der)
	if !ok || !s.Algorithm.is(oidECPublicKey, oidK256) {
		return nil, false, nil
	}
	public, err := secp256k1.ParsePubKey(s.Key.RightAlign())
	if err != nil {
		return nil, true, notDER(keys.EC, err)
	}
	k, err = newK256(nil, public)
	return k, true, err
}

func privateK256(number []byte) (key, error) {
	var d secp256k1.ModNScalar
	if len(number) == 0 || len(number) > 32 || d.SetByteSlice(number) || d.IsZero() {
		return nil, notDER(keys.EC, errors.New("a private key that is no number below the curve's order"))
	}
	private := secp256k1.NewPrivateKey(&d)
	return newK256(private, private.PubKey())
}

func (k *k256Key) facts() facts {
	return facts{size: keys.Secp256k1.Bits(), curve: keys.Secp256k1, public: k.spki, publicOnly: k.private == nil}
}

func (k *k256Key) form() ([]byte, error) {
	if k.private == nil {
		return bytes.Clone(k.spki), nil
	}
	point := k.public.SerializeUncompressed()
	inner, err := asn1.Marshal(ecPrivateKey{
		Version: 1, Key: k.private.Serialize(), Public: asn1.BitString{Bytes: point, BitLength: 8 * len(point)},
	})
	if err != nil {
		return nil, refused("encoding a secp256k1 key", err)
	}
	defer clear(inner)
	der, err := asn1.Marshal(pkcs8Info{Algorithm: algorithm(oidECPublicKey, oidK256), Key: inner})
	return der, refused("encoding a secp256k1 key", err)
}

func (k *k256Key) wipe() {
	if k.private != nil {
		k.private.Zero()
	}
}

func (k *k256Key) operate(op operations.Operation) (operations.Result, error) {
	switch op := op.(type) {
	case operations.Sign:
		if k.private == nil {
			return operations.Result{}, publicHalf()
		}
		_, sum, err := digest(op.Hash, op.Prehashed, op.Input)
		if err != nil {
			return operations.Result{}, err
		}
		return operations.Result{Output: ecdsa.Sign(k.private, leftmost(sum)).Serialize()}, nil
	case operations.Verify:
		_, sum, err := digest(op.Hash, op.Prehashed, op.Input)
		if err != nil {
			return operations.Result{}, err
		}
		signature, err := ecdsa.ParseDERSignature(op.Signature)
		return operations.Result{Valid: err == nil && signature.Verify(leftmost(sum), k.public)}, nil
	default:
		return operations.Result{}, misfit(op)
	}
}

// leftmost cuts a digest to the length of the curve's order (FIPS 186-5, 6.4.1).
func leftmost(sum []byte) []byte { return sum[:min(len(sum), 32)] }

func (k *k256Key) derive(op operations.Operation, n int) ([]byte, operations.Result, error) {
	return agreed(op, n, func(peer []byte) ([]byte, error) {
		if k.private == nil {
			return nil, publicHalf()
		}
		other, mine, err := parseK256(peer)
		if err != nil || !mine {
			return nil, notPeer(err)
		}
		p, ok := other.(*k256Key)
		if !ok || p.private != nil {
			return nil, notPeer(nil)
		}
		return secp256k1.GenerateSharedSecret(k.private, p.public), nil
	})
}
