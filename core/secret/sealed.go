package secret

import "fmt"

// Sealed is a secret encrypted and authenticated by a sealer (port seal). It
// may be stored; it is of no use without the master key. It prints as a
// placeholder too, because nobody gains by seeing it.
type Sealed []byte

// Empty reports whether there is nothing sealed.
func (s Sealed) Empty() bool { return len(s) == 0 }

// String returns a placeholder.
func (s Sealed) String() string { return "[sealed]" }

// Format writes the placeholder for every verb.
func (s Sealed) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[sealed]")) }

// MarshalJSON returns the placeholder as a JSON string.
func (s Sealed) MarshalJSON() ([]byte, error) { return []byte(`"[sealed]"`), nil }
