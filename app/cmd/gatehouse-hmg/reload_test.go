package main_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"gatehouse/adapters/hmgclient"
	"gatehouse/core/fault"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func certPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// sign makes a certificate; without a, one that signs itself.
func (a *authority) sign(t *testing.T, template *x509.Certificate) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore = time.Now().Add(-2 * time.Hour)
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(time.Hour)
	}
	parent, signer := template, key
	if a != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key}
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := (*authority)(nil).sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return &a
}

// server makes a certificate for 127.0.0.1, as a PEM file's content with its key.
func (a *authority) server(t *testing.T, name string) []byte {
	t.Helper()
	i := a.sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	der, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return append(certPEM(i.cert.Raw), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...)
}

// client makes a client certificate that ends at the given time.
func (a *authority) client(t *testing.T, ends time.Time) tls.Certificate {
	t.Helper()
	i := a.sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "client"}, NotAfter: ends, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return tls.Certificate{Certificate: [][]byte{i.cert.Raw}, PrivateKey: i.key}
}

// renewing is a site whose TLS files are made to be replaced.
type renewing struct {
	*site

	ca, company  *authority
	cert, caFile string
}

func newRenewing(t *testing.T) *renewing {
	t.Helper()
	r := &renewing{site: newSite(t), ca: newAuthority(t, "gateways"), company: newAuthority(t, "clients")}
	dir := t.TempDir()
	r.cert, r.caFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "ca.pem")
	r.put(t, r.cert, r.ca.server(t, "first"))
	r.put(t, r.caFile, certPEM(r.company.cert.Raw))
	r.env = append(r.env, "CERT_FILE="+r.cert, "CERT_PASSWORD_FILE=", "CA_FILE="+r.caFile, "HMG_RELOAD_EVERY=50ms")
	r.show(r.company.client(t, time.Now().Add(time.Hour)))
	return r
}

func (r *renewing) put(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// show makes the site's client show certificates.
func (r *renewing) show(certs ...tls.Certificate) {
	roots := x509.NewCertPool()
	roots.AddCert(r.ca.cert)
	r.client.TLS = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Certificates: certs}
}

// shown returns the name in the certificate that a port shows.
func (r *renewing) shown(t *testing.T, port int) string {
	t.Helper()
	settings := r.client.TLS.Clone()
	c, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), settings)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName
}

// until waits for what is to come about.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-ctx.Done():
			t.Fatalf("it never came about that %s", what)
		case <-tick.C:
		}
	}
}

func TestCertificateIsRenewed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		every  string
		signal bool
	}{
		{"when the file changes", "50ms", false},
		{"on SIGHUP", "1h", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRenewing(t)
			r.env = append(r.env, "HMG_RELOAD_EVERY="+c.every)
			cmd, _ := r.start(t)
			tok := r.dial(t)
			made, err := tok.Generate(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			r.put(t, r.cert, r.ca.server(t, "second"))
			if c.signal {
				if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
					t.Fatal(err)
				}
			}
			for _, port := range []int{r.ports[0], r.ports[2]} {
				until(t, fmt.Sprintf("port %d shows the new certificate", port), func() bool { return r.shown(t, port) == "second" })
			}
			if _, err := tok.Operate(t.Context(), made.Ref(), signing); err != nil {
				t.Errorf("the connection from before: %v", err)
			}
		})
	}
}

func TestBrokenRenewalKeepsTheOldCertificate(t *testing.T) {
	t.Parallel()
	r := newRenewing(t)
	cmd, _ := r.start(t)
	r.put(t, r.cert, []byte("-----BEGIN CERTIFICATE-----\nhalf"))
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	r.dial(t) // as before
	if got := r.shown(t, r.ports[0]); got != "first" {
		t.Errorf("got the certificate %q, want the first", got)
	}
	r.put(t, r.cert, r.ca.server(t, "third"))
	until(t, "the mended file is served", func() bool { return r.shown(t, r.ports[0]) == "third" })
}

// TestAccessNeedsACertificate: with CA_FILE, who has no certificate of that CA
// does not come in.
func TestAccessNeedsACertificate(t *testing.T) {
	t.Parallel()
	r := newRenewing(t)
	r.start(t)
	other := newAuthority(t, "another company")
	for _, c := range []struct {
		name string
		show []tls.Certificate
	}{
		{"none", nil},
		{"another CA's", []tls.Certificate{other.client(t, time.Now().Add(time.Hour))}},
		{"an expired one", []tls.Certificate{r.company.client(t, time.Now().Add(-time.Hour))}},
		{"one for servers", []tls.Certificate{serverPair(t, r.company)}},
	} {
		r.show(c.show...)
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			r.client.TLS.MaxVersion = version
			if _, err := hmgclient.Dial(t.Context(), r.client); fault.ReasonOf(err) != fault.TLSRefused {
				t.Errorf("%s, version %x: got %v, want TLS refused", c.name, version, err)
			}
		}
	}
	r.show(r.company.client(t, time.Now().Add(time.Hour)))
	r.client.TLS.MinVersion, r.client.TLS.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if _, err := tls.Dial("tcp", r.client.Address, r.client.TLS); err == nil {
		t.Error("TLS 1.1 is spoken, want it refused")
	}
}

func serverPair(t *testing.T, by *authority) tls.Certificate {
	t.Helper()
	both := by.server(t, "a server")
	pair, err := tls.X509KeyPair(both, both)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// TestReplacedCACutsOff: when the CA that vouched for a client is gone, so is
// its connection; others go on.
func TestReplacedCACutsOff(t *testing.T) {
	t.Parallel()
	r := newRenewing(t)
	r.start(t)
	next := newAuthority(t, "next CA")
	r.put(t, r.caFile, append(certPEM(r.company.cert.Raw), certPEM(next.cert.Raw)...)) // both for a while
	old := r.dial(t)
	made, err := old.Generate(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	oldClient := r.client
	r.show(next.client(t, time.Now().Add(time.Hour)))
	until(t, "the next CA is trusted", func() bool {
		tok, err := hmgclient.Dial(t.Context(), r.client)
		if err != nil {
			return false
		}
		return tok.Close() == nil
	})
	fresh := r.dial(t)
	if _, err := old.Operate(t.Context(), made.Ref(), signing); err != nil {
		t.Errorf("while both CAs are trusted: %v", err)
	}
	r.put(t, r.caFile, certPEM(next.cert.Raw))
	until(t, "the client of the CA that is gone is cut off", func() bool {
		_, err := old.Operate(t.Context(), made.Ref(), signing)
		return err != nil
	})
	if _, err := hmgclient.Dial(t.Context(), oldClient); fault.ReasonOf(err) != fault.TLSRefused {
		t.Errorf("connecting anew: got %v, want TLS refused", err)
	}
	if _, err := fresh.Operate(t.Context(), made.Ref(), signing); err != nil {
		t.Errorf("the client of the CA that stays: %v", err)
	}
}
