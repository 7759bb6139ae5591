package softkeys_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// TestKnownCiphers encrypts and decrypts the published examples.
func TestKnownCiphers(t *testing.T) {
	text, err := os.ReadFile("testdata/known.json")
	if err != nil {
		t.Fatalf("reading the examples: %v", err)
	}
	var examples []struct {
		Source                          string
		Type                            keys.Type
		Mode                            operations.Mode
		Key, IV, AD, Plain, Cipher, Tag string
	}
	if err := json.Unmarshal(text, &examples); err != nil || len(examples) == 0 {
		t.Fatalf("reading the examples: %d, error %v", len(examples), err)
	}
	d := newDesk(t)
	for _, e := range examples {
		t.Run(e.Source, func(t *testing.T) {
			k := d.take(t, keys.Spec{Type: e.Type}, unhex(t, e.Key))
			iv, ad, tag := unhex(t, e.IV), unhex(t, e.AD), unhex(t, e.Tag)
			got := d.must(t, k, operations.Encrypt{Mode: e.Mode, Plain: unhex(t, e.Plain), IV: iv, AD: ad, TagBits: 8 * len(tag)})
			if diff := cmp.Diff(operations.Result{Output: unhex(t, e.Cipher), IV: iv, Tag: tag}, got, cmp.Transformer("nil", emptyAsNil)); diff != "" {
				t.Errorf("encrypted (-want +got):\n%s", diff)
			}
			back := d.must(t, k, operations.Decrypt{Mode: e.Mode, Cipher: unhex(t, e.Cipher), IV: iv, AD: ad, Tag: tag})
			if diff := cmp.Diff(unhex(t, e.Plain), back.Output); diff != "" {
				t.Errorf("decrypted (-want +got):\n%s", diff)
			}
		})
	}
}

func emptyAsNil(b []byte) string { return string(b) }

// TestKnownEd25519 signs the first examples of RFC 8032, 7.1: the signature is
// a function of key and message.
func TestKnownEd25519(t *testing.T) {
	d := newDesk(t)
	for _, e := range []struct{ name, seed, message, signature string }{
		{"test 1", "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "", "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
		{"test 2", "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "72", "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
	} {
		t.Run(e.name, func(t *testing.T) {
			// RFC 8410, 7: the seed within PKCS#8.
			k := d.take(t, keys.Spec{Type: keys.EC}, unhex(t, "302e020100300506032b657004220420"+e.seed))
			got := d.must(t, k, operations.Sign{Input: unhex(t, e.message)})
			if diff := cmp.Diff(unhex(t, e.signature), got.Output); diff != "" {
				t.Errorf("signature (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckValues(t *testing.T) {
	d := newDesk(t)
	for _, c := range []struct {
		name  string
		typ   keys.Type
		value string
		want  string
	}{
		{"of AES, as in RFC 4493, 4", keys.AES, "2b7e151628aed2a6abf7158809cf4f3c", "7DF76B"},
		{"of DES3 with two keys, as openssl has it", keys.DES3, "0123456789abcdeffedcba9876543210", "08D7B4"},
		{"of HMAC, as sha1sum has it", keys.HMAC, "0102030405060708090a0b0c0d0e", "3AB654"},
		{"of a short HMAC key: none", keys.HMAC, "0102030405060708090a0b0c0d", ""},
		{"of a secret: none", keys.Secret, "0102030405060708090a0b0c0d0e0f10", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := d.take(t, keys.Spec{Type: c.typ}, unhex(t, c.value)).KCV; got != c.want {
				t.Errorf("check value is %q, want %q", got, c.want)
			}
		})
	}
}

// TestKnownDES3CMAC: the examples of NIST SP 800-38B, D.4.
func TestKnownDES3CMAC(t *testing.T) {
	d := newDesk(t)
	k := d.take(t, keys.Spec{Type: keys.DES3}, unhex(t, "8aa83bf8cbda10620bc1bf19fbb6cd58bc313d4a371ca8b5"))
	for message, mac := range map[string]string{
		"":                 "b7a688e122ffaf95",
		"6bc1bee22e409f96": "8e8f293136283797",
		"6bc1bee22e409f96e93d7e117393172aae2d8a57":                         "743ddbe0ce2dc2ed",
		"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51": "33e6b1092400eae5",
	} {
		got := d.must(t, k, operations.MAC{Data: unhex(t, message)})
		if diff := cmp.Diff(unhex(t, mac), got.Output); diff != "" {
			t.Errorf("MAC (-want +got):\n%s", diff)
		}
		if !d.must(t, k, operations.MACVerify{Data: unhex(t, message), MAC: unhex(t, mac)}).Valid {
			t.Error("a good MAC does not verify")
		}
	}
}
