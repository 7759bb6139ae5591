package operations_test

import (
	"errors"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

var (
	aes     = keys.Key{Type: keys.AES, Size: 256}
	des3    = keys.Key{Type: keys.DES3, Size: 168}
	rsa     = keys.Key{Type: keys.RSA, Size: 2048}
	p256    = keys.Key{Type: keys.EC, Curve: keys.P256}
	ed25519 = keys.Key{Type: keys.EC, Curve: keys.Ed25519}
	x25519  = keys.Key{Type: keys.EC, Curve: keys.X25519}
	hmac    = keys.Key{Type: keys.HMAC, Size: 256}
	opaque  = keys.Key{Type: keys.Opaque}
)

func TestCheck(t *testing.T) {
	t.Parallel()
	bytes := func(n int) []byte { return make([]byte, n) }
	for name, tc := range map[string]struct {
		key  keys.Key
		op   operations.Operation
		want error
	}{
		"gcm":                            {aes, operations.Encrypt{Mode: operations.GCM, Plain: bytes(3)}, nil},
		"gcm with data and a short tag":  {aes, operations.Encrypt{Mode: operations.GCM, AD: bytes(9), TagBits: 96}, nil},
		"gcm with an impossible tag":     {aes, operations.Encrypt{Mode: operations.GCM, TagBits: 100}, fault.Invalid},
		"gcm without its tag":            {aes, operations.Decrypt{Mode: operations.GCM, IV: bytes(12)}, fault.Invalid},
		"gcm without its iv":             {aes, operations.Decrypt{Mode: operations.GCM, Tag: bytes(16)}, fault.Invalid},
		"gcm on DES3":                    {des3, operations.Encrypt{Mode: operations.GCM}, fault.Invalid},
		"cbc with an iv of another size": {aes, operations.Encrypt{Mode: operations.CBC, IV: bytes(8)}, fault.Invalid},
		"cbc on DES3 with its own size":  {des3, operations.Encrypt{Mode: operations.CBC, IV: bytes(8)}, nil},
		"half a block":                   {aes, operations.Encrypt{Mode: operations.CBCNoPad, Plain: bytes(8)}, fault.Invalid},
		"half a block to decrypt":        {aes, operations.Decrypt{Mode: operations.CBC, IV: bytes(16), Cipher: bytes(8)}, fault.Invalid},
		"ecb with an iv":                 {aes, operations.Encrypt{Mode: operations.ECB, IV: bytes(16), Plain: bytes(16)}, fault.Invalid},
		"data that nobody authenticates": {aes, operations.Encrypt{Mode: operations.CBC, AD: bytes(1)}, fault.Invalid},
		"key wrap is not for data":       {aes, operations.Encrypt{Mode: operations.KW, Plain: bytes(16)}, fault.Invalid},
		"no mode":                        {aes, operations.Encrypt{Plain: bytes(16)}, fault.Invalid},
		"a padding on a block cipher":    {aes, operations.Encrypt{Mode: operations.OAEP}, fault.Invalid},
		"oaep":                           {rsa, operations.Encrypt{Mode: operations.OAEP, Hash: operations.SHA256, Label: bytes(4)}, nil},
		"oaep without a hash":            {rsa, operations.Encrypt{Mode: operations.OAEP}, fault.Invalid},
		"a label without oaep":           {rsa, operations.Encrypt{Mode: operations.PKCS1v15, Label: bytes(4)}, fault.Invalid},
		"rsa with an iv":                 {rsa, operations.Decrypt{Mode: operations.PKCS1v15, IV: bytes(16)}, fault.Invalid},
		"encryption by an EC key":        {p256, operations.Encrypt{Mode: operations.GCM}, fault.Invalid},
		"rsa signature":                  {rsa, operations.Sign{Mode: operations.PSS, Hash: operations.SHA256, Input: bytes(7)}, nil},
		"rsa signature without padding":  {rsa, operations.Sign{Hash: operations.SHA256}, fault.Invalid},
		"ec signature of a digest":       {p256, operations.Sign{Hash: operations.SHA384, Prehashed: true, Input: bytes(48)}, nil},
		"a digest of the wrong size":     {p256, operations.Sign{Hash: operations.SHA384, Prehashed: true, Input: bytes(32)}, fault.Invalid},
		"ec signature without a hash":    {p256, operations.Sign{Input: bytes(3)}, fault.Invalid},
		"ec signature with a padding":    {p256, operations.Sign{Hash: operations.SHA256, Mode: operations.PSS}, fault.Invalid},
		"ed25519 of data":                {ed25519, operations.Sign{Input: bytes(3)}, nil},
		"ed25519 of a digest":            {ed25519, operations.Sign{Hash: operations.SHA512, Prehashed: true, Input: bytes(64)}, fault.Invalid},
		"x25519 does not sign":           {x25519, operations.Sign{Input: bytes(3)}, fault.Invalid},
		"a signature like a book":        {p256, operations.Verify{Hash: operations.SHA256, Signature: bytes(5001)}, fault.Invalid},
		"hmac":                           {hmac, operations.MAC{Hash: operations.SHA256}, nil},
		"hmac without a hash":            {hmac, operations.MAC{}, fault.Invalid},
		"cmac":                           {aes, operations.MAC{Data: bytes(5)}, nil},
		"cmac with a hash":               {aes, operations.MAC{Hash: operations.SHA256}, fault.Invalid},
		"a mac of nothing to compare":    {hmac, operations.MACVerify{Hash: operations.SHA256}, fault.Invalid},
		"an opaque object does nothing":  {opaque, operations.MAC{Hash: operations.SHA256}, fault.Invalid},
		"too long to encrypt":            {aes, operations.Encrypt{Mode: operations.GCM, Plain: bytes(operations.MaxInput + 1)}, fault.Invalid},
		"too long to sign":               {p256, operations.Sign{Hash: operations.SHA256, Input: bytes(operations.MaxInput + 1)}, fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := operations.Check(tc.op, tc.key); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestDecryptRefused(t *testing.T) {
	t.Parallel()
	a, b := operations.DecryptRefused(errors.New("bad padding")), operations.DecryptRefused(errors.New("bad tag"))
	if fault.Message(a) != fault.Message(b) || fault.KindOf(a) != fault.KindOf(b) {
		t.Errorf("got %q and %q for two causes, want one answer", fault.Message(a), fault.Message(b))
	}
}

func TestParseModesAndHashes(t *testing.T) {
	t.Parallel()
	for _, h := range operations.Hashes() {
		if got, err := operations.ParseHash(string(h)); err != nil || got != h || h.Size() == 0 {
			t.Errorf("%s: got %q of %d bytes and error %v, want itself", h, got, h.Size(), err)
		}
	}
	for in, want := range map[string]error{"FF1": fault.Unsupported, "gcm": fault.Invalid, "OAEP": fault.Invalid, "": fault.Invalid} {
		if _, err := operations.ParseCipherMode(in); !errors.Is(err, want) {
			t.Errorf("mode %q: got %v, want %v", in, err, want)
		}
	}
	for in, want := range map[string]error{"RIPEMD160": fault.Unsupported, "MD5": fault.Invalid, "": fault.Invalid} {
		if _, err := operations.ParseHash(in); !errors.Is(err, want) {
			t.Errorf("hash %q: got %v, want %v", in, err, want)
		}
	}
}

// TestShortRSA: a key of 1024 bits undoes and verifies, in whatever group it is.
func TestShortRSA(t *testing.T) {
	t.Parallel()
	short := keys.Key{Type: keys.RSA, Size: 1024}
	for name, tc := range map[string]struct {
		op   operations.Operation
		want error
	}{
		"it does not sign":      {operations.Sign{Mode: operations.PKCS1v15, Hash: operations.SHA256}, fault.Unsupported},
		"it does not encrypt":   {operations.Encrypt{Mode: operations.OAEP, Hash: operations.SHA1}, fault.Unsupported},
		"it does not wrap":      {operations.Wrap{Mode: operations.OAEP, Hash: operations.SHA1}, fault.Unsupported},
		"a mistake is told yet": {operations.Sign{Hash: operations.SHA256}, fault.Invalid},
		"it verifies":           {operations.Verify{Mode: operations.PKCS1v15, Hash: operations.SHA256}, nil},
		"it decrypts":           {operations.Decrypt{Mode: operations.PKCS1v15, Cipher: make([]byte, 128)}, nil},
		"it unwraps":            {operations.Unwrap{Mode: operations.PKCS1v15, Wrapped: make([]byte, 128)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := operations.Check(tc.op, short); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}
