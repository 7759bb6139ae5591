package keys

import "gatehouse/core/fault"

// Type is an object type of the API (obj_type).
type Type string

// The types that Gatehouse holds.
const (
	AES         Type = "AES"
	DES3        Type = "DES3"
	RSA         Type = "RSA"
	EC          Type = "EC"
	HMAC        Type = "HMAC"
	Secret      Type = "SECRET"
	Opaque      Type = "OPAQUE"
	Certificate Type = "CERTIFICATE"
	MLDSA       Type = "MLDSA" // FIPS 204: signatures
	MLKEM       Type = "MLKEM" // FIPS 203: key encapsulation
)

// Types lists the types that Gatehouse holds.
func Types() []Type {
	return []Type{AES, DES3, RSA, EC, HMAC, Secret, Opaque, Certificate, MLDSA, MLKEM}
}

// foreign are the types that the API names and Gatehouse refuses as unsupported.
// The BETA ones were drafts of what FIPS 203 and 204 became, and do not
// understand its keys.
var foreign = map[string]bool{
	"ARIA": true, "DES": true, "SEED": true, "DSA": true, "KCDSA": true, "ECKCDSA": true, "BIP32": true,
	"SLIP10": true, "BLS": true, "LEDABETA": true, "ROUND5BETA": true, "LMS": true, "XMSS": true,
	"MLDSABETA": true, "MLKEMBETA": true, "PBE": true,
}

// ParseType reads an object type: Unsupported for those that only the API
// knows, Invalid for what nobody knows.
func ParseType(s string) (Type, error) {
	for _, t := range Types() {
		if string(t) == s {
			return t, nil
		}
	}
	if foreign[s] {
		return "", fault.New(fault.Unsupported, "object type %s is not supported", s)
	}
	return "", fault.New(fault.Invalid, "obj_type is not one that the API knows")
}

// Asymmetric reports whether t has a public half.
func (t Type) Asymmetric() bool { return t == RSA || t == EC || t == MLDSA || t == MLKEM }

// Curve is an elliptic curve of the API (elliptic_curve).
type Curve string

// The curves that Gatehouse holds.
const (
	P224      Curve = "NistP224"
	P256      Curve = "NistP256"
	P384      Curve = "NistP384"
	P521      Curve = "NistP521"
	Secp256k1 Curve = "SecP256K1"
	Ed25519   Curve = "Ed25519"
	X25519    Curve = "X25519"
)

// curveBits are the sizes of the curves' fields in bits, as key_size tells them.
var curveBits = map[Curve]int{
	P224: 224, P256: 256, P384: 384, P521: 521, Secp256k1: 256, Ed25519: 255, X25519: 255,
}

var foreignCurves = map[string]bool{
	"Ed448": true, "X448": true, "SecP192K1": true, "SecP224K1": true, "NistP192": true, "Gost256A": true,
}

// Curves lists the curves that Gatehouse holds.
func Curves() []Curve { return []Curve{P224, P256, P384, P521, Secp256k1, Ed25519, X25519} }

// ParseCurve reads a curve: Unsupported for those that only the API knows,
// Invalid for what nobody knows.
func ParseCurve(s string) (Curve, error) {
	if _, ok := curveBits[Curve(s)]; ok {
		return Curve(s), nil
	}
	if foreignCurves[s] {
		return "", fault.New(fault.Unsupported, "curve %s is not supported", s)
	}
	return "", fault.New(fault.Invalid, "elliptic_curve is not one that the API knows")
}

// Bits returns the size of the curve's field in bits, 0 for an unknown curve.
func (c Curve) Bits() int { return curveBits[c] }

// ParamSet is a set of parameters of ML-DSA or ML-KEM (param_set). It takes the
// place that size and curve have elsewhere.
type ParamSet string

// The sets of parameters that Gatehouse holds.
const (
	MLDSA44   ParamSet = "MlDsa44"
	MLDSA65   ParamSet = "MlDsa65"
	MLDSA87   ParamSet = "MlDsa87"
	MLKEM768  ParamSet = "MlKem768"
	MLKEM1024 ParamSet = "MlKem1024"
)

// mlkem512 is known to the API alone: no library here has it, and FIPS 203
// names the two others first.
const mlkem512 ParamSet = "MlKem512"

// ParamSets lists the sets of parameters of t that Gatehouse holds; none for a
// type without them.
func ParamSets(t Type) []ParamSet {
	switch t {
	case MLDSA:
		return []ParamSet{MLDSA44, MLDSA65, MLDSA87}
	case MLKEM:
		return []ParamSet{MLKEM768, MLKEM1024}
	default:
		return nil
	}
}

// ParseParamSet reads a set of parameters of t: Unsupported for what only the
// API knows, Invalid for what nobody knows and for one of another type.
func ParseParamSet(t Type, s string) (ParamSet, error) {
	for _, p := range ParamSets(t) {
		if string(p) == s {
			return p, nil
		}
	}
	if t == MLKEM && ParamSet(s) == mlkem512 {
		return "", fault.New(fault.Unsupported, "param_set %s is not supported", mlkem512)
	}
	return "", fault.New(fault.Invalid, "param_set is not one of this type of key")
}
