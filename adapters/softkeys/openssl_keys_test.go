package softkeys_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// The tests of this file compare what makes and wraps keys with the openssl
// command.

func TestOpenSSLKeyWrapping(t *testing.T) {
	d, dir := newDesk(t), t.TempDir()
	for _, c := range []struct {
		cipher string
		bits   int
		mode   operations.Mode
		length int
	}{
		{"id-aes128-wrap", 128, operations.KW, 16},
		{"id-aes192-wrap", 192, operations.KW, 24},
		{"id-aes256-wrap", 256, operations.KW, 32},
		{"id-aes128-wrap-pad", 128, operations.KWP, 17},
		{"id-aes256-wrap-pad", 256, operations.KWP, 32},
		{"id-aes256-wrap-pad", 256, operations.KWP, 1200},
		{"aes-192-cbc", 192, operations.CBC, 33},
		{"aes-256-ctr", 256, operations.CTR, 33},
	} {
		t.Run(fmt.Sprintf("%s of %d bytes", c.cipher, c.length), func(t *testing.T) {
			k := d.generate(t, keys.Spec{Type: keys.AES, Size: c.bits})
			value := bytes.Repeat([]byte("s"), c.length)
			subject := d.take(t, keys.Spec{Type: keys.Secret}, value)
			res, err := d.wrap(t, k, operations.Wrap{Mode: c.mode}, subject, value)
			if err != nil {
				t.Fatalf("wrapping: %v", err)
			}
			iv := map[operations.Mode]string{operations.KW: "a6a6a6a6a6a6a6a6", operations.KWP: "a65959a6"}[c.mode]
			if iv == "" {
				iv = hex.EncodeToString(res.IV)
			}
			args := []string{"enc", "-" + c.cipher, "-K", hex.EncodeToString(d.export(t, k)), "-iv", iv}
			write(t, dir, "wrapped", res.Output)
			if got := openssl(t, dir, append(args, "-d", "-in", "wrapped")...); !bytes.Equal(got, value) {
				t.Errorf("openssl unwraps %x, want %x", got, value)
			}
			write(t, dir, "value", value)
			u := operations.Unwrap{Mode: c.mode, Wrapped: openssl(t, dir, append(args, "-e", "-in", "value")...), IV: res.IV}
			back, err := d.unwrap(t, k, u, keys.Spec{Type: keys.Secret})
			if err != nil {
				t.Fatalf("unwrapping: %v", err)
			}
			if got := d.export(t, back); !bytes.Equal(got, value) {
				t.Errorf("unwrapped %x, want %x", got, value)
			}
		})
	}
}

func TestOpenSSLAgreement(t *testing.T) {
	d := newDesk(t)
	for curve, args := range map[keys.Curve][]string{
		keys.P224: curve("P-224"), keys.P256: curve("P-256"), keys.P384: curve("P-384"), keys.P521: curve("P-521"),
		keys.Secp256k1: curve("secp256k1"), keys.X25519: {"-algorithm", "X25519"},
	} {
		t.Run(string(curve), func(t *testing.T) {
			dir := t.TempDir()
			k := d.generate(t, keys.Spec{Type: keys.EC, Curve: curve})
			openssl(t, dir, append([]string{"genpkey", "-out", "peer.pem"}, args...)...)
			write(t, dir, "public.der", k.PublicKey)
			want := openssl(t, dir, "pkeyutl", "-derive", "-inkey", "peer.pem", "-peerkey", "public.der", "-peerform", "DER")
			peer := openssl(t, dir, "pkey", "-in", "peer.pem", "-pubout", "-outform", "DER")
			got, _, err := d.derive(t, k, operations.Agree{PeerPublicKey: peer}, len(want))
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("error %v, shared secret (-openssl +got):\n%s", err, diff)
			}
			short, _, err := d.derive(t, k, operations.Agree{PeerPublicKey: peer}, 16)
			if !bytes.Equal(short, want[len(want)-16:]) || err != nil {
				t.Errorf("got %x, error %v; want the end of %x", short, err, want)
			}
		})
	}
}

func TestOpenSSLHKDF(t *testing.T) {
	d, dir := newDesk(t), t.TempDir()
	base := d.generate(t, keys.Spec{Type: keys.HMAC, Size: 256})
	raw := hex.EncodeToString(d.export(t, base))
	for _, h := range []operations.Hash{operations.SHA1, operations.SHA256, operations.SHA384, operations.SHA512, operations.SHA3_256} {
		op := operations.Derive{By: operations.HKDF{Hash: h, Salt: []byte("salt"), Info: []byte("info")}}
		got, _, err := d.derive(t, base, op, 77)
		want := openssl(t, dir, "kdf", "-binary", "-keylen", "77", "-kdfopt", "digest:"+digestName(h), "-kdfopt", "hexkey:"+raw,
			"-kdfopt", "salt:salt", "-kdfopt", "info:info", "HKDF")
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: error %v, derived (-openssl +got):\n%s", h, err, diff)
		}
	}
}

