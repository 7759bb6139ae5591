package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
	port "gatehouse/ports/seal"
)

// Parcels seals what callers keep and hand back with later requests: transient
// keys, and the state of an encryption in parts. Nothing of it is ever stored.
//
// Unlike what is stored, parcels are sealed by the thousand each second, which
// would soon come near the bound of a Ring's nonces (see blob). So every parcel
// is sealed under a key of its own, derived from the master key and 32 random
// bytes that travel with it:
//
//	offset  length  what
//	0       1       format: 2
//	1       8       public id of the master key
//	9       32      salt, random
//	41      n       ciphertext
//	41+n    16      tag
//
// Format 2 is AES-256-GCM with the nonce 0 under the key that HKDF-SHA-256
// (RFC 5869) derives with that salt; its additional data is as in format 1.
type Parcels struct{ ring *Ring }

var _ port.Sealer = Parcels{}

// NewParcels returns parcels under the master keys of r.
func NewParcels(r *Ring) Parcels { return Parcels{r} }

const (
	format2      = 2
	parcelSalt   = 32
	parcelHeader = 1 + len(keyID{}) + parcelSalt
)

// Pack returns b sealed for owner.
func (p Parcels) Pack(owner string, b []byte) ([]byte, error) {
	return p.Seal(port.Parcel, owner, secret.New(b))
}

// Unpack returns what Pack sealed for owner; errors as Open.
func (p Parcels) Unpack(owner string, sealed secret.Value) ([]byte, error) {
	v, err := p.Open(port.Parcel, owner, sealed.Reveal(reveal.Permit{}))
	if err != nil {
		return nil, err
	}
	return bytes.Clone(v.Reveal(reveal.Permit{})), nil
}

// Seal seals v under a key of its own.
func (p Parcels) Seal(purpose port.Purpose, owner string, v secret.Value) (secret.Sealed, error) {
	if purpose == "" || owner == "" {
		return nil, fault.Wrap(fault.Internal, port.Unbound, "sealing a parcel")
	}
	m := (*p.ring.masters.Load())[0]
	plain := v.Reveal(reveal.Permit{})
	out := make([]byte, parcelHeader, parcelHeader+len(plain)+tagSize)
	out[0] = format2
	copy(out[1:], m.id[:])
	salt := out[parcelHeader-parcelSalt:]
	_, _ = rand.Read(salt) // never fails: crypto/rand ends the process instead
	aead, err := m.parcel(salt)
	if err != nil {
		return nil, err
	}
	return aead.Seal(out, make([]byte, nonceSize), plain, binding(format2, m.id, purpose, owner)), nil
}

// Open opens what was sealed under any of the ring's master keys.
func (p Parcels) Open(purpose port.Purpose, owner string, s secret.Sealed) (secret.Value, error) {
	if len(s) < parcelHeader+tagSize || s[0] != format2 {
		return secret.Value{}, fault.Wrap(fault.Internal, port.Damaged, "reading a parcel")
	}
	for _, m := range *p.ring.masters.Load() {
		if !bytes.Equal(s[1:1+len(m.id)], m.id[:]) {
			continue
		}
		aead, err := m.parcel(s[parcelHeader-parcelSalt : parcelHeader])
		if err != nil {
			return secret.Value{}, err
		}
		plain, err := aead.Open(nil, make([]byte, nonceSize), s[parcelHeader:], binding(format2, m.id, purpose, owner))
		if err != nil {
			return secret.Value{}, fault.Wrap(fault.Internal, port.Damaged, "opening a parcel")
		}
		return secret.New(plain), nil
	}
	return secret.Value{}, fault.Wrap(fault.Internal, port.UnknownMaster, "opening a parcel")
}

// Reseal moves s to the newest master key.
func (p Parcels) Reseal(purpose port.Purpose, owner string, s secret.Sealed) (secret.Sealed, bool, error) {
	v, err := p.Open(purpose, owner, s)
	if err != nil {
		return nil, false, err
	}
	defer v.Wipe()
	newest := (*p.ring.masters.Load())[0]
	if bytes.Equal(s[1:1+len(newest.id)], newest.id[:]) {
		return s, false, nil
	}
	out, err := p.Seal(purpose, owner, v)
	return out, err == nil, err
}

// parcel derives the cipher of the parcel with that salt.
func (m master) parcel(salt []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, m.parcels, salt, "gatehouse parcel 1", KeySize)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "deriving the key of a parcel")
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "making the cipher of a parcel")
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "making the cipher of a parcel")
	}
	return aead, nil
}
