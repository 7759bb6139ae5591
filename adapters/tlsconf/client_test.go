package tlsconf_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"gatehouse/adapters/tlsconf"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/secret"
)

// shake lets a client with the given settings and a server shake hands, and
// returns the client's error.
func shake(t *testing.T, client, server *tls.Config) error {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		s := tls.Server(c, server)
		_ = s.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(s, "hello")
		_, _ = io.Copy(io.Discard, s)
	}()
	c, err := tls.Dial("tcp", l.Addr().String(), client)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = io.ReadFull(c, make([]byte, 5)) // TLS 1.3 tells of a refused client certificate here
	return err
}

func serving(c issued) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c.pair()}, MinVersion: tls.VersionTLS12}
}

func TestClientTrust(t *testing.T) {
	t.Parallel()
	ca, other := authority(t, "a CA"), authority(t, "another CA")
	middle := ca.issue(t, certOptions{cn: "middle", ca: true})
	san := ca.issue(t, certOptions{cn: "whoever", dns: []string{"hsm.example", "*.lan.example"}, ips: []string{"127.0.0.1"}})
	for _, c := range []struct {
		name     string
		server   *tls.Config
		host     string
		pinned   []issued
		validate bool
		ok       bool
	}{
		{"its CA, any name", serving(san), "elsewhere.example", []issued{ca}, false, true},
		{"another CA, any name", serving(san), "hsm.example", []issued{other}, false, false},
		{"one of two CAs", serving(san), "hsm.example", []issued{other, ca}, true, true},
		{"its name in the SAN", serving(san), "hsm.example", []issued{ca}, true, true},
		{"its name in other case", serving(san), "HSM.Example", []issued{ca}, true, true},
		{"a wildcard", serving(san), "a.lan.example", []issued{ca}, true, true},
		{"its address in the SAN", serving(san), "127.0.0.1", []issued{ca}, true, true},
		{"another name", serving(san), "elsewhere.example", []issued{ca}, true, false},
		{"another address", serving(san), "127.0.0.2", []issued{ca}, true, false},
		{"the CN although there is a SAN", serving(san), "whoever", []issued{ca}, true, false},
		{"its name in the CN", serving(ca.issue(t, certOptions{cn: "hsm.example"})), "hsm.example", []issued{ca}, true, true},
		{"a wildcard in the CN", serving(ca.issue(t, certOptions{cn: "*.example"})), "hsm.example", []issued{ca}, true, true},
		{"its address in the CN", serving(ca.issue(t, certOptions{cn: "127.0.0.1"})), "127.0.0.1", []issued{ca}, true, true},
		{"another name in the CN", serving(ca.issue(t, certOptions{cn: "hsm.example"})), "other.example", []issued{ca}, true, false},
		{"no name at all", serving(ca.issue(t, certOptions{})), "hsm.example", []issued{ca}, true, false},
		{"no name at all, none wanted", serving(ca.issue(t, certOptions{})), "hsm.example", []issued{ca}, false, true},
		{"self-signed and pinned itself", serving(selfSigned(t, certOptions{cn: "hsm.example"})), "hsm.example", nil, true, false},
		{"expired", serving(ca.issue(t, certOptions{cn: "hsm.example", expired: true})), "hsm.example", []issued{ca}, true, false},
		{"expired, any name", serving(ca.issue(t, certOptions{cn: "hsm.example", expired: true})), "x", []issued{ca}, false, false},
		{"for clients only", serving(ca.issue(t, certOptions{cn: "hsm.example", usage: x509.ExtKeyUsageClientAuth})), "hsm.example", []issued{ca}, false, false},
		{"with an intermediate", serving(middle.issue(t, certOptions{cn: "hsm.example"}).with(middle)), "hsm.example", []issued{ca}, true, true},
		{"without its intermediate", serving(middle.issue(t, certOptions{cn: "hsm.example"})), "hsm.example", []issued{ca}, true, false},
		{"the intermediate pinned", serving(middle.issue(t, certOptions{cn: "hsm.example"})), "hsm.example", []issued{middle}, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			settings := groups.TLS{Mode: groups.TLSRequired, ValidateHostname: c.validate}
			for _, p := range c.pinned {
				settings.Pinned = append(settings.Pinned, p.cert.Raw)
			}
			cfg, err := tlsconf.Client(net.JoinHostPort(c.host, "4442"), settings, secret.Value{})
			if err != nil {
				t.Fatal(err)
			}
			if err := shake(t, cfg, c.server); (err == nil) != c.ok {
				t.Errorf("got %v, want success to be %t", err, c.ok)
			}
		})
	}
	t.Run("the gateway's own certificate", func(t *testing.T) {
		t.Parallel()
		for _, own := range []issued{selfSigned(t, certOptions{cn: "hsm.example"}), ca.issue(t, certOptions{cn: "hsm.example"})} {
			cfg, err := tlsconf.Client("hsm.example:4442", groups.TLS{Pinned: [][]byte{own.cert.Raw}, ValidateHostname: true}, secret.Value{})
			if err != nil {
				t.Fatal(err)
			}
			if err := shake(t, cfg, serving(own)); err != nil {
				t.Errorf("pinned: %v", err)
			}
			if err := shake(t, cfg, serving(selfSigned(t, certOptions{cn: "hsm.example"}))); err == nil {
				t.Error("another certificate of that name is taken for the pinned one")
			}
		}
	})
}

