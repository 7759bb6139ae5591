package disclose_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"gatehouse/adapters/cli/disclose"
	"gatehouse/core/secret"
)

func TestForms(t *testing.T) {
	t.Parallel()
	for form, want := range map[disclose.Form]string{
		disclose.Binary: "\x00a", disclose.Hex: "0061\n", disclose.Text: "\x00a\n", disclose.Base64: "AGE=\n",
		disclose.PEM: "-----BEGIN PRIVATE KEY-----\nAGE=\n-----END PRIVATE KEY-----\n",
	} {
		var b bytes.Buffer
		if err := disclose.Write(&b, secret.FromString("\x00a"), form); err != nil || b.String() != want {
			t.Errorf("form %d: got %q, %v, want %q", form, b.String(), err, want)
		}
	}
}

// The name of a PEM block is what OpenSSL expects of the DER in it.
func TestPEMBlocksHaveTheNameOfWhatIsInThem(t *testing.T) {
	t.Parallel()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, pkcs8Err := x509.MarshalPKCS8PrivateKey(ec)
	sec1, sec1Err := x509.MarshalECPrivateKey(ec)
	public, publicErr := x509.MarshalPKIXPublicKey(ec.Public())
	if pkcs8Err != nil || sec1Err != nil || publicErr != nil {
		t.Fatal(pkcs8Err, sec1Err, publicErr)
	}
	for want, der := range map[string][]byte{
		"PRIVATE KEY": pkcs8, "EC PRIVATE KEY": sec1, "RSA PRIVATE KEY": x509.MarshalPKCS1PrivateKey(pair), "PUBLIC KEY": public,
	} {
		var b bytes.Buffer
		if err := disclose.Write(&b, secret.New(der), disclose.PEM); err != nil {
			t.Fatal(err)
		}
		block, rest := pem.Decode(b.Bytes())
		if block == nil || block.Type != want || !bytes.Equal(block.Bytes, der) || len(rest) > 0 {
			t.Errorf("got %s, want one block %s", b.String(), want)
		}
	}
}
