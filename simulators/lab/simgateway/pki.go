package simgateway

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// PKI is a certificate authority with a certificate for a gateway and one for
// its client. They last for a day.
type PKI struct {
	CA         []byte // DER
	CAFile     string // PEM
	Gateway    string // PEM file with certificate and key
	ClientCert []byte // PEM
	ClientKey  []byte // PEM, PKCS#8
	Own        []byte // DER: the gateway's certificate

	ca issued
}

// NewPKI makes a PKI in the folder dir, whose gateway certificate is for the
// hosts, names or IP addresses.
func NewPKI(dir string, hosts ...string) (PKI, error) {
	ca, err := issue(nil, &x509.Certificate{
		Subject: pkix.Name{CommonName: "simulated CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	if err != nil {
		return PKI{}, err
	}
	p := PKI{
		CA: ca.cert.Raw, CAFile: filepath.Join(dir, "ca.pem"), Gateway: filepath.Join(dir, "gateway.pem"), ca: ca,
	}
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(p.CAFile, ca.certPEM(), 0o600)); err != nil {
		return p, err
	}
	both, der, gatewayErr := p.Server(Server{Hosts: hosts})
	p.Own = der
	p.ClientCert, p.ClientKey, err = p.Client(tomorrow())
	return p, errors.Join(err, gatewayErr, os.WriteFile(p.Gateway, both, 0o600))
}

// Server says what certificate of a gateway is to be made.
type Server struct {
	Hosts []string  // names and IP addresses in its subjectAltName
	Name  string    // its common name; empty: one that says nothing
	Ends  time.Time // zero: tomorrow
}

// Server makes a certificate of a gateway: with its key in PEM, and in DER.
func (p PKI) Server(o Server) (both, der []byte, err error) {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: cmp.Or(o.Name, "simulated gateway")}, KeyUsage: x509.KeyUsageDigitalSignature,
		NotAfter: o.Ends, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, h := range o.Hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	i, err := issue(&p.ca, template)
	if err != nil {
		return nil, nil, err
	}
	return append(i.certPEM(), i.keyPEM...), i.cert.Raw, nil
}

// Client makes a client certificate that ends at the given time, in PEM.
func (p PKI) Client(ends time.Time) (cert, key []byte, err error) {
	i, err := issue(&p.ca, &x509.Certificate{
		Subject: pkix.Name{CommonName: "simulated client"}, KeyUsage: x509.KeyUsageDigitalSignature,
		NotAfter: ends, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return nil, nil, err
	}
	return i.certPEM(), i.keyPEM, nil
}

func tomorrow() time.Time { return time.Now().Add(24 * time.Hour) }

// issued is a certificate with its key.
type issued struct {
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	keyPEM []byte
}

func (i issued) certPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.cert.Raw})
}

// issue makes a certificate, signed by a CA or, without one, by itself.
func issue(by *issued, template *x509.Certificate) (i issued, err error) {
	if i.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return i, fmt.Errorf("making a key: %w", err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		return i, fmt.Errorf("encoding a key: %w", err)
	}
	i.keyPEM = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return i, fmt.Errorf("making a serial number: %w", err)
	}
	template.NotBefore = time.Now().Add(-2 * time.Hour)
	if template.NotAfter.IsZero() {
		template.NotAfter = tomorrow()
	}
	parent, signer := template, i.key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, i.key.Public(), signer)
	if err != nil {
		return i, fmt.Errorf("making a certificate: %w", err)
	}
	i.cert, err = x509.ParseCertificate(der)
	return i, err
}
