package keys

import (
	"time"

	"gatehouse/core/fault"
)

// State is the life-cycle state of a key (NIST SP 800-57 part 1, section 7).
type State string

// The states of the API.
const (
	PreActive   State = "PreActive"
	Active      State = "Active"
	Deactivated State = "Deactivated"
	Compromised State = "Compromised"
	Destroyed   State = "Destroyed"
	Deleted     State = "Deleted"
)

// States lists all states, in the order of a key's life.
func States() []State {
	return []State{PreActive, Active, Deactivated, Compromised, Destroyed, Deleted}
}

// StateAt returns the state that the key is in at now: dates act by themselves.
func (k Key) StateAt(now time.Time) State {
	switch k.State {
	case PreActive, Active:
		if !k.DeactivationDate.IsZero() && !now.Before(k.DeactivationDate) {
			return Deactivated
		}
		if !k.ActivationDate.IsZero() && now.Before(k.ActivationDate) {
			return PreActive
		}
		if k.State == PreActive && !k.ActivationDate.IsZero() {
			return Active
		}
		return k.State
	case Deactivated, Compromised, Destroyed, Deleted:
		return k.State
	default:
		return Destroyed // an unreadable state permits nothing
	}
}

// Permits tells whether the key itself allows the operations at now: Denied
// when its key_ops lack one, BadState when it is disabled, missing from its HSM
// or not in a state for it, NotFound when it is deleted.
func (k Key) Permits(ops Ops, now time.Time) error {
	state := k.StateAt(now)
	if state == Deleted {
		return noKey()
	}
	if !k.Enabled {
		return fault.New(fault.BadState, "sobject is not enabled")
	}
	if !k.Ops.Has(ops) {
		return fault.New(fault.Denied, "operation is not permitted by the key's key_ops")
	}
	switch state {
	case Active:
	case Deactivated, Compromised:
		if ops&protect != 0 {
			return fault.New(fault.BadState, "sobject is deactivated: it may only process what it protected before")
		}
	case PreActive:
		return fault.New(fault.BadState, "sobject is not active yet")
	default:
		return fault.New(fault.BadState, "sobject is destroyed")
	}
	if k.Virtual != nil && !k.Virtual.MissingSince.IsZero() {
		return fault.New(fault.BadState, "the key was not in the HSM at the last sync; sync again once it is back")
	}
	return nil
}

// noKey is the answer for a key that is deleted: as for one that never was.
func noKey() error { return fault.New(fault.NotFound, "sobject does not exist") }
