package backendtest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// knownAES is the key of the examples of NIST SP 800-38A and 800-38B.
func (s *suite) knownAES(t *testing.T) *keys.Key {
	return s.once("AES", func() *keys.Key { return s.take(t, "AES", keys.Spec{Type: keys.AES}, s.fixed.aes) })
}

func (s *suite) knownRSA(t *testing.T) *keys.Key {
	return s.once("RSA", func() *keys.Key {
		return s.take(t, "RSA as PKCS8", keys.Spec{Type: keys.RSA}, pkcs8(t, s.fixed.rsa))
	})
}

func (s *suite) knownEC(t *testing.T, c keys.Curve) *keys.Key {
	return s.once(string(c), func() *keys.Key {
		return s.take(t, "EC "+string(c)+" as PKCS8", keys.Spec{Type: keys.EC, Curve: c}, pkcs8(t, s.fixed.ec[c]))
	})
}

// ciphers: published vectors come out, and what was encrypted comes back.
func (s *suite) ciphers(t *testing.T) {
	k := s.knownAES(t)
	if k == nil {
		return
	}
	// NIST SP 800-38A, F.1.1, F.2.1 and F.5.1, the first block of each.
	plain := unhex(t, "6bc1bee22e409f96e93d7e117393172a")
	for _, c := range []struct {
		name, iv, want string
		mode           operations.Mode
	}{
		{"ECB", "", "3ad77bb40d7a3660a89ecaf32466ef97", operations.ECB},
		{"CBCNOPAD", "000102030405060708090a0b0c0d0e0f", "7649abac8119b246cee98e9b12e9197d", operations.CBCNoPad},
		{"CTR", "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", "874d6191b620e3261bef6864990db6ce", operations.CTR},
	} {
		t.Run("known "+c.name, func(t *testing.T) {
			res, err := s.try(t, *k, operations.Encrypt{Mode: c.mode, Plain: plain, IV: unhex(t, c.iv)})
			if !s.refusals.works(t, "encrypt AES "+c.name, err) {
				return
			}
			if diff := cmp.Diff(unhex(t, c.want), res.Output); diff != "" {
				t.Errorf("ciphertext (-want +got):\n%s", diff)
			}
		})
	}
	odd := []byte("not a multiple of any block")
	for name, op := range map[string]operations.Encrypt{
		"CBC":                       {Mode: operations.CBC, Plain: odd},
		"CBC of nothing":            {Mode: operations.CBC},
		"CTR":                       {Mode: operations.CTR, Plain: odd},
		"GCM":                       {Mode: operations.GCM, Plain: odd},
		"GCM of nothing":            {Mode: operations.GCM, AD: []byte("header")},
		"GCM with data and an iv":   {Mode: operations.GCM, Plain: odd, AD: []byte("header"), IV: bytes.Repeat([]byte{7}, 12)},
		"GCM with a tag of 96 bits": {Mode: operations.GCM, Plain: odd, TagBits: 96},
		"GCM with a tag of 32 bits": {Mode: operations.GCM, Plain: odd, TagBits: 32},
		"GCM with a long iv":        {Mode: operations.GCM, Plain: odd, IV: bytes.Repeat([]byte{7}, 16)},
		"CCM":                       {Mode: operations.CCM, Plain: odd, AD: []byte("header"), TagBits: 64},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := s.try(t, *k, op)
			if !s.refusals.works(t, "encrypt AES "+name, err) {
				return
			}
			d := s.do(t, *k, operations.Decrypt{Mode: op.Mode, Cipher: e.Output, IV: e.IV, Tag: e.Tag, AD: op.AD})
			if !bytes.Equal(d.Output, op.Plain) {
				t.Errorf("decrypted %q, want %q", d.Output, op.Plain)
			}
			if len(op.IV) == 0 && bytes.Equal(s.do(t, *k, op).IV, e.IV) {
				t.Error("the same iv was made twice")
			}
			if len(op.IV) != 0 && !bytes.Equal(op.IV, e.IV) {
				t.Errorf("iv is %x, want the one given", e.IV)
			}
		})
	}
}

