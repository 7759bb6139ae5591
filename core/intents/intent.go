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
	Create  Kind = "create"  // generate or import: the key's id is its CKA_ID
	Update  Kind = "update"  // label and permissions of the HSM key, then of the virtual key
	Destroy Kind = "destroy" // the HSM key, then the virtual key
)

// Intent is something begun on a token and not yet recorded as done.
type Intent struct {
	ID        id.Intent
	Kind      Kind
	Account   id.Account
	Group     id.Group
	Key       id.Key
	Spec      keys.Spec // Create: what the key is to be; holds no material. Update: Name is what its label is to be
	Imported  bool      // Create: by import
	Creator   id.Principal
	StartedAt time.Time

	// Abandoned is set when the requester has been told that a Create failed:
	// if the key turns up in the token all the same, it is removed. Otherwise
	// a key that turns up whole is recorded.
	Abandoned bool
}
