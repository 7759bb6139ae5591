// Package tlsconf makes TLS settings: for a connection to a gateway from what
// its group says, and for a server from the files that its operator named.
//
// It guarantees that a chain is always verified, also where the host name is
// not, and that every error is one line that names the setting at fault. It is
// used by app/assembly. The functions may be called at once.
package tlsconf

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net"
	"strings"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

// Client returns the settings for a connection to address (host:port). key is
// the unsealed t.ClientKey. Errors are fault.Invalid and name the field of the API.
func Client(address string, t groups.TLS, key secret.Value) (*tls.Config, error) {
	if t.Mode == groups.TLSDisabled {
		return nil, fault.New(fault.Invalid, "tls.mode disabled is not possible: a gateway speaks TLS only")
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fault.New(fault.Invalid, "url must be host:port")
	}
	roots, err := roots(t)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{
		MinVersion: tls.VersionTLS12,
		ServerName: host, // for SNI; crypto/tls leaves it out for IP addresses
		RootCAs:    roots,
		// The verification of package tls insists on the host name and knows no
		// common name. verify does the same chain, and the name as the group asks.
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection verifies, always
		VerifyConnection: func(s tls.ConnectionState) error {
			return verify(s, roots, host, t.ValidateHostname, time.Now())
		},
	}
	cert, err := clientCertificate(t, key)
	if err != nil {
		return nil, err
	}
	if cert != nil {
		c.Certificates = []tls.Certificate{*cert}
	}
	return c, nil
}

// Trust returns a text that is equal for equal settings, for who shares
// connections among them. It tells nothing of the key.
func Trust(t groups.TLS, key secret.Value) string {
	h := sha256.New()
	fmt.Fprintf(h, "%t %t %d ", t.GlobalRoots, t.ValidateHostname, len(t.Pinned))
	for _, b := range append(t.Pinned[:len(t.Pinned):len(t.Pinned)], t.ClientCert, key.Reveal(reveal.Permit{})) {
		sum := sha256.Sum256(b)
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// roots returns the certificates that are trusted: the pinned ones, which may be
// a CA's or the gateway's own, or else the system's.
func roots(t groups.TLS) (*x509.CertPool, error) {
	if len(t.Pinned) == 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "tls.ca: this system has no global roots; pin a certificate")
		}
		return pool, nil
	}
	pool := x509.NewCertPool()
	for _, der := range t.Pinned {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fault.New(fault.Invalid, "tls.ca.pinned holds something that is not a DER certificate")
		}
		pool.AddCert(cert)
	}
	return pool, nil
}

// clientCertificate returns what the client shows of itself; nil when nothing.
func clientCertificate(t groups.TLS, key secret.Value) (*tls.Certificate, error) {
	switch {
	case len(t.ClientCert) == 0 && key.Empty():
		return nil, nil //nolint:nilnil // there is none, and that is fine
	case len(t.ClientCert) == 0:
		return nil, fault.New(fault.Invalid, "tls.client_key is given without tls.client_cert")
	case key.Empty():
		return nil, fault.New(fault.Invalid, "tls.client_cert is given without tls.client_key")
	}
	certs := asPEM(t.ClientCert, "CERTIFICATE")
	for _, block := range []string{"PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"} {
		if cert, err := tls.X509KeyPair(certs, asPEM(key.Reveal(reveal.Permit{}), block)); err == nil {
			return &cert, nil
		}
	}
	return nil, fault.New(fault.Invalid, "tls.client_cert and tls.client_key are not a certificate and its private key")
}

// asPEM returns b as PEM: as it is, or DER as a block of the given type.
func asPEM(b []byte, block string) []byte {
	if p, _ := pem.Decode(b); p != nil {
		return b
	}
	return pem.EncodeToMemory(&pem.Block{Type: block, Bytes: b})
}

// verify verifies the peer's chain, and its name when that is wanted.
func verify(s tls.ConnectionState, roots *x509.CertPool, host string, name bool, now time.Time) error {
	if len(s.PeerCertificates) == 0 {
		return fault.New(fault.Unavailable, "the gateway shows no certificate")
	}
	leaf := s.PeerCertificates[0]
	others := x509.NewCertPool()
	for _, c := range s.PeerCertificates[1:] {
		others.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: others, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
	}
	if !name {
		return nil
	}
	if err := named(leaf).VerifyHostname(host); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
	}
	return nil
}

// named returns cert, or, when it has no subjectAltName at all, what it would be
// if its common name stood there (RFC 6125, 6.4.4).
func named(cert *x509.Certificate) *x509.Certificate {
	san := []int{2, 5, 29, 17}
	for _, e := range cert.Extensions {
		if e.Id.Equal(san) {
			return cert
		}
	}
	cn := strings.TrimSpace(cert.Subject.CommonName)
	if ip := net.ParseIP(cn); ip != nil {
		return &x509.Certificate{Raw: cert.Raw, IPAddresses: []net.IP{ip}}
	}
	if cn == "" {
		return cert
	}
	return &x509.Certificate{Raw: cert.Raw, DNSNames: []string{cn}}
}
