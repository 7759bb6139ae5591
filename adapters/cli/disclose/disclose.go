// Package disclose writes secrets that a user has asked for: to the standard
// output, or to a file that only its owner may read.
//
// It is the one part of the command line, beside the session file, that reads
// secrets; a verb that calls it says so in its name. Its functions keep nothing.
package disclose

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"io"

	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

// A Form is how a secret is written.
type Form int

// The forms.
const (
	Binary Form = iota // as it is
	Hex                // with the end of a line
	Text               // with the end of a line
	Base64             // with the end of a line
	PEM                // of DER: the block's name is found in it
)

// Write writes a secret.
func Write(w io.Writer, s secret.Value, f Form) error {
	b := s.Reveal(reveal.Permit{})
	out := b
	switch f {
	case Hex:
		out = append(hex.AppendEncode(nil, b), '\n')
	case Text:
		out = append(bytes.Clone(b), '\n')
	case Base64:
		out = append(base64.StdEncoding.AppendEncode(nil, b), '\n')
	case PEM:
		out = pem.EncodeToMemory(&pem.Block{Type: block(b), Bytes: b})
	case Binary:
	}
	_, err := w.Write(out)
	return err
}

// block returns the name of the PEM block for DER.
func block(der []byte) string {
	if _, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return "PRIVATE KEY"
	}
	if _, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return "RSA PRIVATE KEY"
	}
	if _, err := x509.ParseECPrivateKey(der); err == nil {
		return "EC PRIVATE KEY"
	}
	if _, err := x509.ParsePKIXPublicKey(der); err == nil {
		return "PUBLIC KEY"
	}
	if _, err := x509.ParseCertificate(der); err == nil {
		return "CERTIFICATE"
	}
	return "PRIVATE KEY" // PKCS#8 of a curve that the library does not know
}
