package softkeys

import (
	"bytes"
	"crypto/mlkem"
	"encoding/asn1"
	"errors"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// mlkemKey is a key pair of ML-KEM (FIPS 203) or its public half.
type mlkemKey struct {
	noParts
	noWrapper
	set     keys.ParamSet
	private decapsulator // nil when only the public half is here
	public  encapsulator
	spki    []byte
}

// decapsulator and encapsulator are what the library's types for each set of
// parameters have in common.
type decapsulator interface {
	Bytes() []byte // the seed
	Decapsulate(ciphertext []byte) ([]byte, error)
}

type encapsulator interface {
	Bytes() []byte
	Encapsulate() (shared, ciphertext []byte)
}

// mlkemSeed is the length of a private key in bytes: both seeds of FIPS 203, 7.1.
const mlkemSeed = mlkem.SeedSize

func mlkemPair(set keys.ParamSet, seed []byte) (decapsulator, encapsulator, error) {
	switch set {
	case keys.MLKEM768:
		k, err := mlkem.NewDecapsulationKey768(seed)
		if err != nil {
			return nil, nil, err
		}
		public := k.EncapsulationKey()
		return k, public, nil
	case keys.MLKEM1024:
		k, err := mlkem.NewDecapsulationKey1024(seed)
		if err != nil {
			return nil, nil, err
		}
		public := k.EncapsulationKey()
		return k, public, nil
	default:
		return nil, nil, fault.New(fault.Internal, "a set of parameters that is not of ML-KEM")
	}
}

func mlkemPublic(set keys.ParamSet, b []byte) (encapsulator, error) {
	if set == keys.MLKEM768 {
		return mlkem.NewEncapsulationKey768(b)
	}
	return mlkem.NewEncapsulationKey1024(b)
}

func generateMLKEM(set keys.ParamSet) (key, error) {
	if set == "" {
		return nil, fault.New(fault.Invalid, "param_set is required for a key of type %s", keys.MLKEM)
	}
	seed := randomBytes(mlkemSeed)
	defer clear(seed)
	return newMLKEM(set, seed)
}

func newMLKEM(set keys.ParamSet, seed []byte) (key, error) {
	private, public, err := mlkemPair(set, seed)
	if err != nil {
		return nil, notMLKEM(err)
	}
	return finishMLKEM(&mlkemKey{set: set, private: private, public: public})
}

func finishMLKEM(k *mlkemKey) (key, error) {
	var err error
	b := k.public.Bytes()
	k.spki, err = asn1.Marshal(spkiInfo{
		Algorithm: algorithm(mlkemOID(k.set), nil), Key: asn1.BitString{Bytes: b, BitLength: 8 * len(b)},
	})
	return k, refused("encoding an ML-KEM public key", err)
}

func mlkemOID(set keys.ParamSet) asn1.ObjectIdentifier {
	if set == keys.MLKEM768 {
		return oidMLKEM768
	}
	return oidMLKEM1024
}

func mlkemSet(a algorithmID) (keys.ParamSet, error) {
	for _, set := range keys.ParamSets(keys.MLKEM) {
		if a.is(mlkemOID(set), nil) {
			return set, nil
		}
	}
	if a.is(oidMLKEM512, nil) {
		return "", fault.New(fault.Unsupported, "ML-KEM-512 is not supported")
	}
	return "", notMLKEM(errors.New("a key of another type"))
}

// parseMLKEM reads the forms of RFC 9935: SubjectPublicKeyInfo, and PKCS#8 with
// the seed, alone or beside the expanded key, of which as much is compared as
// both tell. An expanded key alone, which no library here takes, is refused.
func parseMLKEM(der []byte) (key, error) {
	if p, ok := parsePKCS8(der); ok {
		set, err := mlkemSet(p.Algorithm)
		if err != nil {
			return nil, err
		}
		return parseMLKEMPrivate(set, p.Key)
	}
	s, ok := parseSPKI(der)
	if !ok || s.Key.BitLength%8 != 0 {
		return nil, notMLKEM(errors.New("neither form"))
	}
	set, err := mlkemSet(s.Algorithm)
	if err != nil {
		return nil, err
	}
	public, err := mlkemPublic(set, s.Key.Bytes)
	if err != nil {
		return nil, notMLKEM(err)
	}
	return finishMLKEM(&mlkemKey{set: set, public: public})
}

func parseMLKEMPrivate(set keys.ParamSet, b []byte) (key, error) {
	var choice asn1.RawValue
	if rest, err := asn1.Unmarshal(b, &choice); err != nil || len(rest) != 0 {
		return nil, notMLKEM(err)
	}
	switch {
	case choice.Class == asn1.ClassContextSpecific && choice.Tag == 0 && !choice.IsCompound:
		return newMLKEM(set, choice.Bytes)
	case choice.Class == asn1.ClassUniversal && choice.Tag == asn1.TagSequence:
		var both struct{ Seed, Expanded []byte }
		if rest, err := asn1.Unmarshal(b, &both); err != nil || len(rest) != 0 {
			return nil, notMLKEM(err)
		}
		k, err := newMLKEM(set, both.Seed)
		if err != nil {
			return nil, err
		}
		// FIPS 203, algorithm 16: s, the public key, its hash, z.
		public, z := k.(*mlkemKey).public.Bytes(), both.Seed[mlkemSeed/2:]
		n := len(public) - 32
		if len(both.Expanded) != n+len(public)+64 ||
			!bytes.Equal(both.Expanded[n:n+len(public)], public) || !bytes.HasSuffix(both.Expanded, z) {
			return nil, notMLKEM(errors.New("seed and expanded key are of two keys"))
		}
		return k, nil
	case choice.Class == asn1.ClassUniversal && choice.Tag == asn1.TagOctetString:
		return nil, fault.New(fault.Unsupported, "value is an expanded ML-KEM key without its seed, which is not supported")
	default:
		return nil, notMLKEM(errors.New("no form of a private key"))
	}
}

func notMLKEM(cause error) error {
	return fault.Wrap(fault.Invalid, cause, "value is not an %s key in DER as PKCS#8 or SubjectPublicKeyInfo", keys.MLKEM)
}

func (k *mlkemKey) facts() facts {
	return facts{paramSet: k.set, public: k.spki, publicOnly: k.private == nil}
}

func (k *mlkemKey) form() ([]byte, error) {
	if k.private == nil {
		return bytes.Clone(k.spki), nil
	}
	seed := k.private.Bytes()
	defer clear(seed)
	inner, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, Bytes: seed})
	if err != nil {
		return nil, refused("encoding an ML-KEM key", err)
	}
	defer clear(inner)
	der, err := asn1.Marshal(pkcs8Info{Algorithm: algorithm(mlkemOID(k.set), nil), Key: inner})
	return der, refused("encoding an ML-KEM key", err)
}

// wipe does nothing: the library's copies of a parsed key are out of reach.
func (k *mlkemKey) wipe() {}

func (k *mlkemKey) operate(op operations.Operation) (operations.Result, error) {
	return operations.Result{}, misfit(op)
}

func (k *mlkemKey) derive(op operations.Operation, n int) ([]byte, operations.Result, error) {
	var (
		shared []byte
		res    operations.Result
		err    error
	)
	switch op := op.(type) {
	case operations.Encapsulate:
		shared, res.Output = k.public.Encapsulate()
	case operations.Decapsulate:
		if k.private == nil {
			return nil, res, publicHalf()
		}
		// Only a wrong length is an error. Any other ciphertext gives some key
		// (FIPS 203, 7.3): whether it is the right one shows when it is used.
		if shared, err = k.private.Decapsulate(op.Cipher); err != nil {
			return nil, res, operations.DecryptRefused(err)
		}
	default:
		return nil, res, misfit(op)
	}
	shared, err = first(shared, n)
	return shared, res, err
}