// rsaEncryption: what Go encrypts comes out, and what was encrypted Go decrypts.
func (s *suite) rsaEncryption(t *testing.T) {
	k := s.knownRSA(t)
	if k == nil {
		return
	}
	plain := []byte("a key to be carried")
	for name, op := range map[string]operations.Encrypt{
		"PKCS1_V15":              {Mode: operations.PKCS1v15, Plain: plain},
		"OAEP SHA1":              {Mode: operations.OAEP, Hash: operations.SHA1, Plain: plain},
		"OAEP SHA256":            {Mode: operations.OAEP, Hash: operations.SHA256, Plain: plain},
		"OAEP SHA256 of nothing": {Mode: operations.OAEP, Hash: operations.SHA256},
		"OAEP SHA256 with label": {Mode: operations.OAEP, Hash: operations.SHA256, Plain: plain, Label: []byte("label")},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := s.try(t, *k, op)
			if !s.refusals.works(t, "encrypt RSA "+name, err) {
				return
			}
			if op.Mode == operations.OAEP && op.Hash == operations.SHA256 {
				got, err := rsa.DecryptOAEP(sha256.New(), nil, s.fixed.rsa, e.Output, op.Label)
				if err != nil || !bytes.Equal(got, op.Plain) {
					t.Errorf("Go decrypts %q, error %v; want %q", got, err, op.Plain)
				}
			}
			d := s.do(t, *k, operations.Decrypt{Mode: op.Mode, Hash: op.Hash, Cipher: e.Output, Label: op.Label})
			if !bytes.Equal(d.Output, op.Plain) {
				t.Errorf("decrypted %q, want %q", d.Output, op.Plain)
			}
		})
	}
	t.Run("too long a message", func(t *testing.T) {
		_, err := s.try(t, *k, operations.Encrypt{Mode: operations.OAEP, Hash: operations.SHA1, Plain: make([]byte, 300)})
		wantKind(t, err, fault.Invalid)
	})
}

func (s *suite) signatures(t *testing.T) {
	data := []byte("data to be signed")
	sum := sha256.Sum256(data)
	for _, c := range []struct {
		name string
		key  *keys.Key
		op   operations.Sign
	}{
		{"RSA PKCS1_V15 SHA256", s.knownRSA(t), operations.Sign{Hash: operations.SHA256, Mode: operations.PKCS1v15, Input: data}},
		{"RSA PKCS1_V15 SHA512", s.knownRSA(t), operations.Sign{Hash: operations.SHA512, Mode: operations.PKCS1v15, Input: data}},
		{"RSA PKCS1_V15 SHA256 of a digest", s.knownRSA(t), operations.Sign{Hash: operations.SHA256, Mode: operations.PKCS1v15, Prehashed: true, Input: sum[:]}},
		{"RSA PSS SHA256", s.knownRSA(t), operations.Sign{Hash: operations.SHA256, Mode: operations.PSS, Input: data}},
		{"RSA PSS SHA384", s.knownRSA(t), operations.Sign{Hash: operations.SHA384, Mode: operations.PSS, Input: data}},
		{"EC NistP256 SHA256", s.knownEC(t, keys.P256), operations.Sign{Hash: operations.SHA256, Input: data}},
		{"EC NistP256 SHA256 of a digest", s.knownEC(t, keys.P256), operations.Sign{Hash: operations.SHA256, Prehashed: true, Input: sum[:]}},
		{"EC NistP256 SHA512", s.knownEC(t, keys.P256), operations.Sign{Hash: operations.SHA512, Input: data}},
		{"EC NistP384 SHA384", s.knownEC(t, keys.P384), operations.Sign{Hash: operations.SHA384, Input: data}},
		{"EC NistP521 SHA512 of nothing", s.knownEC(t, keys.P521), operations.Sign{Hash: operations.SHA512}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.key == nil {
				return // its import is refused, and listed
			}
			res, err := s.try(t, *c.key, c.op)
			if !s.refusals.works(t, "sign "+c.name, err) {
				return
			}
			wantSignature(t, c.key.PublicKey, c.op, res.Output)
			v := operations.Verify{Hash: c.op.Hash, Mode: c.op.Mode, Prehashed: c.op.Prehashed, Input: c.op.Input, Signature: res.Output}
			if !s.do(t, *c.key, v).Valid {
				t.Error("the key's own signature does not verify")
			}
			v.Signature = bytes.Clone(res.Output)
			v.Signature[len(v.Signature)-1] ^= 1
			for _, bad := range [][]byte{v.Signature, nil, []byte("rubbish"), make([]byte, 256)} {
				v.Signature = bad
				if s.do(t, *c.key, v).Valid {
					t.Errorf("the signature %x verifies", bad)
				}
			}
		})
	}
}

