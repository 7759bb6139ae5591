// Package keys holds the concept of a key (a security object): its type, size,
// permitted operations, state, and, for a virtual key, the pointer to the key
// in the HSM.
//
// Everything here is a value: nothing does I/O, reads the clock or makes
// randomness. It is used by every layer. Values may be shared between
// goroutines as long as nobody changes them; use Clone before a change.
package keys

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"gatehouse/core/id"
	"gatehouse/core/secret"
)

// Origin tells where a key's material came from (origin in the API).
type Origin string

// The origins of the API.
const (
	OriginGenerated Origin = "FortanixHSM" // made by this service or its HSM; the API's spelling
	OriginTransient Origin = "Transient"   // lives in a session
	OriginExternal  Origin = "External"    // imported, or found in an HSM
)

// Key is a security object: its metadata, and where its material is.
type Key struct {
	ID          id.Key
	Account     id.Account
	Group       id.Group
	Name        string // unique within the account
	Description string
	Type        Type
	Size        int      // bits; for Secret and Opaque the length of the value in bits
	Curve       Curve    // EC only
	ParamSet    ParamSet // MLDSA and MLKEM only
	Ops         Ops
	State       State
	Enabled     bool
	Origin      Origin
	Creator     id.Principal
	PublicOnly  bool
	PublicKey   []byte // DER SubjectPublicKeyInfo (RFC 5280, 4.1), asymmetric keys only
	KCV         string // key check value: hex of the first three bytes, symmetric keys only
	KCVCMAC     string // the same by CMAC: hex of the first five bytes, AES and DES3 of three keys only
	RSA         RSAOptions
	Paddings    RSAPaddings   // RSA only
	Cipher      CipherOptions // AES and DES3 only
	Export      ExportPolicy

	CreatedAt        time.Time
	ActivationDate   time.Time
	DeactivationDate time.Time
	CompromiseDate   time.Time
	DestructionDate  time.Time
	DeletionDate     time.Time
	RevocationReason *RevocationReason

	Rotation          *RotationPolicy // nil: rotated by hand only
	ScheduledRotation time.Time       // the next rotation by Rotation
	History           []HistoryItem   // oldest first; only where the group's history policy asks for it

	Metadata map[string]string
	Links    Links

	Virtual  *Pointer      // set for a virtual key, whose material is in an HSM
	Material secret.Sealed // set for an ordinary key: the sealed material

	Version int64 // grows by one with every recorded change
}

// RSAOptions is what is particular to RSA keys.
type RSAOptions struct {
	PublicExponent int // 65537 unless given
}

// CipherOptions is what an AES or DES3 key's policy says of how it encrypts.
type CipherOptions struct {
	// Mode is the one mode that the key is for (cipher_mode in the API, in the
	// spelling of operations.Mode). Empty, it is for every mode but ECB, which
	// shows equal blocks and which a key's policy must therefore name.
	Mode string

	// RandomIV says that the initialisation vector of whatever the key encrypts
	// is random, and never given (random_iv in the API).
	RandomIV bool
}

// RevocationReason tells why a key was revoked (RFC 5280, 5.3.1).
type RevocationReason struct {
	Code         string
	Message      string
	CompromiseAt time.Time
}

// Links are a key's relations to other keys.
type Links struct {
	Replacement id.Key
	Replaced    id.Key
	CopiedFrom  id.Key
	CopiedTo    []id.Key
	Parent      id.Key
	Subkeys     []id.Key
	WrappingKey id.Key
}

// Pointer is what makes a key virtual: how to find it in its HSM again.
type Pointer struct {
	ID           []byte    // CKA_ID
	Label        []byte    // CKA_LABEL
	Fingerprint  []byte    // what tells apart keys of equal id and label; see hsm.Object.Fingerprint
	Own          bool      // made through this group, not found by a sync
	Ambiguous    bool      // the HSM holds several keys that cannot be told apart from this one
	Extractable  bool      // CKA_EXTRACTABLE when last seen
	MissingSince time.Time // not found in the HSM by the syncs since then; zero when present
}

// Clone returns a deep copy of k.
func (k Key) Clone() Key {
	k.PublicKey = bytes.Clone(k.PublicKey)
	k.Material = bytes.Clone(k.Material)
	k.Metadata = maps.Clone(k.Metadata)
	k.Links.CopiedTo = slices.Clone(k.Links.CopiedTo)
	k.Links.Subkeys = slices.Clone(k.Links.Subkeys)
	k.Rotation = k.Rotation.clone()
	k.Paddings = k.Paddings.clone()
	k.Export = k.Export.clone()
	k.History = slices.Clone(k.History) // what it remembers is never changed
	if k.RevocationReason != nil {
		r := *k.RevocationReason
		k.RevocationReason = &r
	}
	if k.Virtual != nil {
		v := *k.Virtual
		v.ID, v.Label, v.Fingerprint = bytes.Clone(v.ID), bytes.Clone(v.Label), bytes.Clone(v.Fingerprint)
		k.Virtual = &v
	}
	return k
}
