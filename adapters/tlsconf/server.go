package tlsconf

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

// maxFile is the longest file that is read, in bytes.
const maxFile = 1 << 20

// ServerFiles name what a server's TLS settings are made of. The names of the
// settings are the caller's, for errors.
type ServerFiles struct {
	Cert            string // PKCS#12, or PEM with certificate, chain and, unless Key is set, key
	CertName        string // what the operator calls this setting
	Key             string // PEM; empty: the key is in Cert
	KeyName         string
	Password        secret.Value // of the PKCS#12 file
	PasswordName    string
	PasswordErr     error  // why there is no password: told in place of trying one
	ClientCA        string // PEM; empty: no client certificate is wanted
	ClientCASetting string
}

// Loaded is what a server's files said.
type Loaded struct {
	Config *tls.Config
	Dates  []Expiry // of the certificate, its chain and the client CAs
}

// Expiry is when a certificate that a server needs ends.
type Expiry struct {
	Setting  string // the setting that names its file
	Subject  string
	NotAfter time.Time
}

// Server returns the settings of a server. With a client CA, clients must show
// a certificate that it has signed, and no session is resumed: that would skip
// the look at the certificate. Errors are fault.Invalid, one line for each thing that is wrong, joined.
func Server(f ServerFiles) (Loaded, error) {
	l := Loaded{Config: &tls.Config{MinVersion: tls.VersionTLS12}}
	if err := errors.Join(l.show(f), l.ask(f)); err != nil {
		return Loaded{}, err
	}
	return l, nil
}

// show loads what the server shows of itself.
func (l *Loaded) show(f ServerFiles) error {
	if f.Cert == "" {
		return fault.New(fault.Invalid, "%s is not set: name a PKCS#12 file with the gateway's certificate and key", f.CertName)
	}
	data, err := read(f.Cert, f.CertName)
	if err := errors.Join(err, f.PasswordErr); err != nil {
		return err
	}
	cert, err := certificate(data, f)
	if err != nil {
		return err
	}
	for _, der := range cert.Certificate {
		shown, err := x509.ParseCertificate(der)
		if err != nil {
			return fault.New(fault.Invalid, "%s: %s: a certificate in it cannot be read", f.CertName, f.Cert)
		}
		l.Dates = append(l.Dates, expiry(f.CertName, shown))
	}
	l.Config.Certificates = []tls.Certificate{cert}
	return nil
}

// ask loads what the server asks of clients.
func (l *Loaded) ask(f ServerFiles) error {
	if f.ClientCA == "" {
		return nil
	}
	data, err := read(f.ClientCA, f.ClientCASetting)
	if err != nil {
		return err
	}
	cas, err := authorities(data)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "%s: %s", f.ClientCASetting, f.ClientCA)
	}
	l.Config.ClientCAs = x509.NewCertPool()
	for _, ca := range cas {
		l.Config.ClientCAs.AddCert(ca)
		l.Dates = append(l.Dates, expiry(f.ClientCASetting, ca))
	}
	l.Config.ClientAuth, l.Config.SessionTicketsDisabled = tls.RequireAndVerifyClientCert, true
	return nil
}

func expiry(setting string, c *x509.Certificate) Expiry {
	return Expiry{Setting: setting, Subject: c.Subject.String(), NotAfter: c.NotAfter}
}

// certificate reads a certificate and its key from PKCS#12 or PEM.
func certificate(data []byte, f ServerFiles) (tls.Certificate, error) {
	var cert tls.Certificate
	var err error
	if f.Key != "" {
		key, err := read(f.Key, f.KeyName)
		if err != nil {
			return cert, err
		}
		if cert, err = tls.X509KeyPair(data, key); err != nil {
			return cert, fault.New(fault.Invalid, "%s and %s: %s and %s are not a PEM certificate and its private key", f.CertName, f.KeyName, f.Cert, f.Key)
		}
		return cert, nil
	}
	if bytes.Contains(data, []byte("-----BEGIN ")) {
		if cert, err = fromPEM(data); err != nil {
			return cert, fault.Wrap(fault.Invalid, err, "%s: %s", f.CertName, f.Cert)
		}
		return cert, nil
	}
	cert, err = fromPKCS12(data, string(f.Password.Reveal(reveal.Permit{})))
	switch {
	case errors.Is(err, errPassword) && f.Password.Empty():
		return cert, fault.New(fault.Invalid, "%s: %s has a password; give it in %s", f.CertName, f.Cert, f.PasswordName)
	case errors.Is(err, errPassword):
		return cert, fault.New(fault.Invalid, "%s: it is not the password of %s", f.PasswordName, f.Cert)
	case err != nil:
		return cert, fault.Wrap(fault.Invalid, err, "%s: %s", f.CertName, f.Cert)
	}
	return cert, nil
}

// fromPEM reads certificate, chain and key from one PEM file.
func fromPEM(data []byte) (tls.Certificate, error) {
	cert, err := tls.X509KeyPair(data, data)
	if err != nil {
		return cert, errors.New("not a PEM file with a certificate and its private key")
	}
	return cert, nil
}

// authorities reads CA certificates from PEM.
func authorities(data []byte) ([]*x509.Certificate, error) {
	var cas []*x509.Certificate
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("a certificate in it cannot be read")
		}
		cas = append(cas, cert)
	}
	if len(cas) == 0 {
		return nil, errors.New("not a PEM file with certificates")
	}
	return cas, nil
}

// pair joins a certificate, its chain and its key, which must fit.
func pair(key crypto.PrivateKey, cert *x509.Certificate, chain []*x509.Certificate) (tls.Certificate, error) {
	c := tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
	for _, ca := range chain {
		if !bytes.Equal(ca.RawIssuer, ca.RawSubject) { // a root is not sent
			c.Certificate = append(c.Certificate, ca.Raw)
		}
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return c, errors.New("the key is not one that TLS can use")
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(cert.PublicKey) {
		return c, errors.New("the key is not the certificate's")
	}
	return c, nil
}

// read reads a file that an operator named in a setting.
func read(path, setting string) ([]byte, error) {
	f, err := os.Open(path)
	if err == nil {
		defer f.Close() //nolint:errcheck // only read
		var data []byte
		if data, err = io.ReadAll(io.LimitReader(f, maxFile+1)); len(data) > maxFile {
			err = errors.New("the file is too long")
		}
		if err == nil {
			return data, nil
		}
	}
	var p *os.PathError
	if errors.As(err, &p) {
		err = p.Err // the path is in the message
	}
	if u, unknown := user.Current(); unknown == nil && errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w for user %s", err, u.Username)
	}
	return nil, fault.Wrap(fault.Invalid, err, "%s: cannot read %s", setting, path)
}

// Password reads a password from a file: its first line.
func Password(path, setting string) (secret.Value, error) {
	data, err := read(path, setting)
	if err != nil {
		return secret.Value{}, err
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	return secret.New(bytes.TrimSuffix(line, []byte("\r"))), nil
}