// signature returns a signature that Go made with a fixture.
func (s *suite) signature(t *testing.T, name string, op operations.Sign) []byte {
	t.Helper()
	sum := sha256.Sum256(op.Input)
	var (
		signature []byte
		err       error
	)
	switch name {
	case "RSA":
		signature, err = rsa.SignPKCS1v15(rand.Reader, s.fixed.rsa, crypto.SHA256, sum[:])
	case "EC NistP256":
		signature, err = ecdsa.SignASN1(rand.Reader, s.fixed.ec[keys.P256], sum[:])
	case "EC Ed25519":
		signature = ed25519.Sign(s.fixed.ed, op.Input)
	}
	if err != nil || len(signature) == 0 {
		t.Fatalf("signing with Go: %v", err)
	}
	return signature
}

func rsaPublic(t *testing.T, k keys.Key) *rsa.PublicKey {
	t.Helper()
	parsed, err := x509.ParsePKIXPublicKey(k.PublicKey)
	public, ok := parsed.(*rsa.PublicKey)
	if err != nil || !ok {
		t.Fatalf("the public key is a %T, error %v; want one of RSA", parsed, err)
	}
	return public
}

// wantSignature checks a signature with Go's cryptography.
func wantSignature(t *testing.T, public []byte, op operations.Sign, signature []byte) {
	t.Helper()
	parsed, err := x509.ParsePKIXPublicKey(public)
	if err != nil {
		t.Fatalf("reading the public key: %v", err)
	}
	hash := map[operations.Hash]crypto.Hash{
		operations.SHA256: crypto.SHA256, operations.SHA384: crypto.SHA384, operations.SHA512: crypto.SHA512,
	}[op.Hash]
	sum := op.Input
	if op.Hash != operations.NoHash && !op.Prehashed {
		d := hash.New()
		d.Write(op.Input)
		sum = d.Sum(nil)
	}
	ok := false
	switch key := parsed.(type) {
	case *rsa.PublicKey:
		if op.Mode == operations.PSS {
			ok = rsa.VerifyPSS(key, hash, sum, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		} else {
			ok = rsa.VerifyPKCS1v15(key, hash, sum, signature) == nil
		}
	case *ecdsa.PublicKey:
		ok = ecdsa.VerifyASN1(key, sum, signature)
	case ed25519.PublicKey:
		ok = ed25519.Verify(key, op.Input, signature)
	}
	if !ok {
		t.Error("Go does not verify the signature")
	}
}

func (s *suite) macs(t *testing.T) {
	for _, c := range []struct {
		name, want string
		key        func() *keys.Key
		op         operations.MAC
	}{
		// RFC 4231, 4.2
		{
			"HMAC SHA256", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
			func() *keys.Key { return s.take(t, "HMAC", keys.Spec{Type: keys.HMAC}, s.fixed.hmac) },
			operations.MAC{Hash: operations.SHA256, Data: []byte("Hi There")},
		},
		// NIST SP 800-38B, D.1, example 2
		{
			"AES", "070a16b46b4d4144f79bdd9dd04a287c",
			func() *keys.Key { return s.knownAES(t) },
			operations.MAC{Data: unhex(t, "6bc1bee22e409f96e93d7e117393172a")},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := c.key()
			if k == nil {
				return // its import is refused, and listed
			}
			res, err := s.try(t, *k, c.op)
			if !s.refusals.works(t, "mac "+c.name, err) {
				return
			}
			if diff := cmp.Diff(unhex(t, c.want), res.Output); diff != "" {
				t.Errorf("MAC (-want +got):\n%s", diff)
			}
			v := operations.MACVerify{Hash: c.op.Hash, Data: c.op.Data, MAC: res.Output}
			if !s.do(t, *k, v).Valid {
				t.Error("the key's own MAC does not verify")
			}
			v.Data = append([]byte("x"), v.Data...)
			if s.do(t, *k, v).Valid {
				t.Error("a MAC of something else verifies")
			}
		})
	}
}

