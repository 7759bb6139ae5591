package operations_test

import (
	"errors"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

func TestCheckOfOperationsOnKeys(t *testing.T) {
	t.Parallel()
	bytes := func(n int) []byte { return make([]byte, n) }
	data := func(e operations.Encrypt) operations.Derive {
		return operations.Derive{By: operations.EncryptData{Encryption: e}}
	}
	for name, tc := range map[string]struct {
		key  keys.Key
		op   operations.Operation
		want error
	}{
		"wrap by kw":                      {aes, operations.Wrap{Mode: operations.KW}, nil},
		"wrap by kwp":                     {aes, operations.Wrap{Mode: operations.KWP, Format: operations.FormatPKCS8}, nil},
		"wrap by kw with an iv":           {aes, operations.Wrap{Mode: operations.KW, IV: bytes(8)}, fault.Invalid},
		"wrap by kw with a DES3 key":      {des3, operations.Wrap{Mode: operations.KW}, fault.Invalid},
		"wrap by gcm":                     {aes, operations.Wrap{Mode: operations.GCM, AD: bytes(3), TagBits: 96}, nil},
		"wrap by gcm, impossible tag":     {aes, operations.Wrap{Mode: operations.GCM, TagBits: 100}, fault.Invalid},
		"wrap by cbc with a DES3 key":     {des3, operations.Wrap{Mode: operations.CBC}, nil},
		"wrap by oaep":                    {rsa, operations.Wrap{Mode: operations.OAEP, Hash: operations.SHA256}, nil},
		"wrap by oaep with an AES key":    {aes, operations.Wrap{Mode: operations.OAEP, Hash: operations.SHA256}, fault.Invalid},
		"wrap by rsa without padding":     {rsa, operations.Wrap{}, fault.Invalid},
		"wrap by an EC key":               {p256, operations.Wrap{Mode: operations.KW}, fault.Invalid},
		"wrap without a mode":             {aes, operations.Wrap{}, fault.Invalid},
		"wrap in an unknown format":       {aes, operations.Wrap{Mode: operations.KW, Format: "PEM"}, fault.Invalid},
		"unwrap by kw":                    {aes, operations.Unwrap{Mode: operations.KW, Wrapped: bytes(24)}, nil},
		"unwrap by kw, no whole blocks":   {aes, operations.Unwrap{Mode: operations.KW, Wrapped: bytes(23)}, fault.Invalid},
		"unwrap by kw, a single block":    {aes, operations.Unwrap{Mode: operations.KWP, Wrapped: bytes(8)}, fault.Invalid},
		"unwrap by cbc":                   {aes, operations.Unwrap{Mode: operations.CBC, IV: bytes(16), Wrapped: bytes(32)}, nil},
		"unwrap by cbc without its iv":    {aes, operations.Unwrap{Mode: operations.CBC, Wrapped: bytes(32)}, fault.Invalid},
		"unwrap by gcm without its tag":   {aes, operations.Unwrap{Mode: operations.GCM, IV: bytes(12), Wrapped: bytes(32)}, fault.Invalid},
		"unwrap nothing":                  {rsa, operations.Unwrap{Mode: operations.PKCS1v15}, fault.Invalid},
		"unwrap a book":                   {aes, operations.Unwrap{Mode: operations.KW, Wrapped: bytes(keys.MaxMaterial + 8)}, fault.Invalid},
		"unwrap by a HMAC key":            {hmac, operations.Unwrap{Mode: operations.KW, Wrapped: bytes(24)}, fault.Invalid},
		"agree":                           {x25519, operations.Agree{PeerPublicKey: bytes(44)}, nil},
		"agree with nobody":               {p256, operations.Agree{}, fault.Invalid},
		"agree with a signing key":        {ed25519, operations.Agree{PeerPublicKey: bytes(44)}, fault.Invalid},
		"derive by hkdf":                  {hmac, operations.Derive{By: operations.HKDF{Hash: operations.SHA256}}, nil},
		"derive by hkdf without a hash":   {hmac, operations.Derive{By: operations.HKDF{}}, fault.Invalid},
		"derive by nothing":               {aes, operations.Derive{}, fault.Invalid},
		"derive from an RSA key":          {rsa, operations.Derive{By: operations.HKDF{Hash: operations.SHA256}}, fault.Invalid},
		"derive by encryption":            {aes, data(operations.Encrypt{Mode: operations.ECB, Plain: bytes(32)}), nil},
		"derive by encryption of nothing": {aes, data(operations.Encrypt{Mode: operations.ECB}), fault.Invalid},
		"derive by a random iv":           {aes, data(operations.Encrypt{Mode: operations.CBC, Plain: bytes(32)}), fault.Invalid},
		"derive by encryption with HMAC":  {hmac, data(operations.Encrypt{Mode: operations.ECB, Plain: bytes(32)}), fault.Invalid},
		"encapsulate to an RSA key":       {rsa, operations.Encapsulate{}, fault.Invalid},
		"decapsulate with an RSA key":     {rsa, operations.Decapsulate{Cipher: bytes(8)}, fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := operations.Check(tc.op, tc.key); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if operations.Name(tc.op) == "unknown" || len(tc.op.Needs().Names()) != 1 {
				t.Errorf("got name %q and needs %v, want a name and one need", operations.Name(tc.op), tc.op.Needs().Names())
			}
		})
	}
}

func TestCheckSubject(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		key, subject keys.Key
		w            operations.Wrap
		want         error
	}{
		"a secret by a secret":         {aes, hmac, operations.Wrap{}, nil},
		"a secret by an RSA key":       {rsa, aes, operations.Wrap{}, nil},
		"a private key by a secret":    {aes, p256, operations.Wrap{Format: operations.FormatPKCS8}, nil},
		"a private key by an RSA key":  {rsa, p256, operations.Wrap{}, fault.Invalid},
		"a public key":                 {aes, keys.Key{Type: keys.RSA, PublicOnly: true}, operations.Wrap{}, fault.Invalid},
		"a secret as if it were a key": {aes, des3, operations.Wrap{Format: operations.FormatPKCS8}, fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := operations.CheckSubject(tc.w, tc.key, tc.subject); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestParseFormat(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]operations.Format{"": operations.FormatDefault, "Default": operations.FormatDefault, "Pkcs8": operations.FormatPKCS8} {
		if got, err := operations.ParseFormat(in); err != nil || got != want {
			t.Errorf("%q: got %q and error %v, want %q", in, got, err, want)
		}
	}
	if _, err := operations.ParseFormat("PEM"); !errors.Is(err, fault.Invalid) {
		t.Errorf("got %v, want %v", err, fault.Invalid)
	}
}