func TestClientCertificate(t *testing.T) {
	t.Parallel()
	ca := authority(t, "CA")
	mine := ca.issue(t, certOptions{cn: "gatehouse", usage: x509.ExtKeyUsageClientAuth})
	server := serving(ca.issue(t, certOptions{cn: "hsm.example"}))
	server.ClientAuth, server.ClientCAs = tls.RequireAndVerifyClientCert, ca.pool()
	certPEM, keyPEM := mine.pem(t)
	base := groups.TLS{Pinned: [][]byte{ca.cert.Raw}}
	for _, c := range []struct {
		name      string
		cert, key []byte
	}{
		{"PEM", certPEM, keyPEM},
		{"DER", mine.cert.Raw, decode(t, keyPEM)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			settings := base
			settings.ClientCert = c.cert
			cfg, err := tlsconf.Client("hsm.example:4442", settings, secret.New(c.key))
			if err != nil {
				t.Fatal(err)
			}
			if err := shake(t, cfg, server); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		cfg, err := tlsconf.Client("hsm.example:4442", base, secret.Value{})
		if err != nil {
			t.Fatal(err)
		}
		if err := shake(t, cfg, server); err == nil {
			t.Error("mutual TLS succeeds without a client certificate")
		}
	})
}

func TestClientRefuses(t *testing.T) {
	t.Parallel()
	ca := authority(t, "CA")
	_, keyPEM := ca.pem(t)
	certPEM, _ := authority(t, "another").pem(t)
	for _, c := range []struct {
		name string
		tls  groups.TLS
		key  secret.Value
		want string
	}{
		{"TLS turned off", groups.TLS{Mode: groups.TLSDisabled}, secret.Value{}, "tls.mode"},
		{"pinned nonsense", groups.TLS{Pinned: [][]byte{{1, 2, 3}}}, secret.Value{}, "tls.ca.pinned"},
		{"a key without certificate", groups.TLS{}, secret.New(keyPEM), "tls.client_key"},
		{"a certificate without key", groups.TLS{ClientCert: certPEM}, secret.Value{}, "tls.client_cert"},
		{"a key of another certificate", groups.TLS{ClientCert: certPEM}, secret.New(keyPEM), "tls.client_cert"},
		{"a certificate that is none", groups.TLS{ClientCert: []byte("x")}, secret.New(keyPEM), "tls.client_cert"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := tlsconf.Client("hsm.example:4442", c.tls, c.key)
			if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line that names %s", err, c.want)
			}
		})
	}
}

func TestTrust(t *testing.T) {
	t.Parallel()
	base := groups.TLS{Pinned: [][]byte{{1}}, ClientCert: []byte("cert")}
	same := tlsconf.Trust(base, secret.FromString("key"))
	if again := tlsconf.Trust(groups.TLS{Pinned: [][]byte{{1}}, ClientCert: []byte("cert")}, secret.FromString("key")); again != same {
		t.Error("equal settings differ")
	}
	if strings.Contains(same, "key") {
		t.Error("the key shows")
	}
	for name, other := range map[string]string{
		"the key":        tlsconf.Trust(base, secret.FromString("another")),
		"the name":       tlsconf.Trust(groups.TLS{Pinned: base.Pinned, ClientCert: base.ClientCert, ValidateHostname: true}, secret.FromString("key")),
		"the roots":      tlsconf.Trust(groups.TLS{Pinned: base.Pinned, ClientCert: base.ClientCert, GlobalRoots: true}, secret.FromString("key")),
		"what is pinned": tlsconf.Trust(groups.TLS{Pinned: [][]byte{{1}, {2}}, ClientCert: base.ClientCert}, secret.FromString("key")),
		"the border":     tlsconf.Trust(groups.TLS{Pinned: [][]byte{{1}, []byte("cert")}}, secret.FromString("key")),
	} {
		if other == same {
			t.Errorf("settings that differ in %s are told as equal", name)
		}
	}
}

func decode(t *testing.T, b []byte) []byte {
	t.Helper()
	p, _ := pem.Decode(b)
	if p == nil {
		t.Fatal("no PEM")
	}
	return p.Bytes
}
