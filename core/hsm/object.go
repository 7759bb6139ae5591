// Package hsm holds the values that travel through the Token port: objects as
// an inventory shows them, references by which an object is found again,
// templates for new keys, and what a token says of itself.
//
// The words are those of PKCS#11 v2.40 and v3.1. Values only: no I/O.
package hsm

import (
	"crypto/sha256"

	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// Class is the class of an object (CKA_CLASS).
type Class string

// The classes that an inventory tells apart.
const (
	SecretKey   Class = "secret key"
	PrivateKey  Class = "private key"
	PublicKey   Class = "public key"
	Certificate Class = "certificate"
	Data        Class = "data"
	OtherClass  Class = "other"
)

// Object is one object in a token. What a token does not tell stays zero.
type Object struct {
	Class       Class
	Type        keys.Type  // empty for a key type that Gatehouse does not hold
	KeyType     uint       // CKA_KEY_TYPE as the token tells it
	ID          []byte     // CKA_ID
	Label       []byte     // CKA_LABEL, without padding
	Size        int        // bits
	Curve       keys.Curve // EC only; empty for a curve that Gatehouse does not hold
	Ops         keys.Ops   // from CKA_SIGN, CKA_ENCRYPT and kin, and CKA_EXTRACTABLE
	PublicKey   []byte     // DER SubjectPublicKeyInfo, where the object carries its public part
	CheckValue  []byte     // CKA_CHECK_VALUE of a secret key
	UniqueID    []byte     // CKA_UNIQUE_ID: the token's own name of the key, which never changes; of both halves of a pair where the token has one for the pair
	Extractable bool       // CKA_EXTRACTABLE
	Unreadable  string     // why attributes that the class should have could not be read; empty when all is well
}

// Fingerprint returns what tells objects of equal class, type, id and label
// apart, and notices that another key has taken a key's place: the token's own
// name of the key where it has one, or else the SHA-256 of the public key, or
// the check value. It is nil where the token gives none.
func (o Object) Fingerprint() []byte {
	if len(o.UniqueID) != 0 {
		return o.UniqueID
	}
	if len(o.PublicKey) != 0 {
		sum := sha256.Sum256(o.PublicKey)
		return sum[:]
	}
	return o.CheckValue
}

// Ref returns the reference by which the object can be found again.
func (o Object) Ref() Ref {
	return Ref{Class: o.Class, Type: o.Type, ID: o.ID, Label: o.Label, Fingerprint: o.Fingerprint()}
}

// Ref names a key in a token without a handle, which would not outlive its
// session generation. Class is the class of the half that holds the material:
// SecretKey or PrivateKey, or PublicKey for a public key that stands alone.
type Ref struct {
	Class       Class
	Type        keys.Type
	ID          []byte
	Label       []byte
	Fingerprint []byte // may be nil; when set, a found object that carries another one is refused
}

// RefOf returns the reference to the HSM key of virtual key k; ok is false when
// k is not virtual.
func RefOf(k keys.Key) (ref Ref, ok bool) {
	if k.Virtual == nil {
		return Ref{}, false
	}
	class := SecretKey
	switch {
	case k.PublicOnly:
		class = PublicKey
	case k.Type.Asymmetric():
		class = PrivateKey
	}
	return Ref{Class: class, Type: k.Type, ID: k.Virtual.ID, Label: k.Virtual.Label, Fingerprint: k.Virtual.Fingerprint}, true
}

// Filter restricts an inventory; the zero Filter lets everything through.
type Filter struct {
	ID []byte // CKA_ID, when not nil

	// Afresh has a library that begins now look at the token: there are some that
	// never notice what another process has made. It is slow; ask for it before
	// taking something that is not found for something that never was.
	Afresh bool
}

// Template describes a key to be made in a token.
type Template struct {
	ID          []byte // CKA_ID for both halves
	Label       []byte // CKA_LABEL for both halves
	Type        keys.Type
	Size        int
	Curve       keys.Curve
	Ops         keys.Ops
	RSA         keys.RSAOptions
	Extractable bool
	Private     bool // Import of asymmetric material: true when it holds the private part
}

// Change is a change of an object's attributes; nil fields stay as they are.
//
// Unextractable says that the key must not leave the HSM any more, which cannot be
// taken back; OpExport among Ops says nothing of that.
//
// RemovePrivate destroys the private half of a pair and leaves the public one,
// which a Ref of class PublicKey names from then on. Label and Ops are then for
// the public half.
type Change struct {
	Label         *[]byte   // CKA_LABEL of both halves
	Ops           *keys.Ops // CKA_SIGN, CKA_ENCRYPT and kin, CKA_WRAP, CKA_UNWRAP, CKA_DERIVE
	Unextractable bool      // CKA_EXTRACTABLE becomes false
	RemovePrivate bool
}

// Info is what a token says of itself when it is checked.
type Info struct {
	Slot         uint
	Label        string // of the token, without padding
	Serial       string
	Manufacturer string
	Model        string
	Firmware     string
	Library      string // description and version of the PKCS#11 library
	Capabilities Capabilities
	Sessions     Sessions
}

// Sessions are those that the process which was asked has in a token.
type Sessions struct {
	Open    int    // now
	Renewed uint64 // replaced within calls after an error, since the token was opened
	Logins  uint64 // made anew within calls, since then
}

// Capabilities are what a token can do, from its mechanism list: a hint that
// is compared with a request before anything is tried.
type Capabilities struct {
	Generate   []GenerateCapability
	Mechanisms []Mechanism
}

// GenerateCapability tells that keys of a type can be made in the token.
type GenerateCapability struct {
	Type             keys.Type
	MinBits, MaxBits int // 0: the token does not tell
}

// Mechanism is one kind of operation that the token can do, in the words of the domain.
type Mechanism struct {
	Operation string // as operations.Name has it
	Type      keys.Type
	Mode      operations.Mode
	Hash      operations.Hash // empty: with a digest that the caller made, or no digest at all
}
