package tlsconf_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"
)

// issued is a certificate with its key, and what is sent along.
type issued struct {
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
	chain [][]byte
}

type certOptions struct {
	cn      string
	dns     []string
	ips     []string
	ca      bool
	expired bool
	usage   x509.ExtKeyUsage // 0: server
}

func authority(tb testing.TB, name string) issued {
	tb.Helper()
	return selfSigned(tb, certOptions{cn: name, ca: true})
}

func selfSigned(tb testing.TB, o certOptions) issued {
	tb.Helper()
	return issued{}.issue(tb, o)
}

// issue makes a certificate signed by by; a zero by makes it sign itself.
func (by issued) issue(tb testing.TB, o certOptions) issued {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: o.cn}, DNSNames: o.dns,
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: o.ca, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if o.usage != 0 {
		template.ExtKeyUsage = []x509.ExtKeyUsage{o.usage}
	}
	if o.ca {
		template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageCertSign, nil
	}
	if o.expired {
		template.NotAfter = time.Now().Add(-time.Hour)
	}
	for _, ip := range o.ips {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(ip))
	}
	if by.cert == nil {
		by = issued{cert: template, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, &key.PublicKey, by.key)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return issued{cert: cert, key: key}
}

// with sends c along.
func (by issued) with(c issued) issued {
	by.chain = append(by.chain, c.cert.Raw)
	return by
}

func (by issued) pair() tls.Certificate {
	return tls.Certificate{Certificate: append([][]byte{by.cert.Raw}, by.chain...), PrivateKey: by.key}
}

func (by issued) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(by.cert)
	return p
}

func (by issued) pem(tb testing.TB) (cert, key []byte) {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(by.key)
	if err != nil {
		tb.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: by.cert.Raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}
