// Package seal implements the port seal with AES-256-GCM under a ring of master
// keys, and reads master keys from a key file, an environment variable or a
// file of passphrases.
//
// Guarantees: what is sealed tells nothing but its length and the public id of
// its master key; it opens only for the purpose and owner that it was sealed
// for; and at every step of a rotation, interrupted or not, the key file holds
// every key that something may be sealed under. app/assembly chooses the source
// and hands the Ring to whoever stores secrets. Everything here may be used by
// many goroutines at once; a key file may be changed by several processes.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"sync/atomic"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
	port "gatehouse/ports/seal"
)

// KeySize is the length of a master key in bytes.
const KeySize = 32

// keyID names a master key without telling anything of it.
type keyID [8]byte

func (i keyID) String() string { return hex.EncodeToString(i[:]) }

// master is a master key ready for use.
type master struct {
	id      keyID
	aead    cipher.AEAD
	parcels []byte // what the keys of parcels are derived from
}

// newMaster derives from the 32 bytes of a master key its public id and the key
// that seals: HKDF-SHA-256 (RFC 5869) without salt, one label for each, so that
// publishing the id says nothing of the key and a later format can have a key
// of its own.
func newMaster(v secret.Value) (master, error) {
	raw := v.Reveal(reveal.Permit{})
	if len(raw) != KeySize {
		return master{}, fault.New(fault.Invalid, "a master key must be %d bytes, and one is %d", KeySize, len(raw))
	}
	var m master
	id, err := hkdf.Key(sha256.New, raw, nil, "gatehouse master key id 1", len(m.id))
	if err != nil {
		return master{}, fault.Wrap(fault.Internal, err, "deriving the id of a master key")
	}
	copy(m.id[:], id)
	key, err := hkdf.Key(sha256.New, raw, nil, "gatehouse seal 1", KeySize)
	if err != nil {
		return master{}, fault.Wrap(fault.Internal, err, "deriving the sealing key")
	}
	defer clear(key)
	if m.parcels, err = hkdf.Key(sha256.New, raw, nil, "gatehouse parcels 1", KeySize); err != nil {
		return master{}, fault.Wrap(fault.Internal, err, "deriving the key of parcels")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return master{}, fault.Wrap(fault.Internal, err, "making the sealing cipher")
	}
	m.aead, err = cipher.NewGCM(block)
	if err != nil {
		return master{}, fault.Wrap(fault.Internal, err, "making the sealing cipher")
	}
	return m, nil
}

// Ring seals under the newest of its master keys and opens under all of them.
type Ring struct{ masters atomic.Pointer[[]master] } // newest first, never empty

var _ port.Sealer = (*Ring)(nil)

// NewRing returns a ring of master keys, each of KeySize bytes, the newest
// first. Invalid when there is none, one has the wrong length, or one is there twice.
func NewRing(newestFirst ...secret.Value) (*Ring, error) {
	r := &Ring{}
	if err := r.replace(newestFirst); err != nil {
		return nil, err
	}
	return r, nil
}

// replace puts other master keys into the ring, for calls that begin from now on.
func (r *Ring) replace(newestFirst []secret.Value) error {
	if len(newestFirst) == 0 {
		return fault.New(fault.Invalid, "there is no master key")
	}
	masters := make([]master, 0, len(newestFirst))
	for _, v := range newestFirst {
		m, err := newMaster(v)
		if err != nil {
			return err
		}
		for _, other := range masters {
			if other.id == m.id {
				return fault.New(fault.Invalid, "the same master key is given twice")
			}
		}
		masters = append(masters, m)
	}
	r.masters.Store(&masters)
	return nil
}

// IDs returns the public ids of the master keys, the newest first, for the
// operator: they are no secret, and tell which key file belongs to which store.
func (r *Ring) IDs() []string {
	var ids []string
	for _, m := range *r.masters.Load() {
		ids = append(ids, m.id.String())
	}
	return ids
}

// Seal seals v under the newest master key.
func (r *Ring) Seal(p port.Purpose, owner string, v secret.Value) (secret.Sealed, error) {
	return (*r.masters.Load())[0].seal(p, owner, v.Reveal(reveal.Permit{}))
}

// Open opens s under whichever of the master keys it was sealed under.
func (r *Ring) Open(p port.Purpose, owner string, s secret.Sealed) (secret.Value, error) {
	b, err := parse(s)
	if err != nil {
		return secret.Value{}, err
	}
	for _, m := range *r.masters.Load() {
		if m.id == b.master {
			return m.open(p, owner, b)
		}
	}
	return secret.Value{}, fault.Wrap(fault.Internal, port.UnknownMaster, "opening a secret sealed under master key %s, with %v at hand", b.master, r.IDs())
}

// Reseal moves s to the newest master key.
func (r *Ring) Reseal(p port.Purpose, owner string, s secret.Sealed) (secret.Sealed, bool, error) {
	v, err := r.Open(p, owner, s)
	if err != nil {
		return nil, false, err
	}
	defer v.Wipe()
	newest := (*r.masters.Load())[0]
	if bytes.Equal(s[1:1+len(newest.id)], newest.id[:]) {
		return s, false, nil
	}
	out, err := newest.seal(p, owner, v.Reveal(reveal.Permit{}))
	return out, err == nil, err
}

func (m master) seal(p port.Purpose, owner string, plain []byte) (secret.Sealed, error) {
	if p == "" || owner == "" {
		return nil, fault.Wrap(fault.Internal, port.Unbound, "sealing a secret")
	}
	out := make([]byte, headerSize, headerSize+len(plain)+m.aead.Overhead())
	out[0] = format1
	copy(out[1:], m.id[:])
	nonce := out[headerSize-nonceSize:]
	_, _ = rand.Read(nonce) // never fails: crypto/rand ends the process instead
	return m.aead.Seal(out, nonce, plain, binding(format1, m.id, p, owner)), nil
}

func (m master) open(p port.Purpose, owner string, b blob) (secret.Value, error) {
	plain, err := m.aead.Open(nil, b.nonce, b.ciphertext, binding(format1, m.id, p, owner))
	if err != nil {
		return secret.Value{}, fault.Wrap(fault.Internal, port.Damaged, "opening a secret sealed as %s", p)
	}
	return secret.New(plain), nil
}
