package softkeys_test

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret/reveal"
)

// The tests of this file compare with the openssl command, in both directions.

func TestOpenSSLCiphers(t *testing.T) {
	d, dir := newDesk(t), t.TempDir()
	whole, odd := bytes.Repeat([]byte("whole blocks...."), 3), []byte("not a multiple of any block")
	for _, c := range []struct {
		cipher string
		spec   keys.Spec
		mode   operations.Mode
		plain  []byte
	}{
		{"aes-128-ecb", keys.Spec{Type: keys.AES, Size: 128}, operations.ECB, whole},
		{"aes-192-cbc", keys.Spec{Type: keys.AES, Size: 192}, operations.CBCNoPad, whole},
		{"aes-256-cbc", keys.Spec{Type: keys.AES, Size: 256}, operations.CBC, odd},
		{"aes-256-cbc", keys.Spec{Type: keys.AES, Size: 256}, operations.CBC, whole},
		{"aes-256-ctr", keys.Spec{Type: keys.AES, Size: 256}, operations.CTR, odd},
		{"des-ede3-cbc", keys.Spec{Type: keys.DES3, Size: 168}, operations.CBC, odd},
		{"des-ede3", keys.Spec{Type: keys.DES3, Size: 168}, operations.ECB, whole},
		{"des-ede-cbc", keys.Spec{Type: keys.DES3, Size: 112}, operations.CBCNoPad, whole},
	} {
		t.Run(fmt.Sprintf("%s %s", c.cipher, c.mode), func(t *testing.T) {
			k := d.generate(t, c.spec)
			e := d.must(t, k, operations.Encrypt{Mode: c.mode, Plain: c.plain})
			args := []string{"enc", "-" + c.cipher, "-K", hex.EncodeToString(d.export(t, k))}
			if len(e.IV) != 0 {
				args = append(args, "-iv", hex.EncodeToString(e.IV))
			}
			if c.mode != operations.CBC {
				args = append(args, "-nopad")
			}
			write(t, dir, "cipher", e.Output)
			if got := openssl(t, dir, append(args, "-d", "-in", "cipher")...); !bytes.Equal(got, c.plain) {
				t.Errorf("openssl decrypts %q, want %q", got, c.plain)
			}
			write(t, dir, "plain", c.plain)
			sealed := openssl(t, dir, append(args, "-e", "-in", "plain")...)
			if got := d.must(t, k, operations.Decrypt{Mode: c.mode, Cipher: sealed, IV: e.IV}).Output; !bytes.Equal(got, c.plain) {
				t.Errorf("decrypted %q, want %q", got, c.plain)
			}
		})
	}
}

func TestOpenSSLMACs(t *testing.T) {
	d, dir := newDesk(t), t.TempDir()
	write(t, dir, "data", []byte("data"))
	for _, c := range []struct {
		spec keys.Spec
		hash operations.Hash
		args []string
	}{
		{keys.Spec{Type: keys.AES, Size: 128}, operations.NoHash, []string{"-cipher", "AES-128-CBC", "CMAC"}},
		{keys.Spec{Type: keys.AES, Size: 256}, operations.NoHash, []string{"-cipher", "AES-256-CBC", "CMAC"}},
		{keys.Spec{Type: keys.DES3, Size: 168}, operations.NoHash, []string{"-cipher", "DES-EDE3-CBC", "CMAC"}},
		{keys.Spec{Type: keys.HMAC, Size: 256}, operations.SHA1, []string{"-digest", "SHA1", "HMAC"}},
		{keys.Spec{Type: keys.HMAC, Size: 256}, operations.SHA224, []string{"-digest", "SHA224", "HMAC"}},
		{keys.Spec{Type: keys.HMAC, Size: 2048}, operations.SHA256, []string{"-digest", "SHA256", "HMAC"}},
		{keys.Spec{Type: keys.HMAC, Size: 112}, operations.SHA384, []string{"-digest", "SHA384", "HMAC"}},
		{keys.Spec{Type: keys.HMAC, Size: 512}, operations.SHA512, []string{"-digest", "SHA512", "HMAC"}},
		{keys.Spec{Type: keys.HMAC, Size: 256}, operations.SHA3_224, []string{"-digest", "SHA3-224", "HMAC"}},
		{keys.Spec{Type: keys.HMAC, Size: 256}, operations.SHA3_384, []string{"-digest", "SHA3-384", "HMAC"}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			k := d.generate(t, c.spec)
			args := append([]string{"mac", "-in", "data", "-macopt", "hexkey:" + hex.EncodeToString(d.export(t, k))}, c.args...)
			want := unhex(t, strings.ToLower(strings.TrimSpace(string(openssl(t, dir, args...)))))
			if diff := cmp.Diff(want, d.must(t, k, operations.MAC{Hash: c.hash, Data: []byte("data")}).Output); diff != "" {
				t.Errorf("MAC (-openssl +got):\n%s", diff)
			}
		})
	}
}

