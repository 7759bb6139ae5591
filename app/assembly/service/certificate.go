package service

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gatehouse/adapters/servercert"
	"gatehouse/adapters/tlsconf"
	"gatehouse/core/fault"
)

// loadTLS reads the certificate that the service shows: the operator's, or one
// made at the first start.
func (c Config) loadTLS() (tlsconf.Loaded, error) {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return tlsconf.Loaded{}, fault.New(fault.Invalid, "--tls-cert and --tls-key are given together or not at all")
	}
	if c.TLSCert == "" {
		dir := filepath.Join(c.DataDir, "tls")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return tlsconf.Loaded{}, fmt.Errorf("making the folder of the TLS certificate: %w", err)
		}
		if _, err := servercert.In(dir).LoadOrMake(c.Hosts, time.Now()); err != nil {
			return tlsconf.Loaded{}, err
		}
	}
	files := c.tlsFiles()
	return tlsconf.Server(tlsconf.ServerFiles{Cert: files[0], CertName: "--tls-cert", Key: files[1], KeyName: "--tls-key"})
}

// tlsFiles are the files of certificate and key.
func (c Config) tlsFiles() []string {
	if c.TLSCert == "" {
		made := servercert.In(filepath.Join(c.DataDir, "tls"))
		return []string{made.Cert, made.Key}
	}
	return []string{c.TLSCert, c.TLSKey}
}