func TestOpenSSLCheckValues(t *testing.T) {
	d, dir := newDesk(t), t.TempDir()
	for _, c := range []struct {
		spec        keys.Spec
		cipher, mac string
		block       int
	}{
		{keys.Spec{Type: keys.AES, Size: 128}, "aes-128-ecb", "AES-128-CBC", 16},
		{keys.Spec{Type: keys.AES, Size: 256}, "aes-256-ecb", "AES-256-CBC", 16},
		{keys.Spec{Type: keys.DES3, Size: 168}, "des-ede3", "DES-EDE3-CBC", 8},
	} {
		k := d.generate(t, c.spec)
		raw := hex.EncodeToString(d.export(t, k))
		write(t, dir, "zeros", make([]byte, c.block))
		want := strings.ToUpper(hex.EncodeToString(openssl(t, dir, "enc", "-"+c.cipher, "-nopad", "-K", raw, "-in", "zeros")))[:6]
		mac := string(openssl(t, dir, "mac", "-in", "zeros", "-macopt", "hexkey:"+raw, "-cipher", c.mac, "CMAC"))
		if k.KCV != want || k.KCVCMAC != mac[:10] {
			t.Errorf("%s: got %s and %s, want %s and %s", c.spec.Type, k.KCV, k.KCVCMAC, want, mac[:10])
		}
	}
	if two := d.generate(t, keys.Spec{Type: keys.DES3, Size: 112}); two.KCVCMAC != "" {
		t.Errorf("DES3 of two keys has the check value %s, want none", two.KCVCMAC)
	}
}

// TestOpenSSLPEM: what openssl writes as text is read.
func TestOpenSSLPEM(t *testing.T) {
	d, dir := newDesk(t), t.TempDir()
	openssl(t, dir, "genrsa", "-traditional", "-out", "rsa1.pem", "2048")
	openssl(t, dir, "pkey", "-in", "rsa1.pem", "-out", "rsa8.pem")
	openssl(t, dir, "pkey", "-in", "rsa1.pem", "-pubout", "-out", "rsapub.pem")
	openssl(t, dir, "ecparam", "-name", "secp256k1", "-genkey", "-out", "ec.pem") // with EC PARAMETERS before the key
	openssl(t, dir, "pkey", "-in", "ec.pem", "-pubout", "-out", "ecpub.pem")
	openssl(t, dir, "req", "-x509", "-key", "rsa1.pem", "-subj", "/CN=test", "-out", "certificate.pem")
	openssl(t, dir, "pkcs8", "-topk8", "-in", "ec.pem", "-passout", "pass:secret", "-out", "encrypted.pem")
	for file, c := range map[string]struct {
		typ  keys.Type
		form []string // prints what the file holds as DER
	}{
		"rsa1.pem":        {keys.RSA, []string{"pkey", "-pubout"}},
		"rsa8.pem":        {keys.RSA, []string{"pkey", "-pubout"}},
		"rsapub.pem":      {keys.RSA, []string{"pkey", "-pubin"}},
		"ec.pem":          {keys.EC, []string{"pkey", "-pubout"}},
		"ecpub.pem":       {keys.EC, []string{"pkey", "-pubin"}},
		"certificate.pem": {keys.Certificate, []string{"x509"}},
	} {
		k := d.take(t, keys.Spec{Type: c.typ}, readFile(t, dir, file))
		want := openssl(t, dir, append(c.form, "-in", file, "-outform", "DER")...)
		got := k.PublicKey
		if c.typ == keys.Certificate {
			got = d.export(t, k)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-openssl +got):\n%s", file, diff)
		}
	}
	for name, c := range map[string]struct {
		value []byte
		want  fault.Kind
	}{
		"encrypted":    {readFile(t, dir, "encrypted.pem"), fault.Unsupported},
		"two objects":  {append(readFile(t, dir, "ecpub.pem"), readFile(t, dir, "ecpub.pem")...), fault.Invalid},
		"cut short":    {readFile(t, dir, "ecpub.pem")[:60], fault.Invalid},
		"words behind": {append(readFile(t, dir, "ecpub.pem"), "words"...), fault.Invalid},
		"of RSA":       {readFile(t, dir, "rsa8.pem"), fault.Invalid},
	} {
		if _, err := d.try(t, keys.Spec{Type: keys.EC}, c.value); err == nil || fault.KindOf(err) != c.want {
			t.Errorf("PEM %s: got error %v, want kind %q", name, err, c.want)
		}
	}
}

func readFile(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
