package hmgwire

import (
	"fmt"
	"slices"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

// Messages are CBOR maps with small integer keys: the numbers in the tags are
// the protocol, and are never used again for something else. Absent fields are
// zero. Text that names something (a type, a mode, an error kind) is spelled
// as the REST API spells it, or as core does where that has no word.

// Hello is the body of KindHello and of the answer to it. The client says all
// versions that it speaks, the gateway the one that it has chosen.
type Hello struct {
	Magic    string `cbor:"1,keyasint"`
	Versions []uint `cbor:"2,keyasint"`
	Software string `cbor:"3,keyasint,omitempty"` // for logs
	Limits   Limits `cbor:"4,keyasint,omitempty"`
}

// Limits are what the sender of a Hello can take; 0: as the protocol's.
type Limits struct {
	Frame    uint32 `cbor:"1,keyasint,omitempty"` // bytes of a frame after its length
	Requests uint32 `cbor:"2,keyasint,omitempty"` // requests under way on this connection
}

// NewHello returns the Hello of an end that speaks this package's version.
func NewHello(software string, l Limits) Hello {
	return Hello{Magic: Magic, Versions: []uint{Version}, Software: software, Limits: l}
}

// Check reports whether the peer that said h can be understood:
// fault.Unavailable with fault.Incompatible when not.
func (h Hello) Check() error {
	if h.Magic != Magic {
		return fault.New(fault.Unavailable, "the other end does not speak the gateway's protocol").Because(fault.Incompatible)
	}
	if !slices.Contains(h.Versions, uint(Version)) {
		return fault.New(fault.Unavailable, "the gateway and its client speak different versions of the protocol").Because(fault.Incompatible)
	}
	return nil
}

// Scope begins every request about an open slot.
type Scope struct {
	Handle  uint32 `cbor:"1,keyasint"`           // from Opened
	Timeout uint32 `cbor:"2,keyasint,omitempty"` // milliseconds that the client will wait; 0: it does not say
}

// Open asks for a slot to be logged in to and used.
type Open struct {
	Slot    uint64 `cbor:"1,keyasint"`
	PIN     Secret `cbor:"2,keyasint,omitempty"`
	Timeout uint32 `cbor:"3,keyasint,omitempty"` // milliseconds
	// Insist is set when a person asks: the PIN is then tried although the token
	// has refused it before.
	Insist bool `cbor:"4,keyasint,omitempty"`
}

// NewOpen returns the request to open slot with pin.
func NewOpen(slot uint, pin secret.Value, insist bool) Open {
	return Open{Slot: uint64(slot), PIN: pin.Reveal(reveal.Permit{}), Insist: insist}
}

// Opened is the answer to Open. The handle is good on its connection only.
type Opened struct {
	Handle uint32 `cbor:"1,keyasint"`
}

// Credit allows the gateway to send that many more Objects frames.
type Credit struct {
	Frames uint32 `cbor:"1,keyasint"`
}

// Secret is a PIN or key material within a message. It prints as a placeholder.
type Secret []byte

// Value takes the bytes over as a secret.
func (s Secret) Value() secret.Value { return secret.New(s) }

// Format writes the placeholder for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(secret.Placeholder)) }

// String returns the placeholder.
func (s Secret) String() string { return secret.Placeholder }