// pairs are how openssl makes key pairs, and in which forms it writes them.
var pairs = []struct {
	name  string
	spec  keys.Spec
	make  []string
	forms [][]string // each writes the pair "key.pem" as DER
}{
	{"RSA", keys.Spec{Type: keys.RSA, Size: 2048}, []string{"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"}, [][]string{{"pkcs8", "-topk8", "-nocrypt"}, {"rsa", "-traditional"}}},
	{"P-224", keys.Spec{Type: keys.EC, Curve: keys.P224}, curve("P-224"), ecForms()},
	{"P-256", keys.Spec{Type: keys.EC, Curve: keys.P256}, curve("P-256"), ecForms()},
	{"secp256k1", keys.Spec{Type: keys.EC, Curve: keys.Secp256k1}, curve("secp256k1"), ecForms()},
	{"P-384", keys.Spec{Type: keys.EC, Curve: keys.P384}, curve("P-384"), ecForms()},
	{"P-521", keys.Spec{Type: keys.EC, Curve: keys.P521}, curve("P-521"), ecForms()},
	{"Ed25519", keys.Spec{Type: keys.EC, Curve: keys.Ed25519}, []string{"-algorithm", "ED25519"}, [][]string{{"pkcs8", "-topk8", "-nocrypt"}}},
	{"X25519", keys.Spec{Type: keys.EC, Curve: keys.X25519}, []string{"-algorithm", "X25519"}, [][]string{{"pkcs8", "-topk8", "-nocrypt"}}},
}

func curve(name string) []string {
	return []string{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:" + name, "-pkeyopt", "ec_param_enc:named_curve"}
}

func ecForms() [][]string { return [][]string{{"pkcs8", "-topk8", "-nocrypt"}, {"ec"}} }

// TestOpenSSLPairs: keys that openssl made and wrote are read, and keys that
// were made here are read by openssl; each side verifies what the other signed.
func TestOpenSSLPairs(t *testing.T) {
	d := newDesk(t)
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			dir := t.TempDir()
			openssl(t, dir, append([]string{"genpkey", "-out", "key.pem"}, p.make...)...)
			public := openssl(t, dir, "pkey", "-in", "key.pem", "-pubout", "-outform", "DER")
			for _, form := range p.forms {
				material := openssl(t, dir, append(form, "-in", "key.pem", "-outform", "DER")...)
				for _, spec := range []keys.Spec{p.spec, {Type: p.spec.Type}} {
					k := d.take(t, spec, material)
					if diff := cmp.Diff(public, k.PublicKey); diff != "" {
						t.Errorf("public key of the form of `openssl %s` (-openssl +got):\n%s", form[0], diff)
					}
					bothSign(t, d, k, dir, "key.pem")
				}
			}

			k := d.generate(t, p.spec)
			write(t, dir, "made.der", d.export(t, k))
			openssl(t, dir, "pkey", "-inform", "DER", "-in", "made.der", "-out", "made.pem")
			if diff := cmp.Diff(openssl(t, dir, "pkey", "-in", "made.pem", "-pubout", "-outform", "DER"), k.PublicKey); diff != "" {
				t.Errorf("public key of a key made here (-openssl +got):\n%s", diff)
			}
			bothSign(t, d, k, dir, "made.pem")
		})
	}
}

