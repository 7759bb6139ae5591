package estate

import (
	"github.com/miekg/pkcs11"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

// The key types and generation mechanisms of Edwards curves are those of
// PKCS#11 v3.0, which the binding does not name.
const (
	ckkECEdwards           = 0x40
	ckmECEdwardsKeyPairGen = 0x1055
)

// curveParams are the DER object identifiers of the curves (CKA_EC_PARAMS).
var curveParams = map[keys.Curve][]byte{
	keys.P256:      {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07},
	keys.P384:      {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22},
	keys.P521:      {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23},
	keys.Secp256k1: {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a},
	keys.Ed25519:   {0x06, 0x03, 0x2b, 0x65, 0x70},
}

func keyType(k Key) uint {
	switch k.Type {
	case keys.AES:
		return pkcs11.CKK_AES
	case keys.DES3:
		return pkcs11.CKK_DES3
	case keys.HMAC:
		return pkcs11.CKK_GENERIC_SECRET
	case keys.RSA:
		return pkcs11.CKK_RSA
	case keys.EC:
		if k.Curve == keys.Ed25519 {
			return ckkECEdwards
		}
		return pkcs11.CKK_EC
	case keys.Secret, keys.Opaque, keys.Certificate, keys.MLDSA, keys.MLKEM: // not in the estate
	}
	return pkcs11.CKK_DES
}

func secretMechanism(k Key) *pkcs11.Mechanism {
	m := map[keys.Type]uint{
		keys.AES: pkcs11.CKM_AES_KEY_GEN, keys.DES3: pkcs11.CKM_DES3_KEY_GEN, keys.HMAC: pkcs11.CKM_GENERIC_SECRET_KEY_GEN,
	}
	return pkcs11.NewMechanism(m[k.Type], nil)
}

func pairMechanism(k Key) *pkcs11.Mechanism {
	switch {
	case k.Type == keys.RSA:
		return pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN, nil)
	case k.Curve == keys.Ed25519:
		return pkcs11.NewMechanism(ckmECEdwardsKeyPairGen, nil)
	default:
		return pkcs11.NewMechanism(pkcs11.CKM_EC_KEY_PAIR_GEN, nil)
	}
}

// parameters are what the public half of a new pair is told.
func parameters(k Key) []*pkcs11.Attribute {
	if k.Type == keys.RSA {
		return []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_MODULUS_BITS, k.Size),
			pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}),
		}
	}
	return []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, curveParams[k.Curve])}
}

func object(k Key, class hsm.Class) []*pkcs11.Attribute {
	number := map[hsm.Class]uint{
		hsm.SecretKey: pkcs11.CKO_SECRET_KEY, hsm.PrivateKey: pkcs11.CKO_PRIVATE_KEY, hsm.PublicKey: pkcs11.CKO_PUBLIC_KEY,
	}
	return []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, number[class]),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, keyType(k)),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, class != hsm.PublicKey),
		pkcs11.NewAttribute(pkcs11.CKA_ID, k.ID),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, k.Label),
	}
}

func publicHalf(k Key) []*pkcs11.Attribute {
	return append(object(k, hsm.PublicKey),
		pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true),
		pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, k.Type == keys.RSA),
		pkcs11.NewAttribute(pkcs11.CKA_WRAP, k.Type == keys.RSA))
}

func privateHalf(k Key) []*pkcs11.Attribute {
	return append(object(k, hsm.PrivateKey),
		pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true),
		pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false),
		pkcs11.NewAttribute(pkcs11.CKA_SIGN, true),
		pkcs11.NewAttribute(pkcs11.CKA_DECRYPT, k.Type == keys.RSA),
		pkcs11.NewAttribute(pkcs11.CKA_UNWRAP, k.Type == keys.RSA))
}

// secretKey is the template of a secret key. As in life, keys for data were
// made extractable for the backup, and the rest was not.
func secretKey(k Key) []*pkcs11.Attribute {
	mac := k.Type == keys.HMAC
	t := append(object(k, hsm.SecretKey),
		pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true),
		pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, k.Type == keys.AES && k.Size == 256),
		pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, !mac),
		pkcs11.NewAttribute(pkcs11.CKA_DECRYPT, !mac),
		pkcs11.NewAttribute(pkcs11.CKA_WRAP, !mac),
		pkcs11.NewAttribute(pkcs11.CKA_UNWRAP, !mac),
		pkcs11.NewAttribute(pkcs11.CKA_SIGN, mac),
		pkcs11.NewAttribute(pkcs11.CKA_VERIFY, mac))
	if k.Type != keys.DES3 {
		t = append(t, pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, k.Size/8))
	}
	return t
}
