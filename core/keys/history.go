package keys

import (
	"slices"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/id"
)

// HistoryItem is a state that a key was in and can be reverted to until Expiry.
// Groups ask for it by their key history policy.
type HistoryItem struct {
	ID        string // a UUID
	CreatedAt time.Time
	Expiry    time.Time
	Was       Snapshot
}

// Snapshot is what of a key its history remembers.
type Snapshot struct {
	State            State
	Ops              Ops
	PublicOnly       bool
	HasKey           bool // there was material, here or in an HSM
	Group            id.Group
	ActivationDate   time.Time
	DeactivationDate time.Time
	CompromiseDate   time.Time
	DestructionDate  time.Time
	DeletionDate     time.Time
	RevocationReason *RevocationReason
	Rotation         *RotationPolicy
}

// hasMaterial reports whether k's material is there, here or in its HSM.
func (k Key) hasMaterial() bool {
	if k.Virtual != nil {
		return k.Virtual.MissingSince.IsZero()
	}
	return !k.Material.Empty()
}

// Snapshot returns what a history would remember of k.
func (k Key) Snapshot() Snapshot {
	k = k.Clone()
	return Snapshot{
		State: k.State, Ops: k.Ops, PublicOnly: k.PublicOnly, HasKey: k.hasMaterial(), Group: k.Group,
		ActivationDate: k.ActivationDate, DeactivationDate: k.DeactivationDate, CompromiseDate: k.CompromiseDate,
		DestructionDate: k.DestructionDate, DeletionDate: k.DeletionDate,
		RevocationReason: k.RevocationReason, Rotation: k.Rotation,
	}
}

// equal reports whether two snapshots are of one state. That material went
// missing in an HSM is no change of the key's.
func (s Snapshot) equal(t Snapshot) bool {
	same := func(a, b *RevocationReason) bool { return a == b || a != nil && b != nil && *a == *b }
	return s.State == t.State && s.Ops == t.Ops && s.PublicOnly == t.PublicOnly && s.Group == t.Group &&
		s.ActivationDate.Equal(t.ActivationDate) && s.DeactivationDate.Equal(t.DeactivationDate) &&
		s.CompromiseDate.Equal(t.CompromiseDate) && s.DestructionDate.Equal(t.DestructionDate) &&
		s.DeletionDate.Equal(t.DeletionDate) && same(s.RevocationReason, t.RevocationReason) && s.Rotation.Equal(t.Rotation)
}

// Remembering returns k, which was was until now, with that in its history for
// so long; a window of 0 remembers nothing. The item gets the id.
func (k Key) Remembering(was Key, item string, now time.Time, window time.Duration) Key {
	k = k.Clone()
	k.History = k.remembered(now)
	if s := was.Snapshot(); window > 0 && !s.equal(k.Snapshot()) {
		k.History = append(k.History, HistoryItem{ID: item, CreatedAt: now, Expiry: now.Add(window), Was: s})
	}
	return k
}

// remembered are the items of the history that are not forgotten at now.
func (k Key) remembered(now time.Time) []HistoryItem {
	var items []HistoryItem
	for _, h := range k.History {
		if now.Before(h.Expiry) {
			items = append(items, h)
		}
	}
	return items
}

// Reverted returns k as it was at the earliest of the items; they and all later
// ones are no longer in its history. Invalid for an item that is not there,
// BadState when what it was then is gone for ever.
func (k Key) Reverted(items []string, now time.Time) (Key, error) {
	if len(items) == 0 {
		return k, fault.New(fault.Invalid, "ids is empty: name what to revert to")
	}
	k = k.Clone()
	k.History = k.remembered(now)
	first := len(k.History)
	for _, want := range items {
		i := slices.IndexFunc(k.History, func(h HistoryItem) bool { return h.ID == want })
		if i < 0 {
			return k, fault.New(fault.Invalid, "ids names what is not, or no longer, in the sobject's history")
		}
		first = min(first, i)
	}
	was := k.History[first].Was
	switch {
	case was.HasKey && !k.hasMaterial():
		return k, fault.New(fault.BadState, "the key's material is gone: it cannot be brought back")
	case k.PublicOnly && !was.PublicOnly:
		return k, fault.New(fault.BadState, "the private half of the key is gone: it cannot be brought back")
	case was.Group != k.Group:
		return k, fault.New(fault.BadState, "the sobject was in another group then: move it back first")
	}
	k.History = k.History[:first]
	k.State, k.Ops = was.State, was.Ops
	k.ActivationDate, k.DeactivationDate, k.CompromiseDate = was.ActivationDate, was.DeactivationDate, was.CompromiseDate
	k.DestructionDate, k.DeletionDate, k.RevocationReason = was.DestructionDate, was.DeletionDate, was.RevocationReason
	k.Rotation = was.Rotation
	k.ScheduledRotation = k.Rotation.Next(now)
	return k, nil
}
