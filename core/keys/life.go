package keys

import (
	"slices"
	"time"

	"gatehouse/core/fault"
)

// The revocation codes of the API that mean that somebody else may know the key.
const (
	KeyCompromise = "KeyCompromise"
	CACompromise  = "CACompromise"
)

// RevocationCodes lists the codes that a key can be revoked with (RFC 5280, 5.3.1).
func RevocationCodes() []string {
	return []string{
		"Unspecified", KeyCompromise, CACompromise, "AffiliationChanged", "Superseded", "CessationOfOperation", "PrivilegeWithdrawn",
	}
}

// Action returns what a revocation for this reason does.
func (r RevocationReason) Action() Action {
	if r.Code == KeyCompromise || r.Code == CACompromise {
		return Compromise
	}
	return Deactivate
}

// check reports what is wrong with a reason that is given at now.
func (r RevocationReason) check(now time.Time) error {
	switch {
	case !slices.Contains(RevocationCodes(), r.Code):
		return fault.New(fault.Invalid, "code is not a revocation code that the API knows")
	case r.CompromiseAt.After(now):
		return fault.New(fault.Invalid, "compromise_occurance_date is in the future")
	case !r.CompromiseAt.IsZero() && r.Action() != Compromise:
		return fault.New(fault.Invalid, "compromise_occurance_date is for the codes KeyCompromise and CACompromise")
	default:
		return nil
	}
}

// Activated returns k activated at now.
func (k Key) Activated(now time.Time) (Key, error) {
	state, err := k.StateAt(now).After(Activate)
	if err != nil {
		return k, err
	}
	k = k.Clone()
	k.State, k.ActivationDate = state, now
	return k, nil
}

// Revoked returns k revoked at now: Deactivated, or Compromised for the codes
// that say so.
func (k Key) Revoked(r RevocationReason, now time.Time) (Key, error) {
	if err := r.check(now); err != nil {
		return k, err
	}
	state, err := k.StateAt(now).After(r.Action())
	if err != nil {
		return k, err
	}
	k = k.Clone()
	k.State, k.RevocationReason = state, &r
	if k.DeactivationDate.IsZero() || k.DeactivationDate.After(now) {
		k.DeactivationDate = now
	}
	if state == Compromised {
		k.CompromiseDate = now
		if !r.CompromiseAt.IsZero() {
			k.CompromiseDate = r.CompromiseAt
		}
	}
	return k, nil
}

// Erased returns k destroyed or deleted at now. Sealed material is gone from
// it, unless keep says that the history can still bring it back.
func (k Key) Erased(a Action, now time.Time, keep bool) (Key, error) {
	state, err := k.StateAt(now).After(a)
	if err != nil {
		return k, err
	}
	k = k.Clone()
	k.State, k.ScheduledRotation = state, time.Time{}
	if state == Deleted {
		k.DeletionDate = now
	} else {
		k.DestructionDate = now
	}
	if !keep {
		k.Material = nil
	}
	return k, nil
}

// Due returns when something next happens to the key by itself: a date comes,
// its rotation, or the end of what its history remembers. Zero when nothing does.
func (k Key) Due() time.Time {
	var due time.Time
	at := func(t time.Time) {
		if !t.IsZero() && (due.IsZero() || t.Before(due)) {
			due = t
		}
	}
	switch k.State {
	case PreActive:
		at(k.ActivationDate)
		at(k.DeactivationDate)
	case Active:
		at(k.DeactivationDate)
		if k.Enabled {
			at(k.ScheduledRotation)
		}
	case Deactivated, Compromised, Destroyed, Deleted:
	}
	for _, h := range k.History {
		at(h.Expiry)
	}
	return due
}

// Aged returns k as its dates have it at now: in the state that it is in by
// then, without what its history has forgotten, and without material that
// nothing can bring back any more.
func (k Key) Aged(now time.Time) Key {
	k = k.Clone()
	k.State = k.StateAt(now)
	k.History = k.remembered(now)
	if (k.State == Destroyed || k.State == Deleted) && len(k.History) == 0 {
		k.Material = nil
	}
	return k
}
