package keys

import (
	"slices"

	"gatehouse/core/fault"
)

// Action is something that is done to a key as a whole.
type Action string

// The actions of a key's life.
const (
	Describe      Action = "describe"       // name, description and custom metadata
	Configure     Action = "configure"      // permissions, enabled or not, policies
	Move          Action = "move"           // put it into another group
	Activate      Action = "activate"       // begin its use
	Deactivate    Action = "deactivate"     // end its use for protecting
	Compromise    Action = "compromise"     // the same, because somebody else may know it
	RemovePrivate Action = "remove private" // keep the public half only
	Rotate        Action = "rotate"         // have another key take its place
	TakePlace     Action = "take place"     // take the place of another key
	Copy          Action = "copy"           // make another key of the same material
	Destroy       Action = "destroy"        // end its material, keep its record
	Delete        Action = "delete"         // end its record: its name is free again
	Revert        Action = "revert"         // undo what the history still knows
)

// Actions lists all actions.
func Actions() []Action {
	return []Action{
		Describe, Configure, Move, Activate, Deactivate, Compromise, RemovePrivate, Rotate, TakePlace, Copy, Destroy, Delete, Revert,
	}
}

// live are the states of a key that has its material.
var live = []State{PreActive, Active, Deactivated, Compromised}

// table is the life of a key (NIST SP 800-57 part 1, section 7.2): from which
// states each action is possible, and the state that it leads to; none: the
// key stays in the state it is in. A key may be replaced in any state in which
// it has material: a compromised one needs it most. It is not copied once it is
// deactivated: the copy would be a way around that.
var table = map[Action]struct {
	from []State
	to   State
}{
	Describe:      {from: []State{PreActive, Active, Deactivated, Compromised, Destroyed}},
	Configure:     {from: live},
	Move:          {from: live},
	Activate:      {from: []State{PreActive}, to: Active},
	Deactivate:    {from: []State{PreActive, Active}, to: Deactivated},
	Compromise:    {from: []State{PreActive, Active, Deactivated}, to: Compromised},
	RemovePrivate: {from: live},
	Rotate:        {from: live},
	TakePlace:     {from: []State{PreActive, Active}},
	Copy:          {from: []State{PreActive, Active}},
	Destroy:       {from: live, to: Destroyed},
	Delete:        {from: []State{PreActive, Active, Deactivated, Compromised, Destroyed}, to: Deleted},
	Revert:        {from: []State{PreActive, Active, Deactivated, Compromised, Destroyed, Deleted}},
}

// After returns the state of a key in state s after a: BadState when a is not
// possible in s, NotFound when the key is deleted.
func (s State) After(a Action) (State, error) {
	row, known := table[a]
	if !known {
		return s, fault.New(fault.Internal, "the life of a key knows no action %q", a)
	}
	switch {
	case slices.Contains(row.from, s) && row.to != "":
		return row.to, nil
	case slices.Contains(row.from, s):
		return s, nil
	case s == Deleted:
		return s, noKey()
	case s == PreActive || s == Active || s == Deactivated || s == Compromised:
		return s, fault.New(fault.BadState, "%s: sobject is in state %s", impossible[a], s)
	default:
		return s, fault.New(fault.BadState, "sobject is destroyed")
	}
}

// impossible says of an action why it is refused in a state that has material.
var impossible = map[Action]string{
	Activate:   "only a sobject that was never active can be activated",
	Deactivate: "only a sobject that is or will be active can be deactivated",
	Compromise: "a compromised sobject cannot be revoked again",
	TakePlace:  "only a sobject that is or will be active can replace another",
	Copy:       "only a sobject that is or will be active can be copied",
}
