package softkeys

import (
	"bytes"
	"errors"

	"filippo.io/mldsa"
	mldsax509 "filippo.io/mldsa/x509"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// mldsaKey is a key pair of ML-DSA (FIPS 204) or its public half.
type mldsaKey struct {
	noParts
	noWrapper
	noDerivation
	private *mldsa.PrivateKey // nil when only the public half is here
	public  *mldsa.PublicKey
	set     keys.ParamSet
	spki    []byte
}

func mldsaParameters(set keys.ParamSet) (mldsa.Parameters, bool) {
	switch set {
	case keys.MLDSA44:
		return mldsa.MLDSA44(), true
	case keys.MLDSA65:
		return mldsa.MLDSA65(), true
	case keys.MLDSA87:
		return mldsa.MLDSA87(), true
	default:
		return mldsa.Parameters{}, false
	}
}

func generateMLDSA(set keys.ParamSet) (key, error) {
	parameters, ok := mldsaParameters(set)
	if !ok {
		return nil, fault.New(fault.Invalid, "param_set is required for a key of type %s", keys.MLDSA)
	}
	private, err := mldsa.GenerateKey(parameters)
	if err != nil {
		return nil, refused("making an ML-DSA key", err)
	}
	return newMLDSA(private, private.PublicKey())
}

// parseMLDSA reads the forms of RFC 9881: SubjectPublicKeyInfo, and PKCS#8 with
// the seed, alone or beside the expanded key.
func parseMLDSA(der []byte) (key, error) {
	pair, pkcs8Err := mldsax509.ParsePKCS8PrivateKey(der)
	if private, ok := pair.(*mldsa.PrivateKey); ok && pkcs8Err == nil {
		return newMLDSA(private, private.PublicKey())
	}
	half, spkiErr := mldsax509.ParsePKIXPublicKey(der)
	if public, ok := half.(*mldsa.PublicKey); ok && spkiErr == nil {
		return newMLDSA(nil, public)
	}
	return nil, fault.Wrap(fault.Invalid, errors.Join(pkcs8Err, spkiErr),
		"value is not an %s key in DER as PKCS#8, with its seed, or SubjectPublicKeyInfo", keys.MLDSA)
}

func newMLDSA(private *mldsa.PrivateKey, public *mldsa.PublicKey) (key, error) {
	k := &mldsaKey{private: private, public: public}
	for _, set := range keys.ParamSets(keys.MLDSA) {
		if p, ok := mldsaParameters(set); ok && p == public.Parameters() {
			k.set = set
		}
	}
	var err error
	k.spki, err = mldsax509.MarshalPKIXPublicKey(public)
	return k, refused("encoding an ML-DSA public key", err)
}

func (k *mldsaKey) facts() facts {
	return facts{paramSet: k.set, public: k.spki, publicOnly: k.private == nil}
}

func (k *mldsaKey) form() ([]byte, error) {
	if k.private == nil {
		return bytes.Clone(k.spki), nil
	}
	der, err := mldsax509.MarshalPKCS8PrivateKey(k.private)
	return der, refused("encoding an ML-DSA key", err)
}

// wipe does nothing: the library's copies of a parsed key are out of reach.
func (k *mldsaKey) wipe() {}

func (k *mldsaKey) operate(op operations.Operation) (operations.Result, error) {
	switch op := op.(type) {
	case operations.Sign:
		if k.private == nil {
			return operations.Result{}, publicHalf()
		}
		signature, err := k.private.Sign(nil, op.Input, &mldsa.Options{Context: string(op.Context)})
		return operations.Result{Output: signature}, refused("signing with an ML-DSA key", err)
	case operations.Verify:
		err := mldsa.Verify(k.public, op.Input, op.Signature, &mldsa.Options{Context: string(op.Context)})
		return operations.Result{Valid: err == nil}, nil
	default:
		return operations.Result{}, misfit(op)
	}
}
