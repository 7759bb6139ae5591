// Package reveal holds the permit that reading a secret.Value needs.
//
// Only packages that hand a secret to the thing it is for (a token, a cipher,
// a sealer, the one reply that must show it) may import this package; a test
// in app/assembly keeps the list.
package reveal

// Permit allows a secret to be read. Any value will do: what counts is that
// the package that makes one had to import this package.
type Permit struct{}
