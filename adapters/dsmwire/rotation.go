package dsmwire

import (
	"encoding/json"

	"gatehouse/core/fault"
)

// RotationPolicy says when a key is rotated by itself.
type RotationPolicy struct {
	IntervalDays         *uint32           `json:"interval_days,omitempty"` // either this or the next
	IntervalMonths       *uint32           `json:"interval_months,omitempty"`
	EffectiveAt          *Time             `json:"effective_at,omitempty"`
	DeactivateRotatedKey *bool             `json:"deactivate_rotated_key,omitempty"`
	RotateCopiedKeys     *RotateCopiedKeys `json:"rotate_copied_keys,omitempty"`
}

// IsZero reports whether the policy says nothing, which ends one that is there.
func (p RotationPolicy) IsZero() bool { return p == RotationPolicy{} }

// RotateCopiedKeys tells which copies of a key are rotated with it: on the wire
// "all_external", or an object with their ids in select.
type RotateCopiedKeys struct {
	AllExternal bool
	Select      []string
}

const allExternal = "all_external"

type selectedKeys struct {
	Select []string `json:"select"`
}

// MarshalJSON writes one of the two forms.
func (r RotateCopiedKeys) MarshalJSON() ([]byte, error) {
	if r.AllExternal {
		return json.Marshal(allExternal)
	}
	return json.Marshal(selectedKeys{r.Select})
}

// UnmarshalJSON reads one of the two forms.
func (r *RotateCopiedKeys) UnmarshalJSON(b []byte) error {
	var all string
	if json.Unmarshal(b, &all) == nil && all == allExternal {
		*r = RotateCopiedKeys{AllExternal: true}
		return nil
	}
	var s selectedKeys
	if err := json.Unmarshal(b, &s); err != nil || s.Select == nil {
		return fault.New(fault.Invalid, "rotate_copied_keys must be all_external, or an object with select")
	}
	*r = RotateCopiedKeys{Select: s.Select}
	return nil
}

// HistoryItem is a state of a key that can be reverted to until it expires.
type HistoryItem struct {
	ID        string           `json:"id"`
	State     HistoryItemState `json:"state"`
	CreatedAt Time             `json:"created_at"`
	Expiry    Time             `json:"expiry"`
}

// HistoryItemState is what a key was then.
type HistoryItemState struct {
	State            string            `json:"state"`
	KeyOps           []string          `json:"key_ops"`
	PublicOnly       bool              `json:"public_only"`
	HasKey           bool              `json:"has_key"`
	GroupID          string            `json:"group_id,omitempty"`
	ActivationDate   Time              `json:"activation_date,omitzero"`
	DeactivationDate Time              `json:"deactivation_date,omitzero"`
	CompromiseDate   Time              `json:"compromise_date,omitzero"`
	DestructionDate  Time              `json:"destruction_date,omitzero"`
	DeletionDate     Time              `json:"deletion_date,omitzero"`
	RevocationReason *RevocationReason `json:"revocation_reason,omitempty"`
	RotationPolicy   *RotationPolicy   `json:"rotation_policy,omitempty"`
}

// KeyHistoryPolicy says for how long changes of a group's keys can be undone.
type KeyHistoryPolicy struct {
	UndoTimeWindow int64 `json:"undo_time_window"` // seconds
}
