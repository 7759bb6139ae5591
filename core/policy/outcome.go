package policy

import (
	"gatehouse/core/audit"
	"gatehouse/core/groups"
)

// HSMKey is what has become of the key in the HSM.
type HSMKey string

// What may become of a key in the HSM.
const (
	Untouched   HSMKey = "untouched"
	Changed     HSMKey = "changed"
	PublicLeft  HSMKey = "public half left"
	Destroyed   HSMKey = "destroyed"
	NewBeside   HSMKey = "a new key made" // the old one, if any, untouched
	Uncertain   HSMKey = "recovery looks" // done or not: recovery asks the HSM until it knows
	AlreadyGone HSMKey = "already gone"
)

// Virtual is what becomes of the virtual key.
type Virtual string

// What may become of a virtual key.
const (
	Stays          Virtual = "stays as it was"
	TakesChange    Virtual = "changed"
	PublicOnly     Virtual = "public only"
	EndsDestroyed  Virtual = "state Destroyed"
	EndsDeleted    Virtual = "deleted"
	ChangesState   Virtual = "state changed"
	MakesWay       Virtual = "renamed, linked to the new key"
	ComesIntoBeing Virtual = "made"
	NotMade        Virtual = "none"
	Imported       Virtual = "imported with the HSM's permissions"
	LeftOut        Virtual = "none: left out, counted"
	FollowsPointer Virtual = "points to the new place; permissions stay"
	MarkedMissing  Virtual = "marked missing; permissions stay"
	NoLongerGone   Virtual = "no longer missing; permissions stay"
	FollowsHSM     Virtual = "follows the HSM once recovery knows"
	TakenBack      Virtual = "stays as it was, and recovery has the HSM key follow; what cannot be taken back is done"
)

// Told is what the caller hears.
type Told string

// What a caller may hear.
const (
	ToldDone        Told = "done"
	ToldWarning     Told = "done, with a warning"
	ToldRefused     Told = "refused, with the HSM's reason"
	ToldUnsupported Told = "not supported by this HSM"
	ToldNotFound    Told = "not found in the HSM: sync"
	ToldUnreachable Told = "Not Connected, with the reason"
	ToldUnknown     Told = "unavailable: it may have been done"
)

// Audited is what the audit log holds of an event, besides that it began.
type Audited struct {
	Action  string        // empty: nothing of this key alone
	Outcome audit.Outcome // of the action
}

// Actions in the audit log of what a sync sees, one record for each key.
const (
	KeyImported = "key imported by sync"
	KeyMissing  = "key missing"
	KeyBack     = "key back"
	KeyMoved    = "key pointer changed"
	KeyConflict = "key conflict"
)

// Outcome is the decision for one case.
type Outcome struct {
	Asked   Request
	HSMKey  HSMKey
	Virtual Virtual
	Told    Told
	Audited Audited
}

// Decide returns what comes of event e, in a group with policy p, for a key of
// maker m, when the HSM answers a. Where the HSM is asked nothing the answer
// makes no difference.
func Decide(p groups.Policy, m Maker, e Event, a Answer) Outcome {
	o := Outcome{Asked: Asks(p, e)}
	switch o.Asked {
	case AskNothing:
		o.HSMKey, o.Virtual, o.Told = Untouched, effects[e].virtual, ToldDone
	case AskInventory:
		return sighted(o, p, m, e, a)
	case AskChange, AskRemovePrivate, AskDestroy, AskMake:
		o.HSMKey, o.Virtual, o.Told = asked(o.Asked, e, a)
	}
	o.Audited = Audited{effects[e].action, told[o.Told]}
	return o
}

// effects are what the changes do where nothing stands in their way.
var effects = map[Event]struct {
	virtual Virtual
	hsm     HSMKey
	action  string
}{
	UpdateOps:     {TakesChange, Changed, "key update"},
	UpdateName:    {TakesChange, Changed, "key update"},
	UpdateRecord:  {TakesChange, Untouched, "key update"},
	RemovePrivate: {PublicOnly, PublicLeft, "key remove private"},
	Deactivate:    {ChangesState, Untouched, "key revoke"},
	Destroy:       {EndsDestroyed, Destroyed, "key destroy"},
	Delete:        {EndsDeleted, Destroyed, "key delete"},
	Rotate:        {MakesWay, NewBeside, "key rotate"},
	Create:        {ComesIntoBeing, NewBeside, "key generate"},
}

// told is how the audit log ends a change.
var told = map[Told]audit.Outcome{
	ToldDone: audit.Done, ToldWarning: audit.Done,
	ToldRefused: audit.Refused, ToldUnsupported: audit.Refused, ToldNotFound: audit.Refused,
	ToldUnreachable: audit.Failed, ToldUnknown: audit.Failed,
}

// asked is what comes of a request to the HSM for a change: the virtual key
// changes only with its HSM key (workflow P2).
func asked(r Request, e Event, a Answer) (HSMKey, Virtual, Told) {
	stays := Stays
	if e == Create {
		stays = NotMade
	}
	switch a {
	case Done:
		return effects[e].hsm, effects[e].virtual, ToldDone
	case NotFound:
		if r == AskDestroy { // what was asked for is so
			return AlreadyGone, effects[e].virtual, ToldDone
		}
		return Untouched, stays, ToldNotFound
	case Refused:
		return Untouched, stays, ToldRefused
	case Unsupported:
		return Untouched, stays, ToldUnsupported
	case Unreachable:
		return Untouched, stays, ToldUnreachable
	case Unknown:
		switch e {
		case Create, Rotate: // the caller was told that it failed: what turns up is removed
			return Uncertain, stays, ToldUnknown
		case UpdateOps: // permissions never flow back
			return Uncertain, TakenBack, ToldUnknown
		default:
			return Uncertain, FollowsHSM, ToldUnknown
		}
	default:
		return Uncertain, FollowsHSM, ToldUnknown
	}
}

// sighted is what a sync does. It changes nothing in the HSM, nothing at all
// unless it has read the whole slot, and never permissions (workflow P3).
func sighted(o Outcome, p groups.Policy, m Maker, e Event, a Answer) Outcome {
	o.HSMKey, o.Virtual = Untouched, Stays
	if e == SeesNew {
		o.Virtual = NotMade
	}
	switch a {
	case Done:
	case Refused:
		o.Told = ToldRefused
		return o
	case Unsupported:
		o.Told = ToldUnsupported
		return o
	case NotFound, Unreachable, Unknown: // reading changes nothing, so that a lost answer is no answer
		o.Told = ToldUnreachable
		return o
	}
	o.Told = ToldDone
	switch e {
	case SeesNew:
		if o.Virtual = LeftOut; Imports(p, m) {
			o.Virtual, o.Audited = Imported, Audited{KeyImported, audit.Done}
		}
	case SeesMoved:
		o.Virtual, o.Audited = FollowsPointer, Audited{KeyMoved, audit.Done}
	case SeesGone:
		o.Virtual, o.Audited = MarkedMissing, Audited{KeyMissing, audit.Done}
	case SeesOther, SeesHalf:
		o.Virtual, o.Told, o.Audited = MarkedMissing, ToldWarning, Audited{KeyConflict, audit.Done}
	case SeesBack:
		o.Virtual, o.Audited = NoLongerGone, Audited{KeyBack, audit.Done}
	default: // SeesSame, SeesOps: nothing to record
	}
	return o
}
