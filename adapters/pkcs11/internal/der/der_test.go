package der_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/adapters/pkcs11/internal/der"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// secp256k1 is the PKCS#8 form of a key that OpenSSL made (openssl genpkey
// -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 | openssl pkcs8 -topk8 -nocrypt), and its public part.
const (
	secp256k1Private = "308184020100301006072a8648ce3d020106052b8104000a046d306b02010104206910b4d923122402954d922d6879646acae5098236b45094f228daddbbb2723fa14403420004653ca34c3ab48ed5848d659d44038aa94da0d6aef48aad3bd3afe3a57b5a68691bd7239aba72b00ca0865b0ea78d4f79b2f6865df3c7626b4f56d5f7c6fba079"
	secp256k1Public  = "3056301006072a8648ce3d020106052b8104000a03420004653ca34c3ab48ed5848d659d44038aa94da0d6aef48aad3bd3afe3a57b5a68691bd7239aba72b00ca0865b0ea78d4f79b2f6865df3c7626b4f56d5f7c6fba079"
)

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// pairs returns PKCS#8 and SubjectPublicKeyInfo of a key of each kind.
func pairs(tb testing.TB) map[string][2][]byte {
	tb.Helper()
	made := map[string][2][]byte{"secp256k1": {unhex(tb, secp256k1Private), unhex(tb, secp256k1Public)}}
	put := func(name string, private, public any, err error) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		p8, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			tb.Fatal(err)
		}
		spki, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			tb.Fatal(err)
		}
		made[name] = [2][]byte{p8, spki}
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	put("rsa", r, r.Public(), err)
	for name, c := range map[string]elliptic.Curve{
		"p-224": elliptic.P224(), "p-256": elliptic.P256(), "p-384": elliptic.P384(), "p-521": elliptic.P521(),
	} {
		k, err := ecdsa.GenerateKey(c, rand.Reader)
		put(name, k, k.Public(), err)
	}
	pub, ed, err := ed25519.GenerateKey(rand.Reader)
	put("ed25519", ed, pub, err)
	x, err := ecdh.X25519().GenerateKey(rand.Reader)
	put("x25519", x, x.Public(), err)
	return made
}

func TestKeysRoundTrip(t *testing.T) {
	for name, pair := range pairs(t) {
		t.Run(name, func(t *testing.T) {
			private, err := der.ParsePrivate(pair[0])
			if err != nil {
				t.Fatal(err)
			}
			public, err := der.ParsePublic(pair[1])
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(private.Public, public); diff != "" {
				t.Errorf("public part of the private key differs (-private +public):\n%s", diff)
			}
			got, err := public.Marshal()
			if err != nil || !bytes.Equal(got, pair[1]) {
				t.Errorf("got %x and %v, want %x", got, err, pair[1])
			}
			if public.Type == keys.RSA {
				fromAttributes(t, public, func() (der.Public, error) { return der.RSA(append([]byte{0}, public.Modulus...), public.Exponent) })
				return
			}
			fromAttributes(t, public, func() (der.Public, error) { return der.EC(public.Curve, public.ECPoint()) })
			fromAttributes(t, public, func() (der.Public, error) { return der.EC(public.Curve, public.Point) })
			for _, params := range der.Params(public.Curve) {
				if c, ok := der.CurveOf(params); !ok || c != public.Curve {
					t.Errorf("parameters %x: got curve %q, want %q", params, c, public.Curve)
				}
			}
			private.Wipe()
			if !bytes.Equal(private.Value, make([]byte, len(private.Value))) {
				t.Error("the private value is still there after Wipe")
			}
		})
	}
}

func fromAttributes(t *testing.T, want der.Public, read func() (der.Public, error)) {
	t.Helper()
	got, err := read()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("from attributes (-want +got):\n%s", diff)
	}
}

func TestParamsAreOfOneCurve(t *testing.T) {
	seen := map[string]keys.Curve{}
	for _, c := range keys.Curves() {
		params := der.Params(c)
		if len(params) == 0 {
			t.Errorf("no parameters for %s", c)
		}
		for _, p := range params {
			if other, ok := seen[string(p)]; ok {
				t.Errorf("parameters %x are of %s and %s", p, other, c)
			}
			seen[string(p)] = c
		}
	}
}

