// Package intents holds what is written down before a token is changed, so
// that recovery can complete or undo it after a crash at any point.
package intents

import (
	"time"

	"gatehouse/core/id"
	"gatehouse/core/keys"
)

// Kind tells what was begun.
type Kind string

// The kinds of intents.
const (
	Create        Kind = "create"         // generate or import: the key's id is its CKA_ID
	Rotate        Kind = "rotate"         // the same, of a key that takes the place of another
	Update        Kind = "update"         // label and permissions of the HSM key, then of the virtual key
	RemovePrivate Kind = "remove private" // the private half of the HSM key, then of the virtual key
	Destroy       Kind = "destroy"        // the HSM key, then the virtual key
)

// Intent is something begun on a token and not yet recorded as done.
type Intent struct {
	ID        id.Intent
	Kind      Kind
	Account   id.Account
	Group     id.Group
	Key       id.Key
	Spec      keys.Spec // Create, Rotate: what the key is to be; holds no material. Update: Name is what its label is to be, Ops what it is to be permitted
	Imported  bool      // Create, Rotate: by import
	CopiedOf  id.Key    // Create, Rotate: the key whose copy it is
	Replaces  Replaced  // Rotate: the key whose place it takes
	Deletes   bool      // Destroy: the virtual key is to be deleted, not only destroyed
	Creator   id.Principal
	StartedAt time.Time

	// Abandoned is set when the requester has been told that a Create or Rotate failed:
	// if the key turns up in the token all the same, it is removed. Otherwise
	// a key that turns up whole is recorded.
	Abandoned bool
}

// Replaced is what becomes of a key that another takes the place of.
type Replaced struct {
	Key        id.Key
	Name       string // its name from then on
	Deactivate bool
}

// Touches reports whether the intent changes key k, or makes it.
func (i Intent) Touches(k id.Key) bool { return i.Key == k || i.Replaces.Key == k }