// decryptionRefused: whatever is wrong with a ciphertext, the answer is one and the same.
func (s *suite) decryptionRefused(t *testing.T) {
	if k := s.knownAES(t); k != nil {
		plain := bytes.Repeat([]byte("sixteen bytes..."), 2)
		raw := s.do(t, *k, operations.Encrypt{Mode: operations.CBCNoPad, Plain: plain})
		s.wantRefused(t, "CBC with broken padding", *k, operations.Decrypt{Mode: operations.CBC, Cipher: raw.Output, IV: raw.IV})
		s.wantRefused(t, "CBC of no block", *k, operations.Decrypt{Mode: operations.CBC, IV: raw.IV})
		e, err := s.try(t, *k, operations.Encrypt{Mode: operations.GCM, Plain: plain, AD: []byte("header")})
		if s.refusals.works(t, "encrypt AES GCM", err) {
			s.wantRefused(t, "GCM with a changed tag", *k, operations.Decrypt{Mode: operations.GCM, Cipher: e.Output, IV: e.IV, Tag: flip(e.Tag), AD: []byte("header")})
			s.wantRefused(t, "GCM with a changed ciphertext", *k, operations.Decrypt{Mode: operations.GCM, Cipher: flip(e.Output), IV: e.IV, Tag: e.Tag, AD: []byte("header")})
			s.wantRefused(t, "GCM without its data", *k, operations.Decrypt{Mode: operations.GCM, Cipher: e.Output, IV: e.IV, Tag: e.Tag})
		}
	}
	if k := s.knownRSA(t); k != nil {
		s.wantRefused(t, "OAEP of rubbish", *k, operations.Decrypt{Mode: operations.OAEP, Hash: operations.SHA1, Cipher: make([]byte, 256)})
		s.wantRefused(t, "OAEP of a wrong length", *k, operations.Decrypt{Mode: operations.OAEP, Hash: operations.SHA1, Cipher: []byte("short")})
		s.wantRefused(t, "PKCS1 of a wrong length", *k, operations.Decrypt{Mode: operations.PKCS1v15, Cipher: []byte("short")})
	}
}

func (s *suite) wantRefused(t *testing.T, name string, k keys.Key, op operations.Decrypt) {
	t.Run(name, func(t *testing.T) {
		res, err := s.try(t, k, op)
		wantKind(t, err, fault.Invalid)
		if got, want := fault.Message(err), fault.Message(operations.DecryptRefused(nil)); got != want {
			t.Errorf("message is %q, want %q", got, want)
		}
		if len(res.Output) != 0 {
			t.Errorf("a refused decryption gives %d bytes away", len(res.Output))
		}
	})
}

func flip(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)/2] ^= 0x10
	return b
}
