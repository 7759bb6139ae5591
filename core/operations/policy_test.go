package operations_test

import (
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

func TestPermit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		op   operations.Operation
		typ  keys.Type
		only string
		want fault.Kind
	}{
		"ECB unnamed":                    {operations.Encrypt{Mode: operations.ECB}, keys.AES, "", fault.Denied},
		"ECB unnamed, decrypting":        {operations.Decrypt{Mode: operations.ECB}, keys.DES3, "", fault.Denied},
		"ECB unnamed, wrapping":          {operations.Wrap{Mode: operations.ECB}, keys.AES, "", fault.Denied},
		"ECB unnamed, unwrapping":        {operations.Unwrap{Mode: operations.ECB}, keys.AES, "", fault.Denied},
		"ECB unnamed, deriving":          {operations.Derive{By: operations.EncryptData{Encryption: operations.Encrypt{Mode: operations.ECB}}}, keys.AES, "", fault.Denied},
		"ECB named":                      {operations.Encrypt{Mode: operations.ECB}, keys.AES, "ECB", ""},
		"another than the one named":     {operations.Encrypt{Mode: operations.CBC}, keys.AES, "ECB", fault.Denied},
		"another, in parts":              {operations.Begin{Mode: operations.CBC}, keys.AES, "GCM", fault.Denied},
		"the one named":                  {operations.Encrypt{Mode: operations.GCM}, keys.AES, "GCM", ""},
		"any":                            {operations.Encrypt{Mode: operations.GCM}, keys.AES, "", ""},
		"what has no mode":               {operations.MAC{}, keys.AES, "GCM", ""},
		"deriving by no cipher":          {operations.Derive{By: operations.HKDF{}}, keys.AES, "GCM", ""},
		"a padding of RSA, which is one": {operations.Encrypt{Mode: operations.OAEP}, keys.RSA, "", ""},
	} {
		err := operations.Permit(c.op, keys.Key{Type: c.typ, Cipher: keys.CipherOptions{Mode: c.only}})
		if got := fault.KindOf(err); err == nil && c.want != "" || err != nil && got != c.want {
			t.Errorf("%s: got error %v, want kind %q", name, err, c.want)
		}
	}
}

// A key that wants random initialisation vectors protects with no other one, and
// undoes what has any.
func TestPermitRandomIV(t *testing.T) {
	t.Parallel()
	iv := make([]byte, 16)
	for name, c := range map[string]struct {
		op   operations.Operation
		want fault.Kind
	}{
		"encrypting with a given one": {operations.Encrypt{Mode: operations.CBC, IV: iv}, fault.Denied},
		"wrapping with a given one":   {operations.Wrap{Mode: operations.CBC, IV: iv}, fault.Denied},
		"in parts with a given one":   {operations.Begin{Mode: operations.CBC, IV: iv}, fault.Denied},
		"deriving with a given one":   {operations.Derive{By: operations.EncryptData{Encryption: operations.Encrypt{Mode: operations.CBC, IV: iv}}}, fault.Denied},
		"encrypting":                  {operations.Encrypt{Mode: operations.CBC}, ""},
		"wrapping":                    {operations.Wrap{Mode: operations.KW}, ""},
		"in parts":                    {operations.Begin{Mode: operations.CTR}, ""},
		"decrypting":                  {operations.Decrypt{Mode: operations.CBC, IV: iv}, ""},
		"decrypting in parts":         {operations.Begin{Decrypt: true, Mode: operations.CBC, IV: iv}, ""},
		"unwrapping":                  {operations.Unwrap{Mode: operations.CBC, IV: iv}, ""},
	} {
		for random, want := range map[bool]fault.Kind{true: c.want, false: ""} {
			err := operations.Permit(c.op, keys.Key{Type: keys.AES, Cipher: keys.CipherOptions{RandomIV: random}})
			if got := fault.KindOf(err); err == nil && want != "" || err != nil && got != want {
				t.Errorf("%s, random %t: got error %v, want kind %q", name, random, err, want)
			}
		}
	}
}
