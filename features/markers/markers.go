// Package markers looks for secrets where they must not be.
//
// A Book sits between the features and the service. It guarantees that it
// learns every secret that goes over the wire (PINs, passwords, API keys,
// session tokens, key material, client keys), without anybody having to
// tell it, that it keeps every reply, and that a search finds a secret in the
// clear, in base64 at any offset, and in hex. The feature run uses it. Safe for
// concurrent use.
package markers

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"sync"
)

// shortest is the length in bytes below which a secret would be found by chance.
const shortest = 8

// Book is the secrets and the replies of one run.
type Book struct {
	mu      sync.Mutex
	secrets map[string]Kind
	short   []Kind
	replies []reply
}

// Kind tells what a secret is.
type Kind string

// The kinds.
const (
	PIN          Kind = "PIN"
	Password     Kind = "password"
	APIKey       Kind = "API key"
	SessionToken Kind = "session token"
	KeyMaterial  Kind = "key material"
	ClientKey    Kind = "client key"
	TransientKey Kind = "transient key" // sealed; whoever made it gets it, and nobody else
)

// New returns an empty book.
func New() *Book { return &Book{secrets: map[string]Kind{}} }

// Add adds a secret to look for. Of a private key the secret numbers are added
// too, as its encoding may change on the way.
func (b *Book) Add(kind Kind, value []byte) {
	if len(value) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(value) < shortest {
		b.short = append(b.short, kind)
		return
	}
	b.secrets[string(value)] = kind
	for _, part := range parts(value) {
		b.secrets[string(part)] = kind
	}
}

// parts returns the secret numbers of a private key.
func parts(value []byte) [][]byte {
	if block, _ := pem.Decode(value); block != nil {
		value = block.Bytes
	}
	key, err := x509.ParsePKCS8PrivateKey(value)
	if err != nil {
		return nil // it is none
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return [][]byte{value, k.D.Bytes(), k.Primes[0].Bytes(), k.Primes[1].Bytes()}
	case *ecdsa.PrivateKey:
		if d, err := k.Bytes(); err == nil {
			return [][]byte{value, d}
		}
	}
	return [][]byte{value}
}

// Counts tells how many secrets of each kind the book holds.
func (b *Book) Counts() map[Kind]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := map[Kind]int{}
	for _, kind := range b.secrets {
		n[kind]++
	}
	return n
}

// Short lists secrets that were too short to be looked for: a run must have none.
func (b *Book) Short() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []string
	for _, kind := range b.short {
		all = append(all, fmt.Sprintf("a %s is shorter than %d bytes", kind, shortest))
	}
	slices.Sort(all)
	return slices.Compact(all)
}
