package simgateway

import (
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
	server := &x509.Certificate{
		Subject: pkix.Name{CommonName: "simulated gateway"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			server.IPAddresses = append(server.IPAddresses, ip)
		} else {
			server.DNSNames = append(server.DNSNames, h)
		}
	}
	gateway, gatewayErr := issue(&ca, server)
	client, clientErr := issue(&ca, &x509.Certificate{
		Subject: pkix.Name{CommonName: "simulated client"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err := errors.Join(gatewayErr, clientErr); err != nil {
		return PKI{}, err
	}
	p := PKI{
		CA: ca.cert.Raw, CAFile: filepath.Join(dir, "ca.pem"), Gateway: filepath.Join(dir, "gateway.pem"),
		ClientCert: client.certPEM(), ClientKey: client.keyPEM,
	}
	err = errors.Join(
		os.MkdirAll(dir, 0o700),
		os.WriteFile(p.CAFile, ca.certPEM(), 0o600),
		os.WriteFile(p.Gateway, append(gateway.certPEM(), gateway.keyPEM...), 0o600),
	)
	return p, err
}

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
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
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
