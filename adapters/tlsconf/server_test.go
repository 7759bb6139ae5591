package tlsconf_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"gatehouse/adapters/tlsconf"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/secret"
)

// openssl runs openssl in dir; without it the test is skipped, and fails in CI.
func openssl(t *testing.T, dir string, args ...string) {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("%v: run `make tools`", err)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("openssl %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

func files(cert, password, ca string) tlsconf.ServerFiles {
	return tlsconf.ServerFiles{
		Cert: cert, CertName: "CERT_FILE", Password: secret.FromString(password), PasswordName: "CERT_PASSWORD_FILE",
		ClientCA: ca, ClientCASetting: "CA_FILE",
	}
}

// TestWhatOpenSSLWrites reads PKCS#12 files as operators make them, and serves
// with each.
func TestWhatOpenSSLWrites(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	openssl(t, dir, "req", "-x509", "-newkey", "rsa:2048", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-nodes", "-subj", "/CN=hsm.example")
	openssl(t, dir, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-keyout", "eckey.pem", "-out", "eccert.pem", "-days", "2", "-nodes", "-subj", "/CN=hsm.example")
	for _, c := range []struct {
		name, password string
		args           []string
	}{
		{"as the guide says", "", nil},
		{"with a password", "geheim ü", nil},
		{"old algorithms", "secret", []string{"-legacy"}},
		{"old algorithms, no password", "", []string{"-legacy"}},
		{"triple DES", "secret", []string{"-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"}},
		{"AES-128, SHA-512", "secret", []string{"-keypbe", "AES-128-CBC", "-certpbe", "AES-128-CBC", "-macalg", "sha512"}},
		{"certificate in the clear", "secret", []string{"-certpbe", "NONE"}},
		{"many iterations", "secret", []string{"-iter", "200000"}},
		{"with a name", "secret", []string{"-name", "gateway"}},
		{"with its CA", "secret", []string{"-certfile", "eccert.pem"}},
		{"elliptic curve", "secret", []string{"-inkey", "eckey.pem", "-in", "eccert.pem"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "cert.p12")
			args := append([]string{"pkcs12", "-export", "-out", out, "-passout", "pass:" + c.password}, c.args...)
			if !strings.Contains(strings.Join(c.args, " "), "-inkey") {
				args = append(args, "-inkey", "key.pem", "-in", "cert.pem")
			}
			openssl(t, dir, args...)
			loaded, err := tlsconf.Server(files(out, c.password, ""))
			if err != nil {
				t.Fatal(err)
			}
			server := loaded.Config
			client, err := tlsconf.Client("hsm.example:4442", groups.TLS{
				Pinned: [][]byte{server.Certificates[0].Certificate[0]}, ValidateHostname: true,
			}, secret.Value{})
			if err != nil {
				t.Fatal(err)
			}
			if err := shake(t, client, server); err != nil {
				t.Error(err)
			}
			if _, err := tlsconf.Server(files(out, "wrong", "")); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "CERT_PASSWORD_FILE") {
				t.Errorf("with a wrong password, got %v, want it told", err)
			}
			if _, err := tlsconf.Server(files(out, "", "")); c.password != "" && (!errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "has a password")) {
				t.Errorf("without its password, got %v, want it told", err)
			}
		})
	}
}

func TestServerFromPEM(t *testing.T) {
	t.Parallel()
	ca := authority(t, "CA")
	middle := ca.issue(t, certOptions{cn: "middle", ca: true})
	leaf := middle.issue(t, certOptions{cn: "hsm.example"})
	certPEM, keyPEM := leaf.pem(t)
	middlePEM, _ := middle.pem(t)
	caPEM, _ := ca.pem(t)
	cert := write(t, append(append(keyPEM, certPEM...), middlePEM...))
	loaded, err := tlsconf.Server(files(cert, "", write(t, append([]byte("our CA:\n"), caPEM...))))
	if err != nil {
		t.Fatal(err)
	}
	server := loaded.Config
	if server.ClientAuth != tls.RequireAndVerifyClientCert || server.MinVersion < tls.VersionTLS12 {
		t.Errorf("with CA_FILE: client certificates %v, least version %x; want required and TLS 1.2", server.ClientAuth, server.MinVersion)
	}
	mine := ca.issue(t, certOptions{cn: "gatehouse", usage: x509.ExtKeyUsageClientAuth})
	mineCert, mineKey := mine.pem(t)
	settings := groups.TLS{Pinned: [][]byte{ca.cert.Raw}, ClientCert: mineCert, ValidateHostname: true}
	client, err := tlsconf.Client("hsm.example:4442", settings, secret.New(mineKey))
	if err != nil {
		t.Fatal(err)
	}
	if err := shake(t, client, server); err != nil {
		t.Errorf("with the intermediate in the file: %v", err)
	}
}

func write(t *testing.T, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestServerRefuses(t *testing.T) {
	t.Parallel()
	ca, other := authority(t, "CA"), authority(t, "another")
	certPEM, keyPEM := ca.pem(t)
	_, otherKey := other.pem(t)
	good := write(t, append(certPEM, keyPEM...))
	mixed, err := pkcs12.Modern.Encode(other.key, ca.cert, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	huge := write(t, make([]byte, 2<<20))
	for _, c := range []struct {
		name  string
		files tlsconf.ServerFiles
		want  string
	}{
		{"nothing set", files("", "", ""), "CERT_FILE is not set"},
		{"no such file", files("/no/such/file", "", ""), "CERT_FILE: cannot read /no/such/file: no such file"},
		{"a folder", files(t.TempDir(), "", ""), "CERT_FILE: cannot read"},
		{"a huge file", files(huge, "", ""), "too long"},
		{"an empty file", files(write(t, nil), "", ""), "not a PKCS#12 file"},
		{"nonsense", files(write(t, []byte("nonsense")), "", ""), "not a PKCS#12 file"},
		{"DER that is something else", files(write(t, ca.cert.Raw), "", ""), "not a PKCS#12 file"},
		{"PEM without key", files(write(t, certPEM), "", ""), "CERT_FILE"},
		{"PEM with another key", files(write(t, append(certPEM[:len(certPEM):len(certPEM)], otherKey...)), "", ""), "CERT_FILE"},
		{"PKCS#12 with another key", files(write(t, mixed), "", ""), "the key is not the certificate's"},
		{"no such CA file", files(good, "", "/no/such/ca"), "CA_FILE: cannot read /no/such/ca"},
		{"CA file without certificates", files(good, "", write(t, keyPEM)), "CA_FILE"},
		{"CA file with a broken one", files(good, "", write(t, []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))), "CA_FILE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := tlsconf.Server(c.files)
			if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line with %q", err, c.want)
			}
		})
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"secret": "secret", "secret\n": "secret", "secret\r\nmore\n": "secret", " a b \n": " a b ", "": ""} {
		got, err := tlsconf.Password(write(t, []byte(text)), "CERT_PASSWORD_FILE")
		if err != nil || !got.Equal(secret.FromString(want)) {
			t.Errorf("a file of %q: the password is not %q (%v)", text, want, err)
		}
	}
	if _, err := tlsconf.Password("/no/such/file", "CERT_PASSWORD_FILE"); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "CERT_PASSWORD_FILE") {
		t.Errorf("got %v, want the setting named", err)
	}
}

