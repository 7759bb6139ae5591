// Package secret holds the one type for secrets: PINs, passwords, API keys,
// private and secret key material.
//
// A Value prints as a placeholder however it is printed or marshalled, compares
// in constant time, and is readable only with a permit (package reveal). Values
// are safe for concurrent use as long as nobody wipes them.
package secret

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"

	"gatehouse/core/secret/reveal"
)

// Placeholder is what every secret prints as.
const Placeholder = "[secret]"

// Value is a secret. The zero value is the empty secret.
//
// The bytes lie behind a function, because package fmt cannot call the methods
// of what a struct holds in an unexported field, and follows pointers: printing
// such a struct shows an address.
type Value struct{ b func() []byte }

// New takes ownership of b and returns it as a secret.
func New(b []byte) Value { return Value{b: func() []byte { return b }} }

// FromString returns s as a secret.
func FromString(s string) Value { return New([]byte(s)) }

// Reveal returns the secret's bytes, which must not be changed or kept.
func (v Value) Reveal(reveal.Permit) []byte { return v.bytes() }

func (v Value) bytes() []byte {
	if v.b == nil {
		return nil
	}
	return v.b()
}

// Empty reports whether the secret has no bytes.
func (v Value) Empty() bool { return len(v.bytes()) == 0 }

// Len returns the number of bytes, which for key material is public knowledge.
func (v Value) Len() int { return len(v.bytes()) }

// Digest returns the SHA-256 of the secret: a way to recognise random tokens
// without keeping them. It must not be stored for secrets that can be guessed.
func (v Value) Digest() [32]byte { return sha256.Sum256(v.bytes()) }

// Equal compares two secrets in time that does not depend on their contents or lengths.
func (v Value) Equal(o Value) bool {
	a, b := v.Digest(), o.Digest()
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// Wipe overwrites the secret with zeros; all copies of v share its bytes.
func (v Value) Wipe() { clear(v.bytes()) }

// String returns the placeholder.
func (Value) String() string { return Placeholder }

// GoString returns the placeholder.
func (Value) GoString() string { return Placeholder }

// Format writes the placeholder for every verb.
func (Value) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(Placeholder)) }

// MarshalText returns the placeholder.
func (Value) MarshalText() ([]byte, error) { return []byte(Placeholder), nil }

// MarshalJSON returns the placeholder as a JSON string.
func (Value) MarshalJSON() ([]byte, error) { return []byte(`"` + Placeholder + `"`), nil }

// MarshalBinary returns the placeholder.
func (Value) MarshalBinary() ([]byte, error) { return []byte(Placeholder), nil }
