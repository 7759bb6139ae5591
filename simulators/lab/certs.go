package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"gatehouse/simulators/lab/openssl"
)

// TLS are the lab's certificates, made with openssl as an operator would make
// them: a CA, the gateway's certificate, and one for the service to show to it.
type TLS struct {
	CA         string // PEM file
	GatewayP12 string // PKCS#12 file without a password
	ClientCert string // PEM file
	ClientKey  string // PEM file, PKCS#8
}

const opensslConfig = `[req]
distinguished_name = name
prompt = no
[name]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[gateway]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1, DNS:localhost
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
`

// makeCertificates makes the lab's certificates in dir.
func makeCertificates(ctx context.Context, dir string) (TLS, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return TLS{}, fmt.Errorf("making the folder of the certificates: %w", err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(in("openssl.cnf"), []byte(opensslConfig), 0o600); err != nil {
		return TLS{}, fmt.Errorf("writing openssl's configuration: %w", err)
	}
	issue := func(name, subject string, by ...string) error {
		_, err := openssl.Run(ctx, nil, append([]string{
			"req", "-x509", "-config", in("openssl.cnf"), "-extensions", name, "-days", "30", "-subj", "/CN=" + subject,
			"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", in(name + ".key"), "-out", in(name + ".pem"),
		}, by...)...)
		return err
	}
	if err := issue("ca", "Gatehouse lab CA"); err != nil {
		return TLS{}, err
	}
	for name, subject := range map[string]string{"gateway": "gatehouse-hmg", "client": "gatehouse"} {
		if err := issue(name, subject, "-CA", in("ca.pem"), "-CAkey", in("ca.key")); err != nil {
			return TLS{}, err
		}
	}
	_, err := openssl.Run(ctx, nil, "pkcs12", "-export", "-inkey", in("gateway.key"), "-in", in("gateway.pem"),
		"-certfile", in("ca.pem"), "-out", in("gateway.p12"), "-passout", "pass:")
	return TLS{CA: in("ca.pem"), GatewayP12: in("gateway.p12"), ClientCert: in("client.pem"), ClientKey: in("client.key")}, err
}
