package attributes

import (
	"strings"

	"gatehouse/core/keys"
)

// Prefix is how the names of a key's custom metadata begin that hold CNG
// properties which its record does not tell, as a key storage provider sets them.
const Prefix = "cng."

// CNG returns the properties of a key in Microsoft's Key Storage interface
// (NCrypt), by the names of ncrypt.h, and those kept in custom metadata.
func CNG(k keys.Key) Attributes {
	a := Attributes{}
	for name, value := range k.Metadata {
		if property, ok := strings.CutPrefix(name, Prefix); ok && property != "" {
			a.put(property, value)
		}
	}
	a.put("Name", k.Name)
	a.put("Unique Name", string(k.ID))
	a.put("Algorithm Group", group(k))
	a.put("Algorithm Name", algorithm(k))
	a.number("Length", k.Size)
	a.put("Key Usage", usage(k.Ops))
	if extractable(k) && !k.PublicOnly {
		a["Export Policy"] = "NCRYPT_ALLOW_EXPORT_FLAG"
	}
	return a
}

func group(k keys.Key) string {
	switch k.Type {
	case keys.RSA, keys.AES:
		return string(k.Type)
	case keys.DES3:
		return "3DES"
	case keys.EC:
		if k.Ops.Has(keys.OpAgree) && !k.Ops.Has(keys.OpSign) {
			return "ECDH"
		}
		return "ECDSA"
	default:
		return ""
	}
}

// named are the curves that have algorithms of their own.
var named = map[keys.Curve]string{keys.P256: "_P256", keys.P384: "_P384", keys.P521: "_P521"}

func algorithm(k keys.Key) string {
	if k.Type == keys.HMAC || k.Curve == keys.Ed25519 || k.Curve == keys.X25519 {
		return ""
	}
	return group(k) + named[k.Curve]
}

func usage(ops keys.Ops) string {
	flags := []string{}
	for _, f := range []struct {
		ops  keys.Ops
		flag string
	}{
		{keys.OpDecrypt, "NCRYPT_ALLOW_DECRYPT_FLAG"},
		{keys.OpSign, "NCRYPT_ALLOW_SIGNING_FLAG"},
		{keys.OpAgree, "NCRYPT_ALLOW_KEY_AGREEMENT_FLAG"},
	} {
		if ops.Has(f.ops) {
			flags = append(flags, f.flag)
		}
	}
	return strings.Join(flags, " ")
}
