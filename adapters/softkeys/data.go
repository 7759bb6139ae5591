package softkeys

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"

	"gatehouse/core/fault"
	"gatehouse/core/operations"
)

// dataKey is an object that is only kept: SECRET, OPAQUE or CERTIFICATE.
type dataKey struct {
	noParts
	noWrapper
	raw  []byte
	size int // bits; of a certificate those of its public key, 0 where that has no size
}

func newData(raw []byte) *dataKey { return &dataKey{raw: bytes.Clone(raw), size: 8 * len(raw)} }

// parseCertificate checks that raw is one X.509 certificate (RFC 5280), and
// keeps it byte for byte.
func parseCertificate(raw []byte) (key, error) {
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "value is not an X.509 certificate in DER")
	}
	d := newData(raw)
	d.size = 0
	switch public := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		d.size = public.N.BitLen()
	case *ecdsa.PublicKey:
		d.size = public.Curve.Params().BitSize
	}
	return d, nil
}

func (k *dataKey) facts() facts { return facts{size: k.size} }

func (k *dataKey) form() ([]byte, error) { return bytes.Clone(k.raw), nil }

func (k *dataKey) wipe() { clear(k.raw) }

// derive is for a SECRET: operations.Check lets nothing else come here.
func (k *dataKey) derive(op operations.Operation, n int) ([]byte, operations.Result, error) {
	return derived(op, k.raw, n, nil)
}

func (k *dataKey) operate(op operations.Operation) (operations.Result, error) {
	return operations.Result{}, misfit(op)
}
