package seal

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"

	"golang.org/x/crypto/argon2"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
)

// Derivation tells how a master key is made from a passphrase: Argon2id (RFC
// 9106) with its costs and its salt, in the string form of its reference
// implementation, "$argon2id$v=19$m=65536,t=3,p=4$" and the salt in base64
// without padding. It is not secret. The store keeps the one that was made at
// its first start, because another salt gives another master key.
type Derivation string

// MinPassphrase is the shortest passphrase in bytes. Who steals the store can
// try passphrases at leisure, so take several random words.
const MinPassphrase = 16

// The second recommendation of RFC 9106, section 4, and what bounds the costs
// that a damaged or forged store may ask for.
const (
	argonMemory, argonTime, argonLanes = 64 * 1024, 3, 4 // KiB, passes, lanes
	maxArgonMemory, maxArgonTime       = 1024 * 1024, 16
	saltSize                           = 16
)

// NewDerivation returns a derivation with a random salt.
func NewDerivation() Derivation {
	c := costs{memory: argonMemory, time: argonTime, lanes: argonLanes, salt: make([]byte, saltSize)}
	_, _ = rand.Read(c.salt) // never fails: crypto/rand ends the process instead
	return c.derivation()
}

type costs struct {
	memory, time uint32
	lanes        uint8
	salt         []byte
}

func (c costs) derivation() Derivation {
	return Derivation(fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s",
		argon2.Version, c.memory, c.time, c.lanes, base64.RawStdEncoding.EncodeToString(c.salt)))
}

func (d Derivation) parse() (costs, error) {
	var (
		c       costs
		version int
		salt    string
	)
	_, err := fmt.Sscanf(string(d), "$argon2id$v=%d$m=%d,t=%d,p=%d$%s", &version, &c.memory, &c.time, &c.lanes, &salt)
	if err == nil {
		c.salt, err = base64.RawStdEncoding.Strict().DecodeString(salt)
	}
	switch {
	case err != nil, version != argon2.Version, c.derivation() != d, len(c.salt) < saltSize, c.lanes < 1,
		c.memory < argonMemory, c.memory > maxArgonMemory, c.time < argonTime, c.time > maxArgonTime:
		return costs{}, fault.New(fault.Internal, "the store's record of how its master key is made from a passphrase is damaged; restore it from a backup")
	}
	return c, nil
}

// FromPassphrase reads the ring from a file of one passphrase on its first
// line; for a rotation the new one on the first line and the old one on the
// second. The file must be private, as a key file must. Each passphrase costs
// about 0.1 s and 64 MiB. Invalid, saying what to do, when the file is missing,
// readable by others, or a passphrase is shorter than MinPassphrase.
func FromPassphrase(path string, d Derivation) (*Ring, error) {
	c, err := d.parse()
	if err != nil {
		return nil, err
	}
	text, err := readPrivate(path, "the file of passphrases")
	if err != nil {
		return nil, err
	}
	defer clear(text)
	var keys []secret.Value
	defer func() { wipe(keys) }()
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			continue
		}
		if len(line) < MinPassphrase {
			return nil, fault.New(fault.Invalid, "a passphrase in %s is shorter than %d bytes: take several random words", path, MinPassphrase)
		}
		keys = append(keys, secret.New(argon2.IDKey(line, c.salt, c.time, c.memory, c.lanes, KeySize)))
	}
	if len(keys) == 0 {
		return nil, fault.New(fault.Invalid, "%s holds no passphrase: write one on its first line", path)
	}
	return NewRing(keys...)
}
