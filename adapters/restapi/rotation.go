package restapi

import (
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
)

// newState reads the state of a new key.
func newState(s string) (keys.State, error) {
	switch state := keys.State(s); state {
	case "", keys.Active:
		return "", nil
	case keys.PreActive:
		return state, nil
	default:
		return "", fault.New(fault.Invalid, "state of a new sobject must be PreActive or Active")
	}
}

// noRotation is a policy that asks for nothing: it ends one that is there.
func noRotation() *keys.RotationPolicy { return &keys.RotationPolicy{} }

// newRotation reads a rotation policy; nil when none is given.
func newRotation(r *sobjectRequest) (*keys.RotationPolicy, error) {
	w := r.RotationPolicy.Set
	switch {
	case r.RotationPolicy.Remove || w != nil && w.IsZero():
		return noRotation(), nil
	case w == nil:
		return nil, nil
	}
	p := keys.RotationPolicy{EffectiveAt: timeOf(w.EffectiveAt), DeactivateRotated: isSet(w.DeactivateRotatedKey)}
	for _, part := range []struct {
		given *uint32
		to    *int
		most  uint32
	}{{w.IntervalDays, &p.Days, keys.MaxRotationDays}, {w.IntervalMonths, &p.Months, keys.MaxRotationMonths}} {
		if part.given == nil {
			continue
		}
		if *part.given == 0 || *part.given > part.most {
			return nil, fault.New(fault.Invalid, "the interval of rotation_policy must be 1 to %d days or 1 to %d months",
				keys.MaxRotationDays, keys.MaxRotationMonths)
		}
		*part.to = int(*part.given)
	}
	if (p.Days == 0) == (p.Months == 0) {
		return nil, fault.New(fault.Invalid, "rotation_policy needs one of interval_days and interval_months")
	}
	if c := w.RotateCopiedKeys; c != nil {
		p.Copies.AllExternal = c.AllExternal
		for _, s := range c.Select {
			kid, err := parseID[id.Key](s, "rotate_copied_keys.select")
			if err != nil {
				return nil, err
			}
			p.Copies.Select = append(p.Copies.Select, kid)
		}
	}
	return &p, nil
}

// rotationPolicy is p as the API shows it.
func rotationPolicy(p *keys.RotationPolicy) *dsmwire.RotationPolicy {
	if p == nil {
		return nil
	}
	number := func(n int) *uint32 {
		if n <= 0 {
			return nil
		}
		u := uint32(n)
		return &u
	}
	effective, deactivate := dsmwire.NewTime(p.EffectiveAt), p.DeactivateRotated
	w := &dsmwire.RotationPolicy{
		IntervalDays: number(p.Days), IntervalMonths: number(p.Months), EffectiveAt: &effective, DeactivateRotatedKey: &deactivate,
	}
	if !p.Copies.None() {
		w.RotateCopiedKeys = &dsmwire.RotateCopiedKeys{AllExternal: p.Copies.AllExternal, Select: texts(p.Copies.Select)}
	}
	return w
}

// historyOf is a key's history as the API shows it.
func historyOf(items []keys.HistoryItem) []dsmwire.HistoryItem {
	var list []dsmwire.HistoryItem
	for _, h := range items {
		w := h.Was
		list = append(list, dsmwire.HistoryItem{
			ID: h.ID, CreatedAt: dsmwire.NewTime(h.CreatedAt), Expiry: dsmwire.NewTime(h.Expiry),
			State: dsmwire.HistoryItemState{
				State: string(w.State), KeyOps: w.Ops.Names(), PublicOnly: w.PublicOnly, HasKey: w.HasKey, GroupID: string(w.Group),
				ActivationDate: dsmwire.NewTime(w.ActivationDate), DeactivationDate: dsmwire.NewTime(w.DeactivationDate),
				CompromiseDate: dsmwire.NewTime(w.CompromiseDate), DestructionDate: dsmwire.NewTime(w.DestructionDate),
				DeletionDate: dsmwire.NewTime(w.DeletionDate), RevocationReason: revocation(w.RevocationReason),
				RotationPolicy: rotationPolicy(w.Rotation),
			},
		})
	}
	return list
}
