package tlsconf

import (
	"crypto/tls"
	"encoding/asn1"
	"errors"
	"math/big"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// Bounds of the work that a PKCS#12 file may ask for.
const (
	maxIterations = 1_000_000 // of a key derivation; openssl writes 2048
	maxDecode     = 20 * time.Second
	maxDepth      = 16
)

var (
	errPassword = errors.New("wrong password")
	errTooMuch  = errors.New("the PKCS#12 file asks for an absurd number of iterations")
)

// fromPKCS12 reads a certificate, its chain and its key (RFC 7292).
func fromPKCS12(data []byte, password string) (tls.Certificate, error) {
	if iterations(data, 0) > maxIterations {
		return tls.Certificate{}, errTooMuch
	}
	type decoded struct {
		cert tls.Certificate
		err  error
	}
	done := make(chan decoded, 1)
	go func() {
		cert, err := decodePKCS12(data, password)
		done <- decoded{cert, err}
	}()
	select {
	case d := <-done:
		return d.cert, d.err
	case <-time.After(maxDecode): // what is encrypted can ask for iterations too
		return tls.Certificate{}, errTooMuch
	}
}

func decodePKCS12(data []byte, password string) (tls.Certificate, error) {
	key, cert, chain, err := pkcs12.DecodeChain(data, password)
	var unknown pkcs12.NotImplementedError
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword), errors.Is(err, pkcs12.ErrDecryption):
		return tls.Certificate{}, errPassword
	case errors.As(err, &unknown):
		return tls.Certificate{}, errors.New("the PKCS#12 file uses an algorithm that is not supported")
	case err != nil:
		return tls.Certificate{}, errors.New("not a PKCS#12 file with one certificate and its private key")
	}
	return pair(key, cert, chain)
}

// iterations returns the greatest iteration count that der shows: an INTEGER
// that follows an OCTET STRING, the salt, as in PBKDF2-params (RFC 8018, A.2),
// pkcs-12PbeParams and MacData (RFC 7292). It looks into OCTET STRINGs, which hold
// DER in PKCS#12.
func iterations(der []byte, depth int) int64 {
	var most int64
	afterSalt := false
	for len(der) > 0 && depth < maxDepth {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(der, &v)
		if err != nil {
			return most
		}
		der = rest
		octets := v.Class == asn1.ClassUniversal && v.Tag == asn1.TagOctetString
		switch {
		case v.IsCompound || octets:
			most = max(most, iterations(v.Bytes, depth+1))
		case v.Class == asn1.ClassUniversal && v.Tag == asn1.TagInteger && afterSalt:
			n := new(big.Int).SetBytes(v.Bytes)
			if !n.IsInt64() {
				return maxIterations + 1
			}
			most = max(most, n.Int64())
		}
		afterSalt = octets
	}
	return most
}