func TestNoKeys(t *testing.T) {
	for name, p := range map[string]func() (der.Public, error){
		"rsa without a modulus":      func() (der.Public, error) { return der.RSA(nil, []byte{3}) },
		"rsa without an exponent":    func() (der.Public, error) { return der.RSA([]byte{200}, []byte{0}) },
		"rsa modulus beyond reason":  func() (der.Public, error) { return der.RSA(bytes.Repeat([]byte{1}, 1<<20), []byte{3}) },
		"rsa exponent beyond reason": func() (der.Public, error) { return der.RSA([]byte{200}, bytes.Repeat([]byte{1}, 9)) },
		"point of another curve":     func() (der.Public, error) { return der.EC(keys.P384, append([]byte{4}, make([]byte, 64)...)) },
		"compressed point":           func() (der.Public, error) { return der.EC(keys.P256, append([]byte{2}, make([]byte, 32)...)) },
		"curve that nobody holds":    func() (der.Public, error) { return der.EC("brainpool", []byte{4}) },
		"empty point":                func() (der.Public, error) { return der.EC(keys.Ed25519, nil) },
	} {
		if got, err := p(); err == nil {
			t.Errorf("%s: got %+v, want an error", name, got)
		}
	}
}

func TestSignature(t *testing.T) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("data"))
	for range 200 { // leading zeros and high bits come by chance
		sig, err := ecdsa.SignASN1(rand.Reader, k, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		raw, ok := der.RawSignature(sig, 32)
		if !ok || len(raw) != 64 {
			t.Fatalf("got %x and %t from %x", raw, ok, sig)
		}
		back, err := der.Signature(raw)
		if err != nil || !bytes.Equal(back, sig) {
			t.Fatalf("got %x and %v, want %x", back, err, sig)
		}
	}
}

func TestDigestInfo(t *testing.T) {
	for _, h := range operations.Hashes() {
		digest := bytes.Repeat([]byte{7}, h.Size())
		info := der.DigestInfo(h, digest)
		var read struct {
			Algorithm struct {
				ID         asn1.ObjectIdentifier
				Parameters asn1.RawValue
			}
			Digest []byte
		}
		if rest, err := asn1.Unmarshal(info, &read); err != nil || len(rest) != 0 || !bytes.Equal(read.Digest, digest) {
			t.Errorf("%s: got %x (%v)", h, info, err)
		}
		if der.DigestInfo(h, digest[1:]) != nil {
			t.Errorf("%s: a short digest is taken", h)
		}
	}
}

func FuzzParsePublic(f *testing.F) {
	for _, pair := range pairs(f) {
		f.Add(pair[1])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := der.ParsePublic(b)
		if err != nil {
			return
		}
		once, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := der.ParsePublic(once)
		if diff := cmp.Diff(p, again); err != nil || diff != "" {
			t.Errorf("what was written reads differently (%v):\n%s", err, diff)
		}
	})
}

func FuzzParsePrivate(f *testing.F) {
	for _, pair := range pairs(f) {
		f.Add(pair[0])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := der.ParsePrivate(b)
		if err != nil {
			return
		}
		if _, err := p.Public.Marshal(); err != nil {
			t.Errorf("a private key without a public part: %v", err)
		}
	})
}

func FuzzSignature(f *testing.F) {
	f.Add(unhex(f, "3006020101020101"), 32)
	f.Add(unhex(f, "30070201010202008f"), 28)
	f.Fuzz(func(t *testing.T, sig []byte, size int) {
		if size < 1 || size > 66 {
			return
		}
		raw, ok := der.RawSignature(sig, size)
		if !ok {
			return
		}
		back, err := der.Signature(raw)
		if err != nil || !bytes.Equal(back, sig) {
			t.Errorf("got %x and %v, want %x", back, err, sig)
		}
	})
}

func FuzzAttributes(f *testing.F) {
	f.Add([]byte{1}, []byte{3}, []byte{4, 1, 1})
	f.Fuzz(func(t *testing.T, modulus, exponent, point []byte) {
		if p, err := der.RSA(modulus, exponent); err == nil {
			if _, err := p.Marshal(); err != nil && len(exponent) < 8 {
				t.Errorf("marshalling %x, %x: %v", modulus, exponent, err)
			}
		}
		for _, c := range keys.Curves() {
			if p, err := der.EC(c, point); err == nil {
				if _, err := p.Marshal(); err != nil {
					t.Errorf("marshalling a point on %s: %v", c, err)
				}
			}
		}
	})
}
