// Package task says what Gatehouse and other people's cryptography are to agree
// on: a thing to do with a key, in the words of the REST API.
//
// It guarantees nothing but a common language: each party of the comparison (the
// service, and every peer) reads the same Task. The agreement tests use it. All
// are values; nobody changes them once they are in the table.
package task

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// Act is what is done, there and back.
type Act string

// The acts.
const (
	Encrypt     Act = "encrypt, decrypt"
	Sign        Act = "sign, verify"
	MAC         Act = "make and verify a MAC"
	Digest      Act = "digest"
	Wrap        Act = "wrap, unwrap"
	Agree       Act = "agree on a key"
	HKDF        Act = "derive by HKDF"
	EncryptData Act = "derive by encryption"
	Encapsulate Act = "encapsulate, decapsulate"
	Value       Act = "import, export"
	ValueDigest Act = "digest of the value"
	PublicKey   Act = "public key"
	CheckValue  Act = "key check value"
)

// How is a way to do it that is not the usual one.
type How string

// The ways. All but Usual go to the service's other calls for the same.
const (
	Usual     How = ""
	InParts   How = "in parts"                        // init, update, final
	InBatch   How = "in a batch"                      // of three
	Transient How = "with a transient key"            // of nobody but its maker
	Prehashed How = "of a digest"                     // that the caller has made
	Generated How = "with a key that the group makes" // and of which only the public half is known outside
)

// Key is key material that everybody has.
type Key struct {
	Type     string // obj_type
	Size     int    // bits
	Curve    string // EC
	ParamSet string // MLDSA, MLKEM
	Private  []byte // PKCS#8 DER, or the value as it is
	Public   []byte // SubjectPublicKeyInfo DER of the asymmetric ones
}

// Kind is the key's size, curve or set of parameters, for people.
func (k *Key) Kind() string {
	switch {
	case k == nil:
		return ""
	case k.Curve != "":
		return k.Curve
	case k.ParamSet != "":
		return k.ParamSet
	case k.Type == "CERTIFICATE" || k.Type == "OPAQUE" || k.Type == "SECRET":
		return ""
	default:
		return fmt.Sprint(k.Size)
	}
}

// String names the key for people.
func (k *Key) String() string {
	if kind := k.Kind(); kind != "" {
		return k.Type + " " + kind
	}
	return k.Type
}

// Asymmetric reports whether the key has a public half.
func (k *Key) Asymmetric() bool { return len(k.Public) > 0 }

// Task is a thing to do. Mode, Hash and the types are the API's names.
type Task struct {
	Act     Act
	Key     *Key // nil for Digest
	Mode    string
	Hash    string
	How     How
	Variant string // what is unusual about the parameters, for people

	In      []byte // plaintext, message
	IV      []byte // empty: whoever encrypts makes one
	AD      []byte
	Label   []byte
	Context []byte // ML-DSA
	Salt    []byte // HKDF
	Info    []byte
	TagBits int  // 0: 128
	Bits    int  // of what is derived
	Subject *Key // Wrap: what is wrapped
	Peer    *Key // Agree: the pair of the other side
	Legacy  bool // the key only opens and verifies
}

// Names the task for people.
func (t Task) String() string {
	s := string(t.Act)
	if t.Key != nil {
		s = t.Key.String() + ", " + s
	}
	for _, more := range []string{t.Mode, t.Hash, string(t.How), t.Variant} {
		if more != "" {
			s += ", " + more
		}
	}
	if t.Subject != nil {
		s += ", " + t.Subject.String()
	}
	return s
}

// Tag is how long the tag is in bytes.
func (t Task) Tag() int {
	if t.TagBits == 0 {
		return 16
	}
	return t.TagBits / 8
}

// Plain is what is encrypted: of a wrapping, the subject's value.
func (t Task) Plain() []byte {
	if t.Act == Wrap {
		return t.Subject.Private
	}
	return t.In
}

// Made is what comes of the first half of a task.
type Made struct {
	Out    []byte // ciphertext, signature, MAC, digest, wrapped key, capsule, value
	IV     []byte
	Tag    []byte
	Secret []byte // Encapsulate: the key in the capsule
	Key    []byte // the symmetric key, when whoever made it took one of its own
	Public []byte // the public half of the key, when whoever made it made a key too
}

// Party is who does tasks. Its methods may be called at once.
type Party interface {
	// Make does the first half: it encrypts, signs, wraps. An error wraps
	// ErrRefused when it will not, rather than cannot.
	Make(ctx context.Context, t Task) (Made, error)
	// Check does the second half with what another party has made: it decrypts,
	// verifies, unwraps, or makes the same once more. nil means that it agrees.
	Check(ctx context.Context, t Task, m Made) error
}

// ErrRefused says that a party does not do a task.
var ErrRefused = errors.New("refused")

// Same is how a Party checks what can only come out in one way.
func Same(what string, got, want []byte) error {
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s differs: got %d bytes %.8x…, want %d bytes %.8x…", what, len(got), got, len(want), want)
	}
	return nil
}
