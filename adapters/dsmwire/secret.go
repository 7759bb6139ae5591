package dsmwire

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

// SecretText is a secret that travels as a JSON string: a PIN, a password, an
// API key. It prints as a placeholder; only JSON shows it.
type SecretText struct{ v secret.Value }

// NewSecretText returns v for a body.
func NewSecretText(v secret.Value) SecretText { return SecretText{v} }

// Secret returns the secret.
func (s SecretText) Secret() secret.Value { return s.v }

// IsZero reports whether there is no secret; such a field is left out.
func (s SecretText) IsZero() bool { return s.v.Empty() }

// Format writes a placeholder for every verb.
func (SecretText) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(secret.Placeholder)) }

// MarshalJSON writes the secret: a body is where it is to be handed over.
func (s SecretText) MarshalJSON() ([]byte, error) {
	return json.Marshal(string(s.v.Reveal(reveal.Permit{})))
}

// UnmarshalJSON reads a string; null leaves it empty.
func (s *SecretText) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	var text string
	if json.Unmarshal(b, &text) != nil {
		return fault.New(fault.Invalid, "a secret is not a string") // whatever it is, it is not echoed
	}
	s.v = secret.FromString(text)
	return nil
}

// SecretBytes is a secret that travels in base64: key material. It prints as a
// placeholder; only JSON shows it.
type SecretBytes struct {
	v     secret.Value
	given bool
}

// NewSecretBytes returns v for a body.
func NewSecretBytes(v secret.Value) SecretBytes { return SecretBytes{v, !v.Empty()} }

// Secret returns the secret.
func (s SecretBytes) Secret() secret.Value { return s.v }

// IsZero reports whether nothing was given; such a field is left out. Given
// but empty is not zero.
func (s SecretBytes) IsZero() bool { return !s.given }

// Digest returns the digest of the secret by h.
func (s SecretBytes) Digest(h hash.Hash) []byte {
	h.Write(s.v.Reveal(reveal.Permit{}))
	return h.Sum(nil)
}

// Format writes a placeholder for every verb.
func (SecretBytes) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(secret.Placeholder)) }

// MarshalJSON writes the secret: a body is where it is to be handed over.
func (s SecretBytes) MarshalJSON() ([]byte, error) {
	raw := s.v.Reveal(reveal.Permit{})
	b := make([]byte, 0, base64.StdEncoding.EncodedLen(len(raw))+2)
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, raw)
	return append(b, '"'), nil
}

// UnmarshalJSON reads base64; null leaves it as not given.
func (s *SecretBytes) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	var raw []byte
	if json.Unmarshal(b, &raw) != nil {
		return fault.New(fault.Invalid, "a secret is not base64")
	}
	*s = SecretBytes{secret.New(raw), true}
	return nil
}