// bothSign signs with each side and verifies with the other.
func bothSign(t *testing.T, d *desk, k keys.Key, dir, pair string) {
	t.Helper()
	data := []byte("data to be signed")
	write(t, dir, "data", data)
	write(t, dir, "public.der", k.PublicKey)
	type way struct {
		op           operations.Sign
		sign, verify []string // without key and files
	}
	var ways []way
	switch {
	case k.Curve == keys.X25519:
	case k.Curve == keys.Ed25519:
		ways = []way{{operations.Sign{Input: data}, []string{"-rawin"}, []string{"-rawin"}}}
	case k.Type == keys.EC:
		for _, h := range []operations.Hash{operations.SHA1, operations.SHA256, operations.SHA512, operations.SHA3_256} {
			opts := []string{"-rawin", "-digest", digestName(h)}
			ways = append(ways, way{operations.Sign{Hash: h, Input: data}, opts, opts})
		}
	case k.Type == keys.RSA:
		for _, h := range []operations.Hash{operations.SHA1, operations.SHA256, operations.SHA384, operations.SHA512, operations.SHA3_512} {
			opts := []string{"-rawin", "-digest", digestName(h)}
			ways = append(ways, way{operations.Sign{Hash: h, Mode: operations.PKCS1v15, Input: data}, opts, opts})
			pss := []string{"-rawin", "-digest", digestName(h), "-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:digest"}
			ways = append(ways, way{operations.Sign{Hash: h, Mode: operations.PSS, Input: data}, pss, pss})
		}
	}
	for _, w := range ways {
		name := fmt.Sprintf("%s %s %s", k.Type, w.op.Mode, w.op.Hash)
		write(t, dir, "signature", d.must(t, k, w.op).Output)
		openssl(t, dir, append([]string{"pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "public.der", "-in", "data", "-sigfile", "signature"}, w.verify...)...)

		signature := openssl(t, dir, append([]string{"pkeyutl", "-sign", "-inkey", pair, "-in", "data"}, w.sign...)...)
		v := operations.Verify{Hash: w.op.Hash, Mode: w.op.Mode, Input: data, Signature: signature}
		if !d.must(t, k, v).Valid {
			t.Errorf("%s: openssl's signature does not verify", name)
		}
	}
}

func digestName(h operations.Hash) string {
	return strings.ReplaceAll(string(h), "_", "-")
}

func TestOpenSSLRSAEncryption(t *testing.T) {
	d, dir := newDesk(t), t.TempDir()
	k := d.generate(t, keys.Spec{Type: keys.RSA, Size: 2048})
	write(t, dir, "private.der", d.export(t, k))
	write(t, dir, "public.der", k.PublicKey)
	plain := []byte("a key to be carried")
	write(t, dir, "plain", plain)
	for name, c := range map[string]struct {
		op   operations.Encrypt
		opts []string
	}{
		"PKCS1":           {operations.Encrypt{Mode: operations.PKCS1v15}, []string{"rsa_padding_mode:pkcs1"}},
		"OAEP SHA1":       {operations.Encrypt{Mode: operations.OAEP, Hash: operations.SHA1}, []string{"rsa_padding_mode:oaep", "rsa_oaep_md:sha1"}},
		"OAEP SHA256":     {operations.Encrypt{Mode: operations.OAEP, Hash: operations.SHA256}, []string{"rsa_padding_mode:oaep", "rsa_oaep_md:sha256"}},
		"OAEP SHA512":     {operations.Encrypt{Mode: operations.OAEP, Hash: operations.SHA512}, []string{"rsa_padding_mode:oaep", "rsa_oaep_md:sha512"}},
		"OAEP SHA3-256":   {operations.Encrypt{Mode: operations.OAEP, Hash: operations.SHA3_256}, []string{"rsa_padding_mode:oaep", "rsa_oaep_md:sha3-256"}},
		"OAEP with label": {operations.Encrypt{Mode: operations.OAEP, Hash: operations.SHA256, Label: []byte("label")}, []string{"rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_oaep_label:6c6162656c"}},
	} {
		t.Run(name, func(t *testing.T) {
			var opts []string
			for _, o := range c.opts {
				opts = append(opts, "-pkeyopt", o)
			}
			c.op.Plain = plain
			write(t, dir, "cipher", d.must(t, k, c.op).Output)
			if got := openssl(t, dir, append([]string{"pkeyutl", "-decrypt", "-keyform", "DER", "-inkey", "private.der", "-in", "cipher"}, opts...)...); !bytes.Equal(got, plain) {
				t.Errorf("openssl decrypts %q, want %q", got, plain)
			}
			sealed := openssl(t, dir, append([]string{"pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", "public.der", "-in", "plain"}, opts...)...)
			if got := d.must(t, k, operations.Decrypt{Mode: c.op.Mode, Hash: c.op.Hash, Cipher: sealed, Label: c.op.Label}).Output; !bytes.Equal(got, plain) {
				t.Errorf("decrypted %q, want %q", got, plain)
			}
		})
	}
}

func TestOpenSSLCertificate(t *testing.T) {
	d, dir := newDesk(t), t.TempDir()
	openssl(t, dir, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem", "-subj", "/CN=test", "-outform", "DER", "-out", "certificate.der")
	der := openssl(t, dir, "x509", "-inform", "DER", "-in", "certificate.der", "-outform", "DER")
	k := d.take(t, keys.Spec{Type: keys.Certificate}, der)
	if k.Size != 256 {
		t.Errorf("size is %d, want that of the certified key, 256", k.Size)
	}
	got := d.export(t, k)
	if diff := cmp.Diff(der, got); diff != "" {
		t.Errorf("exported certificate (-want +got):\n%s", diff)
	}
	if _, err := x509.ParseCertificate(got); err != nil {
		t.Errorf("reading the exported certificate: %v", err)
	}
}

func (d *desk) export(tb testing.TB, k keys.Key) []byte {
	tb.Helper()
	v, err := d.b.Export(tb.Context(), ordinary, k)
	if err != nil {
		tb.Fatalf("Export: %v", err)
	}
	return v.Reveal(reveal.Permit{})
}
