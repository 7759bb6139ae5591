package softkeys

import (
	"context"
	"encoding/asn1"

	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

// key is an opened key of one type. Its methods may be called at once by many
// goroutines, except wipe, which is the last.
type key interface {
	facts() facts

	// form returns the material in its normal form, which parse takes: PKCS#8
	// or SubjectPublicKeyInfo DER, or raw bytes. The caller owns it.
	form() ([]byte, error)

	// operate does op, which operations.Check has found fit for this type.
	operate(op operations.Operation) (operations.Result, error)

	// inParts does op, which is of a message in parts; kid is the key's own id.
	inParts(kid id.Key, op operations.Operation) (operations.Result, error)

	// wrap encrypts the material of another key.
	wrap(w operations.Wrap, material []byte) (operations.Result, error)

	// unwrap returns the material that wrap encrypted, which is the caller's.
	// Whatever is wrong with it is operations.DecryptRefused's error.
	unwrap(u operations.Unwrap) ([]byte, error)

	// derive does op, which makes a key of n bytes. They are the caller's.
	derive(op operations.Operation, n int) ([]byte, operations.Result, error)

	// wipe overwrites what can be overwritten.
	wipe()
}

// facts is what may be known of a key.
type facts struct {
	size       int
	curve      keys.Curve
	paramSet   keys.ParamSet
	exponent   int    // RSA
	public     []byte // DER SubjectPublicKeyInfo
	kcv        string
	kcvCMAC    string
	publicOnly bool
}

// Limits of material in bytes beyond those of keys.Spec: the largest private
// key in DER here is one of RSA with 8192 bits, of about 4.7 KiB.
const maxDER = 8 * 1024

// read parses material and compares it with what s says of it.
func read(s keys.Spec, material secret.Value) (key, error) {
	if n := material.Len(); n == 0 || n > keys.MaxMaterial {
		return nil, fault.New(fault.Invalid, "value must be 1 to %d bytes", keys.MaxMaterial)
	}
	der, err := unarmoured(s.Type, material.Reveal(reveal.Permit{}))
	if err != nil {
		return nil, err
	}
	k, err := parse(s.Type, der)
	if err != nil {
		return nil, err
	}
	f := k.facts()
	switch {
	case s.Size != 0 && f.size != 0 && s.Size != f.size:
		err = fault.New(fault.Invalid, "key_size does not fit the value")
	case s.Curve != "" && s.Curve != f.curve:
		err = fault.New(fault.Invalid, "elliptic_curve does not fit the value")
	case s.ParamSet != "" && s.ParamSet != f.paramSet:
		err = fault.New(fault.Invalid, "param_set does not fit the value")
	case s.Type == keys.RSA && s.RSA.PublicExponent != 0 && s.RSA.PublicExponent != f.exponent:
		err = fault.New(fault.Invalid, "the public exponent does not fit the value")
	default:
		_, err = s.OnCurve(f.curve)
	}
	if err != nil {
		k.wipe()
		return nil, err
	}
	return k, nil
}

// parse reads material of type t, copying what it keeps.
func parse(t keys.Type, material []byte) (key, error) {
	if t.Asymmetric() {
		if len(material) > maxDER {
			return nil, fault.New(fault.Invalid, "value is longer than any %s key", t)
		}
		var whole asn1.RawValue
		if rest, err := asn1.Unmarshal(material, &whole); err != nil || len(rest) != 0 {
			return nil, notDER(t, err)
		}
	}
	switch t {
	case keys.AES:
		return newAES(material)
	case keys.DES3:
		return newDES3(material)
	case keys.HMAC:
		return newHMAC(material), nil
	case keys.RSA:
		return parseRSA(material)
	case keys.EC:
		return parseEC(material)
	case keys.MLDSA:
		return parseMLDSA(material)
	case keys.MLKEM:
		return parseMLKEM(material)
	case keys.Secret, keys.Opaque:
		return newData(material), nil
	case keys.Certificate:
		return parseCertificate(material)
	default:
		return nil, fault.New(fault.Unsupported, "keys of type %s are not supported in an ordinary group", t)
	}
}

// generate makes a key for a checked spec.
func (b *Backend) generate(ctx context.Context, s keys.Spec) (key, error) {
	switch s.Type {
	case keys.AES:
		return newAES(randomBytes(s.Size / 8))
	case keys.DES3:
		return newDES3(randomDES3(s.Size))
	case keys.HMAC:
		return newHMAC(randomBytes(s.Size / 8)), nil
	case keys.RSA:
		return b.generateRSA(ctx, s)
	case keys.EC:
		return generateEC(s.Curve)
	case keys.MLDSA:
		return generateMLDSA(s.ParamSet)
	case keys.MLKEM:
		return generateMLKEM(s.ParamSet)
	case keys.Secret, keys.Opaque, keys.Certificate:
		return nil, fault.New(fault.Invalid, "objects of type %s can only be imported", s.Type)
	default:
		return nil, fault.New(fault.Unsupported, "keys of type %s are not supported in an ordinary group", s.Type)
	}
}
