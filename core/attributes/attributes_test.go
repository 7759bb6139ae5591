package attributes_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/core/attributes"
	"gatehouse/core/keys"
)

func TestAttributes(t *testing.T) {
	t.Parallel()
	virtual := &keys.Pointer{ID: []byte{1, 2}, Label: []byte("pay"), Extractable: true}
	for name, c := range map[string]struct {
		key    keys.Key
		pkcs11 attributes.Attributes
		cng    attributes.Attributes
	}{
		"an hsm's rsa key that a sync found": {
			keys.Key{ID: "k", Name: "n", Type: keys.RSA, Size: 2048, Ops: keys.OpSign | keys.OpVerify, Origin: keys.OriginExternal, Virtual: virtual},
			attributes.Attributes{
				"CKA_CLASS": "CKO_PRIVATE_KEY", "CKA_TOKEN": "true", "CKA_KEY_TYPE": "CKK_RSA", "CKA_ID": "AQI=", "CKA_LABEL": "pay",
				"CKA_SIGN": "true", "CKA_VERIFY": "true", "CKA_ENCRYPT": "false", "CKA_DECRYPT": "false", "CKA_WRAP": "false", "CKA_UNWRAP": "false",
				"CKA_EXTRACTABLE": "true", "CKA_MODULUS_BITS": "2048",
			},
			attributes.Attributes{
				"Name": "n", "Unique Name": "k", "Algorithm Group": "RSA", "Algorithm Name": "RSA", "Length": "2048",
				"Key Usage": "NCRYPT_ALLOW_SIGNING_FLAG", "Export Policy": "NCRYPT_ALLOW_EXPORT_FLAG",
			},
		},
		"a generated hmac key that ends": {
			keys.Key{ID: "k", Name: "n", Type: keys.HMAC, Size: 256, Ops: keys.OpMAC, Origin: keys.OriginGenerated, KCV: "abc", DeactivationDate: time.Date(2027, 1, 2, 3, 0, 0, 0, time.UTC)},
			attributes.Attributes{
				"CKA_CLASS": "CKO_SECRET_KEY", "CKA_TOKEN": "true", "CKA_KEY_TYPE": "CKK_GENERIC_SECRET", "CKA_SIGN": "true", "CKA_DERIVE": "false",
				"CKA_EXTRACTABLE": "false", "CKA_LOCAL": "true", "CKA_VALUE_LEN": "32", "CKA_CHECK_VALUE": "abc", "CKA_END_DATE": "20270102",
			},
			attributes.Attributes{"Name": "n", "Unique Name": "k", "Length": "256"},
		},
		"a public half": {
			keys.Key{ID: "k", Name: "n", Type: keys.EC, Curve: keys.P256, Size: 256, Ops: keys.OpVerify, PublicOnly: true, Origin: keys.OriginExternal, Metadata: map[string]string{"cng.Key Type": "machine", "cng.": "x", "team": "y", "cng.Name": "other"}},
			attributes.Attributes{"CKA_CLASS": "CKO_PUBLIC_KEY", "CKA_TOKEN": "true", "CKA_KEY_TYPE": "CKK_EC", "CKA_SIGN": "false", "CKA_VERIFY": "true", "CKA_DERIVE": "false", "CKA_LOCAL": "false"},
			attributes.Attributes{"Name": "n", "Unique Name": "k", "Algorithm Group": "ECDSA", "Algorithm Name": "ECDSA_P256", "Length": "256", "Key Type": "machine"},
		},
		"a certificate": {
			keys.Key{ID: "k", Name: "n", Type: keys.Certificate},
			attributes.Attributes{"CKA_CLASS": "CKO_CERTIFICATE", "CKA_TOKEN": "true"},
			attributes.Attributes{"Name": "n", "Unique Name": "k"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.pkcs11, attributes.PKCS11(c.key)); diff != "" {
				t.Errorf("PKCS#11 (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.cng, attributes.CNG(c.key)); diff != "" {
				t.Errorf("CNG (-want +got):\n%s", diff)
			}
		})
	}
}
