package streams

import (
	"bytes"
	"encoding/json"

	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// State is where a message in parts is. It is written as JSON; who writes it
// where others see it seals it.
type State struct {
	Key     id.Key          `json:"key,omitempty"`
	Decrypt bool            `json:"decrypt,omitempty"`
	Mode    operations.Mode `json:"mode"`
	IV      []byte          `json:"iv"`             // CBC: of the next block; CTR and GCM: of the message
	Held    []byte          `json:"held,omitempty"` // CBC: what is not done yet; GCM: ciphertext not hashed yet
	Done    uint64          `json:"done,omitempty"` // CTR, GCM: bytes done
	Sum     []byte          `json:"sum,omitempty"`  // GCM: the hash so far
	AD      uint64          `json:"ad,omitempty"`   // GCM: bytes of authenticated data
}

// Bytes returns s as Read takes it.
func (s State) Bytes() []byte {
	b, err := json.Marshal(s)
	if err != nil { // never: it is numbers and bytes
		return nil
	}
	return b
}

// Read reads a state of a message in this direction with that key, of type t;
// it is operations.ErrState's error for any other, and for what is none.
func Read(b []byte, k id.Key, t keys.Type, decrypt bool) (State, error) {
	var s State
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil || d.More() {
		return State{}, operations.ErrState()
	}
	if s.Key != k || s.Decrypt != decrypt || !s.sound(operations.BlockSize(t)) {
		return State{}, operations.ErrState()
	}
	return s, nil
}

// sound reports whether the lengths are such as a state can have.
func (s State) sound(block int) bool {
	switch s.Mode {
	case operations.CBC, operations.CBCNoPad:
		return len(s.IV) == block && len(s.Held) <= block && len(s.Sum) == 0 && s.Done == 0 && s.AD == 0
	case operations.CTR:
		return block == 16 && len(s.IV) == block && len(s.Held) == 0 && len(s.Sum) == 0 && s.AD == 0
	case operations.GCM:
		return block == 16 && len(s.IV) == 12 && len(s.Held) < 16 && len(s.Sum) == 16
	default:
		return false
	}
}
