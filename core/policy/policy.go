// Package policy decides what a change of a virtual key does to the key in the
// HSM, and what a sync makes of what it finds there (workflows P1 to P4.3).
//
// Every decision is a function of five values: the group's key management
// policy and key scan setting, who made the key, what happens, and how the HSM
// answers. docs/policy-decisions.md lists them all; a test holds the list to
// the code. It is used by app/keyring for changes and by core/keysync and
// app/syncing for syncs. Pure; safe for concurrent use.
package policy

import "gatehouse/core/groups"

// Maker tells where the key in the HSM comes from, as seen from one group.
type Maker string

// The makers.
const (
	// ThisGroup made the key in the HSM: generated it there or imported it.
	ThisGroup Maker = "this group"
	// Elsewhere: another application made it, and a sync found it, or finds it now.
	Elsewhere Maker = "another application"
	// Earlier: as Elsewhere, and the virtual key dates from when the group took
	// in all keys of the slot. Whatever the setting is now, it stays managed.
	Earlier Maker = "another application, taken in earlier"
	// OtherGroup: another group over the same slot made it.
	OtherGroup Maker = "another group over the slot"
)

// Makers lists the closed set.
func Makers() []Maker { return []Maker{ThisGroup, Elsewhere, Earlier, OtherGroup} }

// Event is something that happens to a key: a change of its virtual key, or
// what a sync sees of the HSM key.
type Event string

// The changes of a virtual key.
const (
	UpdateOps     Event = "update permissions"
	UpdateName    Event = "update name"
	UpdateRecord  Event = "update anything else" // description, metadata, dates, enabled: no HSM holds these
	RemovePrivate Event = "remove private half"
	Deactivate    Event = "deactivate" // and revoke, activate, compromise
	Destroy       Event = "destroy"
	Delete        Event = "delete"
	Rotate        Event = "rotate"
	Create        Event = "create" // generate or import
)

// What a sync sees. Each but SeesNew is about a key that has a virtual key in
// the group.
const (
	SeesNew   Event = "sync sees a key without a virtual key"
	SeesSame  Event = "sync sees the key unchanged"
	SeesOps   Event = "sync sees other permissions"
	SeesMoved Event = "sync sees another label or id"
	SeesGone  Event = "sync sees the key gone"
	SeesOther Event = "sync sees another key in its place"
	SeesHalf  Event = "sync sees the public half alone"
	SeesBack  Event = "sync sees a missing key back"
)

// Changes lists the changes of a virtual key.
func Changes() []Event {
	return []Event{UpdateOps, UpdateName, UpdateRecord, RemovePrivate, Deactivate, Destroy, Delete, Rotate, Create}
}

// Sightings lists what a sync may see.
func Sightings() []Event {
	return []Event{SeesNew, SeesSame, SeesOps, SeesMoved, SeesGone, SeesOther, SeesHalf, SeesBack}
}

// Request is what the HSM is asked to do.
type Request string

// The requests.
const (
	AskNothing       Request = "nothing"
	AskChange        Request = "change the attributes" // permissions and label
	AskRemovePrivate Request = "destroy the private half"
	AskDestroy       Request = "destroy the key"
	AskMake          Request = "make a key"
	AskInventory     Request = "show the slot"
)

// Asks returns what the HSM is asked on an event in a group with policy p. The
// maker plays no part: every virtual key of a group is managed alike.
func Asks(p groups.Policy, e Event) Request {
	switch e {
	case UpdateOps, UpdateName:
		return ifWriteBack(p, AskChange)
	case RemovePrivate:
		return ifWriteBack(p, AskRemovePrivate)
	case Destroy, Delete:
		return ifWriteBack(p, AskDestroy)
	case Create, Rotate:
		return AskMake // at once, under both policies; the rotated key stays as it is in the HSM
	case SeesNew, SeesSame, SeesOps, SeesMoved, SeesGone, SeesOther, SeesHalf, SeesBack:
		return AskInventory
	case UpdateRecord, Deactivate:
		return AskNothing
	default:
		return AskNothing
	}
}

func ifWriteBack(p groups.Policy, r Request) Request {
	if p.WriteBack {
		return r
	}
	return AskNothing
}

// Imports reports whether a sync of a group with policy p makes a virtual key
// of a key that has none there (workflows P4.1, P4.2). With OwnKeysOnly not
// even of one that this group made: somebody has deleted that virtual key.
func Imports(p groups.Policy, m Maker) bool {
	switch m {
	case ThisGroup, Elsewhere, Earlier, OtherGroup:
		return !p.OwnKeysOnly
	default:
		return false
	}
}
