package seal

import (
	"encoding/binary"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
	port "gatehouse/ports/seal"
)

// blob is a sealed secret as it is stored:
//
//	offset  length  what
//	0       1       format: 1
//	1       8       public id of the master key (see newMaster)
//	9       12      nonce, random
//	21      n       ciphertext
//	21+n    16      tag
//
// Format 1 is AES-256-GCM (NIST SP 800-38D) under the key that newMaster
// derives. Its additional data is what binding returns.
//
// Nonces are random, so that any number of nodes may seal under one master key
// without agreeing on a counter. For that SP 800-38D, 8.3, bounds the number of
// seals under one key to 2^32; then the chance that any two nonces ever met is
// below 2^-32. A seal happens when a secret is stored, never when a key is
// used (what is sealed oftener is a parcel): at ten new keys a second the bound is thirteen years away. Rotation
// starts a new count.
type blob struct {
	master     keyID
	nonce      []byte
	ciphertext []byte // with the tag
}

const (
	format1    = 1
	nonceSize  = 12
	tagSize    = 16
	headerSize = 1 + len(keyID{}) + nonceSize
)

func parse(s secret.Sealed) (blob, error) {
	if len(s) < headerSize+tagSize || s[0] != format1 {
		return blob{}, fault.Wrap(fault.Internal, port.Damaged, "reading a sealed secret")
	}
	b := blob{nonce: s[headerSize-nonceSize : headerSize], ciphertext: s[headerSize:]}
	copy(b.master[:], s[1:])
	return b, nil
}

// binding returns the additional data of a format: its number and the master
// key's id, then purpose and owner, each behind its length as four bytes, big
// endian, so that no two pairs give the same bytes.
func binding(format byte, id keyID, p port.Purpose, owner string) []byte {
	ad := make([]byte, 0, 1+len(id)+8+len(p)+len(owner))
	ad = append(ad, format)
	ad = append(ad, id[:]...)
	ad = binary.BigEndian.AppendUint32(ad, uint32(len(p)))
	ad = append(ad, p...)
	ad = binary.BigEndian.AppendUint32(ad, uint32(len(owner)))
	return append(ad, owner...)
}
