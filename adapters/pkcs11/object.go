package pkcs11

import (
	"bytes"
	"slices"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/adapters/pkcs11/internal/der"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

// classes are the classes that the port tells apart.
var classes = map[uint]hsm.Class{
	pkcs11.CKO_SECRET_KEY:  hsm.SecretKey,
	pkcs11.CKO_PRIVATE_KEY: hsm.PrivateKey,
	pkcs11.CKO_PUBLIC_KEY:  hsm.PublicKey,
	pkcs11.CKO_CERTIFICATE: hsm.Certificate,
	pkcs11.CKO_DATA:        hsm.Data,
}

// classNumber is the reverse of classes.
func classNumber(c hsm.Class) uint {
	for n, class := range classes {
		if class == c {
			return n
		}
	}
	return pkcs11.CKO_VENDOR_DEFINED
}

// keyTypes are the key types that Gatehouse holds. A generic secret is a HMAC
// key or a secret by its use.
var keyTypes = map[uint]keys.Type{
	pkcs11.CKK_AES:            keys.AES,
	pkcs11.CKK_DES2:           keys.DES3,
	pkcs11.CKK_DES3:           keys.DES3,
	pkcs11.CKK_RSA:            keys.RSA,
	pkcs11.CKK_EC:             keys.EC,
	ckkECEdwards:              keys.EC,
	ckkECMontgomery:           keys.EC,
	pkcs11.CKK_GENERIC_SECRET: keys.Secret,
	pkcs11.CKK_SHA_1_HMAC:     keys.HMAC,
	pkcs11.CKK_SHA224_HMAC:    keys.HMAC,
	pkcs11.CKK_SHA256_HMAC:    keys.HMAC,
	pkcs11.CKK_SHA384_HMAC:    keys.HMAC,
	pkcs11.CKK_SHA512_HMAC:    keys.HMAC,
	pkcs11.CKK_SHA3_224_HMAC:  keys.HMAC,
	pkcs11.CKK_SHA3_256_HMAC:  keys.HMAC,
	pkcs11.CKK_SHA3_384_HMAC:  keys.HMAC,
	pkcs11.CKK_SHA3_512_HMAC:  keys.HMAC,
}

// use is what an attribute permits to a key of one class and type.
type use struct {
	at   int  // in wanted
	attr uint // CKA_…
	op   keys.Ops
}

var blockCipherUses = []use{
	{atEncrypt, pkcs11.CKA_ENCRYPT, keys.OpEncrypt},
	{atDecrypt, pkcs11.CKA_DECRYPT, keys.OpDecrypt},
	{atSign, pkcs11.CKA_SIGN, keys.OpMAC},
	{atVerify, pkcs11.CKA_VERIFY, keys.OpMACVerify},
	{atWrap, pkcs11.CKA_WRAP, keys.OpWrap},
	{atUnwrap, pkcs11.CKA_UNWRAP, keys.OpUnwrap},
	{atDerive, pkcs11.CKA_DERIVE, keys.OpDerive},
}

var secretUses = []use{
	{atSign, pkcs11.CKA_SIGN, keys.OpMAC},
	{atVerify, pkcs11.CKA_VERIFY, keys.OpMACVerify},
	{atDerive, pkcs11.CKA_DERIVE, keys.OpDerive},
}

// usesOf lists what the attributes of an object permit.
func usesOf(class hsm.Class, t keys.Type) []use {
	switch {
	case class == hsm.SecretKey && (t == keys.AES || t == keys.DES3):
		return blockCipherUses
	case class == hsm.SecretKey:
		return secretUses
	case class == hsm.PrivateKey && t == keys.RSA:
		return []use{
			{atSign, pkcs11.CKA_SIGN, keys.OpSign},
			{atDecrypt, pkcs11.CKA_DECRYPT, keys.OpDecrypt},
			{atUnwrap, pkcs11.CKA_UNWRAP, keys.OpUnwrap},
		}
	case class == hsm.PublicKey && t == keys.RSA:
		return []use{
			{atVerify, pkcs11.CKA_VERIFY, keys.OpVerify},
			{atEncrypt, pkcs11.CKA_ENCRYPT, keys.OpEncrypt},
			{atWrap, pkcs11.CKA_WRAP, keys.OpWrap},
		}
	case class == hsm.PrivateKey && t == keys.EC:
		return []use{{atSign, pkcs11.CKA_SIGN, keys.OpSign}, {atDerive, pkcs11.CKA_DERIVE, keys.OpAgree}}
	case class == hsm.PublicKey && t == keys.EC:
		return []use{{atVerify, pkcs11.CKA_VERIFY, keys.OpVerify}}
	default:
		return nil
	}
}

// decode makes an object of what r has read.
func decode(r *cryptoki.Reader) hsm.Object {
	class, ok := number(r, atClass)
	o := hsm.Object{Class: classes[class], ID: bytesOf(r, atID), Label: bytes.TrimRight(bytesOf(r, atLabel), " \x00")}
	if !ok {
		o.Class, o.Unreadable = hsm.OtherClass, "CKA_CLASS"
		return o
	}
	switch o.Class {
	case hsm.SecretKey, hsm.PrivateKey, hsm.PublicKey:
		decodeKey(r, &o)
	case hsm.Certificate:
		o.Type = keys.Certificate
	case hsm.Data, hsm.OtherClass:
	default:
		o.Class = hsm.OtherClass
	}
	if r.Refused(atID) || r.Refused(atLabel) {
		o.Unreadable = "CKA_ID, CKA_LABEL"
	}
	return o
}

func decodeKey(r *cryptoki.Reader, o *hsm.Object) {
	keyType, ok := number(r, atKeyType)
	if !ok {
		o.Unreadable = "CKA_KEY_TYPE"
		return
	}
	o.KeyType, o.Type = keyType, keyTypes[keyType]
	if o.Type == keys.Secret && (yes(r, atSign) || yes(r, atVerify)) {
		o.Type = keys.HMAC
	}
	for _, u := range usesOf(o.Class, o.Type) {
		if yes(r, u.at) {
			o.Ops |= u.op
		}
	}
	if o.Class != hsm.PublicKey && yes(r, atExtractable) {
		o.Extractable = true
		o.Ops |= keys.OpExport
	}
	switch o.Type {
	case keys.AES, keys.DES3, keys.HMAC, keys.Secret:
		decodeSecret(r, o)
	case keys.RSA:
		decodeRSA(r, o)
	case keys.EC:
		decodeEC(r, o)
	case keys.Opaque, keys.Certificate, keys.MLDSA, keys.MLKEM: // no key types of PKCS#11 v3.1
	}
}

// fromOutside reports whether a key has come into the token with a value, by
// C_CreateObject or C_UnwrapKey: then it says that it has not been unextractable
// for ever (v2.40, 4.4, table 17). Of one half made it is not said.
func fromOutside(r *cryptoki.Reader) bool {
	v, told := r.Value(atNeverExtractable)
	return told && len(v) == 1 && v[0] == 0
}

// maxKeyBytes is the longest secret key whose length is believed.
const maxKeyBytes = 1 << 20

func decodeSecret(r *cryptoki.Reader, o *hsm.Object) {
	n, ok := number(r, atValueLen)
	o.CheckValue = bytesOf(r, atCheckValue)
	switch {
	case o.KeyType == pkcs11.CKK_DES2:
		o.Size = 112
	case o.KeyType == pkcs11.CKK_DES3:
		o.Size = 168
	case ok && n > 0 && n <= maxKeyBytes:
		o.Size = 8 * int(n)
	case fromOutside(r): // whole, though the token does not tell the length: unwrapped, in SoftHSM2
	default:
		o.Unreadable = "CKA_VALUE_LEN"
	}
}

func decodeRSA(r *cryptoki.Reader, o *hsm.Object) {
	modulus, _ := r.Value(atModulus)
	exponent, _ := r.Value(atPublicExponent)
	pub, err := der.RSA(modulus, exponent)
	if err == nil {
		o.Size = pub.Size
		o.PublicKey, err = pub.Marshal()
	}
	if err == nil {
		return
	}
	// A private key must have its modulus only (v2.40, 2.1.3).
	if pub, err = der.RSA(modulus, []byte{1, 0, 1}); err == nil && o.Class == hsm.PrivateKey {
		o.Size = pub.Size
		return
	}
	o.Unreadable = "CKA_MODULUS, CKA_PUBLIC_EXPONENT"
}

func decodeEC(r *cryptoki.Reader, o *hsm.Object) {
	params, ok := r.Value(atECParams)
	if !ok || len(params) == 0 {
		o.Unreadable = "CKA_EC_PARAMS"
		return
	}
	if o.Curve, ok = der.CurveOf(params); !ok {
		return
	}
	o.Size = o.Curve.Bits()
	point, ok := r.Value(atECPoint)
	if !ok || len(point) == 0 {
		if o.Class == hsm.PublicKey {
			o.Unreadable = "CKA_EC_POINT"
		}
		return
	}
	pub, err := der.EC(o.Curve, point)
	if err == nil {
		o.PublicKey, err = pub.Marshal()
	}
	if err != nil && o.Class == hsm.PublicKey {
		o.Unreadable = "CKA_EC_POINT"
	}
}

// unread returns the uses of o of which the token does not tell whether it may have them.
func unread(r *cryptoki.Reader, o hsm.Object) (ops keys.Ops) {
	for _, u := range usesOf(o.Class, o.Type) {
		if r.Refused(u.at) {
			ops |= u.op
		}
	}
	return ops
}

// hidden reports whether o lacks something that the token may tell another time.
func hidden(r *cryptoki.Reader, o hsm.Object) bool {
	if o.Unreadable == "" {
		return false
	}
	told := []int{atClass, atKeyType, atID, atLabel}
	switch o.Type {
	case keys.RSA:
		told = append(told, atModulus, atPublicExponent)
	case keys.EC:
		told = append(told, atECParams, atECPoint)
	default: // has nothing else without which it cannot be used
	}
	return slices.ContainsFunc(told, r.Failed)
}

// bytesOf returns a copy of a value; nil when there is none.
func bytesOf(r *cryptoki.Reader, i int) []byte {
	v, ok := r.Value(i)
	if !ok || len(v) == 0 {
		return nil
	}
	return bytes.Clone(v)
}
