// Package servercert keeps the certificate that a server shows when its
// operator has not given one: self-signed, made at the first start, kept in two
// PEM files.
//
// Guarantees: the key never leaves its file (mode 0600, checked at every
// start), and nothing that exists is ever overwritten; a start that was cut off
// between the two files is completed by the next one. It is used by
// app/assembly. Not safe for several processes that start at once in one folder.
package servercert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"gatehouse/core/fault"
)

// Validity is how long a certificate that is made here is valid.
const Validity = 10 * 365 * 24 * time.Hour

// Files are the two PEM files.
type Files struct {
	Cert string // may be given to clients, who then trust this server
	Key  string
}

// In returns the files' places in a folder.
func In(dir string) Files {
	return Files{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
}

// LoadOrMake returns the certificate in the files, and makes it first when
// there is none. A new certificate names localhost, 127.0.0.1, ::1, this
// machine's host name and the hosts given. Errors: fault.Invalid when the files
// are there and cannot be used, with a text for the operator; otherwise those of
// the file system.
func (f Files) LoadOrMake(hosts []string, now time.Time) (tls.Certificate, error) {
	key, err := f.key()
	if err != nil {
		return tls.Certificate{}, err
	}
	if _, err := os.Stat(f.Cert); errors.Is(err, fs.ErrNotExist) {
		if err := f.makeCertificate(key, hosts, now); err != nil {
			return tls.Certificate{}, err
		}
	}
	cert, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return cert, fault.Wrap(fault.Invalid, err, "%s and %s are not a certificate and its key", f.Cert, f.Key)
	}
	if now.After(cert.Leaf.NotAfter) {
		return cert, fault.New(fault.Invalid, "the certificate %s has expired; remove it, and a new one is made", f.Cert)
	}
	return cert, nil
}

// key reads the key, or makes it when neither file is there yet.
func (f Files) key() (*ecdsa.PrivateKey, error) {
	info, err := os.Stat(f.Key)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(f.Cert); err == nil {
			return nil, fault.New(fault.Invalid, "%s is there, but not its key %s; restore the key, or remove the certificate", f.Cert, f.Key)
		}
		return f.makeKey()
	}
	if err != nil {
		return nil, fmt.Errorf("looking for the server's TLS key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.Invalid, "%s may be read by others; chmod 600 it", f.Key)
	}
	if _, err := os.Stat(f.Cert); err == nil {
		return nil, nil // the pair is there; nothing has to be signed
	}
	text, err := os.ReadFile(f.Key)
	if err != nil {
		return nil, fmt.Errorf("reading the server's TLS key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fault.New(fault.Invalid, "%s is not a PEM file", f.Key)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok {
		return nil, fault.New(fault.Invalid, "%s was not made here, and its certificate %s is missing", f.Key, f.Cert)
	}
	return key, nil
}

func (f Files) makeKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the server's TLS key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding the server's TLS key: %w", err)
	}
	return key, write(f.Key, 0o600, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func (f Files) makeCertificate(key *ecdsa.PrivateKey, hosts []string, now time.Time) error {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "Gatehouse", Organization: []string{"self-signed at first start"}},
		NotBefore:             now.Add(-time.Hour), // clocks differ
		NotAfter:              now.Add(Validity),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if name, err := os.Hostname(); err == nil && name != "localhost" {
		hosts = append([]string{name}, hosts...)
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "a certificate for these host names cannot be made")
	}
	return write(f.Cert, 0o644, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// write makes a file that is there either as a whole or not at all.
func write(path string, mode fs.FileMode, content []byte) (err error) {
	part, err := os.OpenFile(path+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return fmt.Errorf("making %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(part.Name()))
		}
	}()
	// A file that an earlier start left may have another mode.
	err = part.Chmod(mode)
	if err == nil {
		_, err = part.Write(content)
	}
	if err == nil {
		err = part.Sync()
	}
	if err = errors.Join(err, part.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err = os.Link(part.Name(), path); err != nil { // unlike a rename, a link never replaces
		return fmt.Errorf("making %s: %w", path, err)
	}
	return os.Remove(part.Name())
}
