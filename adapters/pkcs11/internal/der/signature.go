package der

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"math/big"

	"gatehouse/core/operations"
)

// Signature turns a signature of PKCS#11, r and s one after the other in equal
// lengths, into an ECDSA-Sig-Value (RFC 3279, 2.2.3).
func Signature(raw []byte) ([]byte, error) {
	if len(raw) == 0 || len(raw)%2 != 0 || len(raw) > 2*66 {
		return nil, errors.New("a signature of a length that no curve has")
	}
	r, s := minimal(raw[:len(raw)/2]), minimal(raw[len(raw)/2:])
	n := 2 + padded(r) + 2 + padded(s)
	out := make([]byte, 0, n+3)
	out = append(out, asn1.TagSequence|0x20)
	if n >= 0x80 {
		out = append(out, 0x81)
	}
	return appendInteger(appendInteger(append(out, byte(n)), r), s), nil
}

// minimal returns a big-endian number without leading zeros.
func minimal(b []byte) []byte {
	b = bytes.TrimLeft(b, "\x00")
	if len(b) == 0 {
		return []byte{0}
	}
	return b
}

// padded returns the length of a minimal number with the zero that keeps it positive.
func padded(b []byte) int { return len(b) + int(b[0]>>7) }

// appendInteger appends a minimal number of at most 66 bytes as a DER INTEGER.
func appendInteger(out, b []byte) []byte {
	out = append(out, asn1.TagInteger, byte(padded(b)))
	if b[0] >= 0x80 {
		out = append(out, 0)
	}
	return append(out, b...)
}

// RawSignature is the reverse of Signature for a curve with coordinates of size
// bytes; ok is false for what is no signature there.
func RawSignature(sig []byte, size int) (raw []byte, ok bool) {
	var v struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(sig, &v); err != nil || len(rest) != 0 || v.R.Sign() <= 0 || v.S.Sign() <= 0 ||
		v.R.BitLen() > 8*size || v.S.BitLen() > 8*size {
		return nil, false
	}
	raw = make([]byte, 2*size)
	v.R.FillBytes(raw[:size])
	v.S.FillBytes(raw[size:])
	if back, err := Signature(raw); err != nil || !bytes.Equal(back, sig) {
		return nil, false // Go's parser lets more stand inside than belongs there
	}
	return raw, true
}

// digestPrefixes are DigestInfo (RFC 8017, 9.2) without the digest at its end.
var digestPrefixes = map[operations.Hash][]byte{
	operations.SHA1:     {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14},
	operations.SHA224:   nist(4, 28),
	operations.SHA256:   nist(1, 32),
	operations.SHA384:   nist(2, 48),
	operations.SHA512:   nist(3, 64),
	operations.SHA3_224: nist(7, 28),
	operations.SHA3_256: nist(8, 32),
	operations.SHA3_384: nist(9, 48),
	operations.SHA3_512: nist(10, 64),
}

// nist returns the prefix for 2.16.840.1.101.3.4.2.last.
func nist(last, size byte) []byte {
	return []byte{
		0x30, 17 + size, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last, 0x05, 0x00, 0x04, size,
	}
}

// DigestInfo returns the DigestInfo that RSA PKCS #1 v1.5 signs; nil for a
// digest of the wrong length.
func DigestInfo(h operations.Hash, digest []byte) []byte {
	prefix, ok := digestPrefixes[h]
	if !ok || len(digest) != h.Size() {
		return nil
	}
	return append(append(make([]byte, 0, len(prefix)+len(digest)), prefix...), digest...)
}
