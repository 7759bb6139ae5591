// Package keysync compares the inventory of an HSM slot with the virtual keys
// that a group knows, and plans what a sync has to record.
//
// Pure: inventory, known keys and settings in, plan out. The plan never merges
// two HSM keys into one virtual key, never makes two virtual keys of one HSM
// key, never drops a known key, and never touches permissions (workflow P3).
// What is decided is that of core/policy; the plan says to which keys it applies.
package keysync

import (
	"bytes"

	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/keys"
)

// Plan is what a sync has to record.
type Plan struct {
	New       []Found    // HSM keys without a virtual key
	Skipped   int        // HSM keys that would be new, left out by groups.Policy.OwnKeysOnly
	Halves    int        // lone public halves of known pairs: neither new keys nor the known ones
	Changed   []Change   // known keys whose pointer has to be brought up to date
	Missing   []id.Key   // known keys, present until now, that the HSM no longer shows; those in conflict too
	Conflicts []Conflict // why some of the missing keys are missing: something else is in their place
	Unchanged int        // known keys that need nothing
	Warnings  []Warning  // what an operator should know; none stops the sync
}

// Conflict is a known key, present until now, in whose place the HSM shows
// something else.
type Conflict struct {
	Key     id.Key
	Message string
}

// Found is a key in an HSM: one object, or the two halves of a pair.
type Found struct {
	Type       keys.Type
	Size       int
	Curve      keys.Curve
	Ops        keys.Ops // union of both halves
	PublicOnly bool
	PublicKey  []byte
	KCV        string
	Pointer    keys.Pointer
}

// Change brings a known key's pointer up to date; ID and permissions stay.
type Change struct {
	Key       id.Key
	Pointer   keys.Pointer // MissingSince is zero: the key is there
	PublicKey []byte       // where it was not known before
	Back      bool         // it was missing
	Moved     bool         // its id or label is another one
}

// Apply returns k with the change made.
func (c Change) Apply(k keys.Key) keys.Key {
	k = k.Clone()
	p := c.Pointer
	k.Virtual = &p
	if len(k.PublicKey) == 0 {
		k.PublicKey = c.PublicKey
	}
	return k
}

// Warning is something about an object that an operator should know.
type Warning struct {
	CKAID   []byte
	Label   []byte
	Key     id.Key // the virtual key that it is about, where there is one
	Message string
}

// Equal reports whether w and v say the same.
func (w Warning) Equal(v Warning) bool {
	return bytes.Equal(w.CKAID, v.CKAID) && bytes.Equal(w.Label, v.Label) && w.Key == v.Key && w.Message == v.Message
}

// Make compares the inventory of a slot with the known virtual keys of a group.
func Make(inventory []hsm.Object, known []keys.Key, policy groups.Policy) Plan {
	var p Plan
	found := p.pair(inventory)
	p.flagAmbiguous(found)
	p.match(found, known, policy)
	return p
}

// warn adds a warning about object o.
func (p *Plan) warn(o hsm.Object, message string) {
	p.Warnings = append(p.Warnings, Warning{CKAID: o.ID, Label: o.Label, Message: message})
}
