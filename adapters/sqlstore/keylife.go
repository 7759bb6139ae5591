package sqlstore

import (
	"gatehouse/core/id"
	"gatehouse/core/keys"
)

type revocation struct {
	Code         string `json:"code"`
	Message      string `json:"message,omitempty"`
	CompromiseAt stamp  `json:"compromise_at,omitzero"`
}

func revocationOf(r *keys.RevocationReason) *revocation {
	if r == nil {
		return nil
	}
	return &revocation{Code: r.Code, Message: r.Message, CompromiseAt: at(r.CompromiseAt)}
}

func (r *revocation) reason() *keys.RevocationReason {
	if r == nil {
		return nil
	}
	return &keys.RevocationReason{Code: r.Code, Message: r.Message, CompromiseAt: r.CompromiseAt.Time}
}

// rotation is a rotation policy in a document.
type rotation struct {
	Days              int      `json:"days,omitempty"`
	Months            int      `json:"months,omitempty"`
	EffectiveAt       stamp    `json:"effective_at,omitzero"`
	DeactivateRotated bool     `json:"deactivate_rotated,omitempty"`
	AllExternalCopies bool     `json:"all_external_copies,omitempty"`
	Copies            []id.Key `json:"copies,omitempty"`
}

func rotationOf(p *keys.RotationPolicy) *rotation {
	if p == nil {
		return nil
	}
	return &rotation{
		Days: p.Days, Months: p.Months, EffectiveAt: at(p.EffectiveAt), DeactivateRotated: p.DeactivateRotated,
		AllExternalCopies: p.Copies.AllExternal, Copies: p.Copies.Select,
	}
}

func (r *rotation) policy() *keys.RotationPolicy {
	if r == nil {
		return nil
	}
	return &keys.RotationPolicy{
		Days: r.Days, Months: r.Months, EffectiveAt: r.EffectiveAt.Time, DeactivateRotated: r.DeactivateRotated,
		Copies: keys.RotatedCopies{AllExternal: r.AllExternalCopies, Select: r.Copies},
	}
}

// historyItem is what a key can be reverted to. Operations are stored by their names.
type historyItem struct {
	ID               string      `json:"id"`
	CreatedAt        stamp       `json:"created_at,omitzero"`
	Expiry           stamp       `json:"expiry,omitzero"`
	State            keys.State  `json:"state"`
	Ops              []string    `json:"ops,omitempty"`
	PublicOnly       bool        `json:"public_only,omitempty"`
	HasKey           bool        `json:"has_key,omitempty"`
	Group            id.Group    `json:"group"`
	ActivationDate   stamp       `json:"activation_date,omitzero"`
	DeactivationDate stamp       `json:"deactivation_date,omitzero"`
	CompromiseDate   stamp       `json:"compromise_date,omitzero"`
	DestructionDate  stamp       `json:"destruction_date,omitzero"`
	DeletionDate     stamp       `json:"deletion_date,omitzero"`
	Revocation       *revocation `json:"revocation,omitempty"`
	Rotation         *rotation   `json:"rotation,omitempty"`
}

func historyOf(items []keys.HistoryItem) []historyItem {
	var list []historyItem
	for _, h := range items {
		w := h.Was
		list = append(list, historyItem{
			ID: h.ID, CreatedAt: at(h.CreatedAt), Expiry: at(h.Expiry),
			State: w.State, Ops: w.Ops.Names(), PublicOnly: w.PublicOnly, HasKey: w.HasKey, Group: w.Group,
			ActivationDate: at(w.ActivationDate), DeactivationDate: at(w.DeactivationDate), CompromiseDate: at(w.CompromiseDate),
			DestructionDate: at(w.DestructionDate), DeletionDate: at(w.DeletionDate),
			Revocation: revocationOf(w.RevocationReason), Rotation: rotationOf(w.Rotation),
		})
	}
	return list
}

func history(list []historyItem) ([]keys.HistoryItem, error) {
	var items []keys.HistoryItem
	for _, h := range list {
		ops, err := keys.ParseOps(h.Ops)
		if err != nil {
			return nil, err
		}
		items = append(items, keys.HistoryItem{
			ID: h.ID, CreatedAt: h.CreatedAt.Time, Expiry: h.Expiry.Time,
			Was: keys.Snapshot{
				State: h.State, Ops: ops, PublicOnly: h.PublicOnly, HasKey: h.HasKey, Group: h.Group,
				ActivationDate: h.ActivationDate.Time, DeactivationDate: h.DeactivationDate.Time,
				CompromiseDate: h.CompromiseDate.Time, DestructionDate: h.DestructionDate.Time, DeletionDate: h.DeletionDate.Time,
				RevocationReason: h.Revocation.reason(), Rotation: h.Rotation.policy(),
			},
		})
	}
	return items, nil
}
