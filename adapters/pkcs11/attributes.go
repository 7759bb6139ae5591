package pkcs11

import (
	"encoding/binary"
	"strconv"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/core/keys"
)

// Values of PKCS#11 v3.0 that the binding does not name.
const (
	ckkECEdwards           = 0x40
	ckkECMontgomery        = 0x41
	ckmECEdwardsKeyPairGen = 0x1055
	ckmECMontgomeryPairGen = 0x1056
	ckmEDDSA               = 0x1057
)

// The attributes that an inventory reads, in the order of wanted.
const (
	atClass = iota
	atKeyType
	atID
	atLabel
	atExtractable
	atEncrypt
	atDecrypt
	atSign
	atVerify
	atWrap
	atUnwrap
	atDerive
	atValueLen
	atCheckValue
	atModulus
	atPublicExponent
	atECParams
	atECPoint
	atLasting
	atNeverExtractable
)

const ulongSize = strconv.IntSize / 8

// wanted has room for what is usual, so that one call reads an object; longer
// values are read on their own.
var wanted = []cryptoki.Want{
	atClass:          {Type: pkcs11.CKA_CLASS, Room: ulongSize, Exact: true},
	atKeyType:        {Type: pkcs11.CKA_KEY_TYPE, Room: ulongSize, Exact: true},
	atID:             {Type: pkcs11.CKA_ID, Room: 256},
	atLabel:          {Type: pkcs11.CKA_LABEL, Room: 256},
	atExtractable:    {Type: pkcs11.CKA_EXTRACTABLE, Room: 1, Exact: true},
	atEncrypt:        {Type: pkcs11.CKA_ENCRYPT, Room: 1, Exact: true},
	atDecrypt:        {Type: pkcs11.CKA_DECRYPT, Room: 1, Exact: true},
	atSign:           {Type: pkcs11.CKA_SIGN, Room: 1, Exact: true},
	atVerify:         {Type: pkcs11.CKA_VERIFY, Room: 1, Exact: true},
	atWrap:           {Type: pkcs11.CKA_WRAP, Room: 1, Exact: true},
	atUnwrap:         {Type: pkcs11.CKA_UNWRAP, Room: 1, Exact: true},
	atDerive:         {Type: pkcs11.CKA_DERIVE, Room: 1, Exact: true},
	atValueLen:       {Type: pkcs11.CKA_VALUE_LEN, Room: ulongSize, Exact: true},
	atCheckValue:     {Type: pkcs11.CKA_CHECK_VALUE, Room: 32},
	atModulus:        {Type: pkcs11.CKA_MODULUS, Room: 1024},
	atPublicExponent: {Type: pkcs11.CKA_PUBLIC_EXPONENT, Room: 16},
	atECParams:       {Type: pkcs11.CKA_EC_PARAMS, Room: 64},
	atECPoint:        {Type: pkcs11.CKA_EC_POINT, Room: 160},
	atLasting:        {Type: pkcs11.CKA_TOKEN, Room: 1, Exact: true},

	atNeverExtractable: {Type: pkcs11.CKA_NEVER_EXTRACTABLE, Room: 1, Exact: true},
}

// expected returns the attributes of variable length that an object has.
func expected(r *cryptoki.Reader) []int {
	class, _ := number(r, atClass)
	keyType, _ := number(r, atKeyType)
	switch t := keyTypes[keyType]; {
	case class != pkcs11.CKO_PRIVATE_KEY && class != pkcs11.CKO_PUBLIC_KEY:
		return []int{atID, atLabel}
	case t == keys.RSA:
		return []int{atID, atLabel, atModulus}
	case t == keys.EC && class == pkcs11.CKO_PUBLIC_KEY:
		return []int{atID, atLabel, atECParams, atECPoint}
	case t == keys.EC:
		return []int{atID, atLabel, atECParams}
	default:
		return []int{atID, atLabel}
	}
}

// number reads a CK_ULONG; ok is false when the attribute is not one.
func number(r *cryptoki.Reader, i int) (n uint, ok bool) {
	v, ok := r.Value(i)
	if !ok || len(v) != ulongSize {
		return 0, false
	}
	if ulongSize == 4 {
		return uint(binary.NativeEndian.Uint32(v)), true
	}
	return uint(binary.NativeEndian.Uint64(v)), true
}

// yes reads a CK_BBOOL; what there is not, is false.
func yes(r *cryptoki.Reader, i int) bool {
	v, ok := r.Value(i)
	return ok && len(v) == 1 && v[0] != 0
}

func ulong(n uint) []byte {
	if ulongSize == 4 {
		return binary.NativeEndian.AppendUint32(nil, uint32(n))
	}
	return binary.NativeEndian.AppendUint64(nil, uint64(n))
}

func boolean(b bool) []byte {
	if b {
		return []byte{1}
	}
	return []byte{0}
}
