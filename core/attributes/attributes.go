// Package attributes tells a key in the words of PKCS#11 and of Microsoft's
// CNG: what an application that knows keys by these interfaces looks for.
//
// They follow from the key's record, so that they cannot disagree with it; for
// a virtual key CKA_ID, CKA_LABEL and CKA_EXTRACTABLE are those of the HSM, and
// the permissions are the virtual key's, which a sync never overwrites. Lists
// and details of keys use it. Values only; safe for concurrent use.
package attributes

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"gatehouse/core/keys"
)

// Attributes are attributes by their names. Truth is "true" or "false", bytes
// are base64, constants are written as their standard names them.
type Attributes map[string]string

func (a Attributes) put(name, value string) {
	if value != "" {
		a[name] = value
	}
}

func (a Attributes) flag(name string, value bool) { a[name] = strconv.FormatBool(value) }

func (a Attributes) number(name string, value int) {
	if value > 0 {
		a[name] = strconv.Itoa(value)
	}
}

// PKCS11 returns the attributes of PKCS#11 v3.1: of the half that holds the
// material, with the permissions of the pair's other half.
func PKCS11(k keys.Key) Attributes {
	a := Attributes{"CKA_CLASS": class(k), "CKA_TOKEN": "true"}
	if k.Virtual != nil {
		a.put("CKA_ID", base64.StdEncoding.EncodeToString(k.Virtual.ID))
		a.put("CKA_LABEL", strings.ToValidUTF8(string(k.Virtual.Label), "\uFFFD"))
		if kid, is := k.Virtual.Remote(); is {
			a.put("CKA_UNIQUE_ID", kid)
		}
	}
	if a["CKA_CLASS"] == "CKO_DATA" || a["CKA_CLASS"] == "CKO_CERTIFICATE" {
		return a
	}
	a.put("CKA_KEY_TYPE", keyType(k))
	for name, op := range permissions {
		if keys.PossibleOps(k.Type, k.Curve).Has(op) {
			a.flag(name, k.Ops.Has(op))
		}
	}
	if k.Ops.Has(keys.OpMAC) {
		a.flag("CKA_SIGN", true)
	}
	if k.Ops.Has(keys.OpMACVerify) {
		a.flag("CKA_VERIFY", true)
	}
	if possible := keys.PossibleOps(k.Type, k.Curve); possible.Has(keys.OpDerive) || possible.Has(keys.OpAgree) {
		a.flag("CKA_DERIVE", k.Ops.Has(keys.OpDerive) || k.Ops.Has(keys.OpAgree))
	}
	if !k.PublicOnly {
		a.flag("CKA_EXTRACTABLE", extractable(k))
	}
	if k.Virtual == nil || k.Virtual.Own { // a found key's HSM may not tell
		a.flag("CKA_LOCAL", k.Origin == keys.OriginGenerated)
	}
	switch {
	case k.Type == keys.RSA:
		a.number("CKA_MODULUS_BITS", k.Size)
	case !k.Type.Asymmetric():
		a.number("CKA_VALUE_LEN", k.Size/8)
	default:
	}
	a.put("CKA_CHECK_VALUE", k.KCV)
	a.put("CKA_START_DATE", date(k.ActivationDate))
	a.put("CKA_END_DATE", date(k.DeactivationDate))
	return a
}

// permissions are the attributes that permit operations. Those of MACs are
// CKA_SIGN and CKA_VERIFY, and agreement is a derivation, in PKCS#11.
var permissions = map[string]keys.Ops{
	"CKA_ENCRYPT": keys.OpEncrypt, "CKA_DECRYPT": keys.OpDecrypt, "CKA_SIGN": keys.OpSign, "CKA_VERIFY": keys.OpVerify,
	"CKA_WRAP": keys.OpWrap, "CKA_UNWRAP": keys.OpUnwrap,
}

func class(k keys.Key) string {
	switch {
	case k.Type == keys.Certificate:
		return "CKO_CERTIFICATE"
	case k.Type == keys.Opaque:
		return "CKO_DATA"
	case !k.Type.Asymmetric():
		return "CKO_SECRET_KEY"
	case k.PublicOnly:
		return "CKO_PUBLIC_KEY"
	default:
		return "CKO_PRIVATE_KEY"
	}
}

var keyTypes = map[keys.Type]string{
	keys.AES: "CKK_AES", keys.DES3: "CKK_DES3", keys.RSA: "CKK_RSA", keys.EC: "CKK_EC", keys.HMAC: "CKK_GENERIC_SECRET",
	keys.Secret: "CKK_GENERIC_SECRET", keys.MLDSA: "CKK_ML_DSA", keys.MLKEM: "CKK_ML_KEM",
}

func keyType(k keys.Key) string {
	switch k.Curve {
	case keys.Ed25519:
		return "CKK_EC_EDWARDS"
	case keys.X25519:
		return "CKK_EC_MONTGOMERY"
	default:
		return keyTypes[k.Type]
	}
}

func extractable(k keys.Key) bool {
	if k.Virtual != nil {
		return k.Virtual.Extractable
	}
	return k.Ops.Has(keys.OpExport)
}

// date writes a day as CK_DATE does.
func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("20060102")
}