// TestIterationBomb: a file may not keep the gateway busy for years.
func TestIterationBomb(t *testing.T) {
	t.Parallel()
	ca := authority(t, "CA")
	const plain = 0x030d40
	for name, e := range map[string]*pkcs12.Encoder{"new algorithms": pkcs12.Modern2023, "old algorithms": pkcs12.LegacyDES} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, err := e.WithIterations(plain).Encode(ca.key, ca.cert, nil, "")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tlsconf.Server(files(write(t, file), "", "")); err != nil {
				t.Fatalf("a file of %d iterations: %v", plain, err)
			}
			evil := strings.ReplaceAll(string(file), "\x02\x03\x03\x0d\x40", "\x02\x03\x7f\xff\xff")
			if evil == string(file) {
				t.Fatal("the iterations are not where they were expected")
			}
			refusedSoon(t, []byte(evil))
		})
	}
	// MacData of RFC 7292 with the greatest count of four bytes.
	refusedSoon(t, []byte{0x30, 0x0a, 0x04, 0x02, 1, 2, 0x02, 0x04, 0x7f, 0xff, 0xff, 0xff})
	// The same, greater than any integer of Go's.
	refusedSoon(t, []byte{0x30, 0x10, 0x04, 0x02, 1, 2, 0x02, 0x0a, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
}

func refusedSoon(t *testing.T, file []byte) {
	t.Helper()
	start := time.Now()
	if _, err := tlsconf.Server(files(write(t, file), "", "")); err == nil || !strings.Contains(err.Error(), "iterations") {
		t.Errorf("got %v, want the iterations refused", err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("it took %v to refuse", d)
	}
}
