package keys

import "gatehouse/core/fault"

// Ops is a set of permitted operations (key_ops).
type Ops uint32

// The operations of the API.
const (
	OpSign Ops = 1 << iota
	OpVerify
	OpEncrypt
	OpDecrypt
	OpWrap
	OpUnwrap
	OpDerive
	OpTransform
	OpMAC
	OpMACVerify
	OpExport
	OpAppManageable
	OpHighVolume
	OpAgree
	OpEncapsulate
	OpDecapsulate
)

var opNames = [...]string{
	"SIGN", "VERIFY", "ENCRYPT", "DECRYPT", "WRAPKEY", "UNWRAPKEY", "DERIVEKEY", "TRANSFORM",
	"MACGENERATE", "MACVERIFY", "EXPORT", "APPMANAGEABLE", "HIGHVOLUME", "AGREEKEY", "ENCAPSULATE", "DECAPSULATE",
}

// protect are the operations that apply protection (NIST SP 800-57 part 1,
// 5.3.5): a key that is no longer active must refuse them.
const protect = OpSign | OpEncrypt | OpWrap | OpMAC | OpDerive | OpAgree | OpEncapsulate | OpTransform

// ParseOps reads names of operations; Invalid for an unknown one.
func ParseOps(names []string) (Ops, error) {
	var ops Ops
next:
	for _, n := range names {
		for i, known := range opNames {
			if n == known {
				ops |= 1 << i
				continue next
			}
		}
		return 0, fault.New(fault.Invalid, "key_ops holds an operation that the API does not know")
	}
	return ops, nil
}

// Names lists the operations in the API's order and spelling; never nil.
func (o Ops) Names() []string {
	names := []string{}
	for i, n := range opNames {
		if o&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return names
}

// Has reports whether o holds all of want.
func (o Ops) Has(want Ops) bool { return o&want == want }

// DefaultOps returns what a new key of type t on curve c may do when its maker
// names nothing: every operation that the type has, except export. A DES3 key
// only undoes and checks what was protected before: nothing new may be (NIST SP
// 800-131A, section 2), unless its maker names the operation.
func DefaultOps(t Type, c Curve) Ops {
	ops := PossibleOps(t, c) &^ (OpExport | OpHighVolume)
	if t == DES3 {
		ops &^= protect
	}
	return ops
}

// PossibleOps returns every operation that a key of type t on curve c can have.
func PossibleOps(t Type, c Curve) Ops {
	manage := OpExport | OpAppManageable | OpHighVolume
	switch t {
	case AES:
		return manage | OpEncrypt | OpDecrypt | OpWrap | OpUnwrap | OpDerive | OpMAC | OpMACVerify
	case DES3:
		return manage | OpEncrypt | OpDecrypt | OpWrap | OpUnwrap | OpDerive | OpMAC | OpMACVerify
	case RSA:
		return manage | OpSign | OpVerify | OpEncrypt | OpDecrypt | OpWrap | OpUnwrap
	case EC:
		switch c {
		case Ed25519:
			return manage | OpSign | OpVerify
		case X25519:
			return manage | OpAgree
		case P224, P256, P384, P521, Secp256k1:
			return manage | OpSign | OpVerify | OpAgree
		default:
			return manage
		}
	case HMAC:
		return manage | OpMAC | OpMACVerify | OpDerive
	case Secret:
		return manage | OpDerive
	case MLDSA:
		return manage | OpSign | OpVerify
	case MLKEM:
		return manage | OpEncapsulate | OpDecapsulate
	case Opaque, Certificate:
		return manage
	default:
		return 0
	}
}

// UseOps returns every operation that does something with a key of type t on
// curve c, rather than manage it.
func UseOps(t Type, c Curve) Ops {
	return PossibleOps(t, c) &^ (OpExport | OpAppManageable | OpHighVolume)
}

// PublicOps are the operations that the public half of a pair can do alone.
const PublicOps = OpVerify | OpEncrypt | OpWrap | OpEncapsulate
