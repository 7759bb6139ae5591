package softkeys

import (
	"bytes"
	"encoding/pem"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
)

// armour begins a text of RFC 7468.
var armour = []byte("-----BEGIN ")

// unarmoured returns the DER within material that is a PEM text of one object,
// as people have it in files, and any other material as it is. What is known by
// heart of the form, which the label tells, parse finds out again.
func unarmoured(t keys.Type, material []byte) ([]byte, error) {
	if !t.Asymmetric() && t != keys.Certificate || !bytes.HasPrefix(bytes.TrimSpace(material), armour) {
		return material, nil
	}
	var der []byte
	for rest := bytes.TrimSpace(material); len(rest) != 0; rest = bytes.TrimSpace(rest) {
		block, after := pem.Decode(rest)
		if block == nil || !bytes.HasPrefix(rest, armour) {
			return nil, fault.New(fault.Invalid, "value begins as PEM, and is none")
		}
		rest = after
		switch {
		case block.Type == "EC PARAMETERS": // openssl ecparam -genkey writes it before the key
			continue
		case block.Type == "ENCRYPTED PRIVATE KEY" || len(block.Headers) != 0:
			return nil, fault.New(fault.Unsupported, "value is encrypted with a password; decrypt it first")
		case der != nil:
			return nil, fault.New(fault.Invalid, "value is PEM of more than one object")
		}
		der = block.Bytes
	}
	if der == nil {
		return nil, fault.New(fault.Invalid, "value is PEM without a key or certificate")
	}
	return der, nil
}
