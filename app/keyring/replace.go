package keyring

import (
	"context"
	"time"

	"gatehouse/app/ledger"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/keys"
	"gatehouse/ports/store"
)

// Replacing asks that a key which is there takes the place of another.
type Replacing struct {
	Replaced    Descriptor
	NewName     string // of the replaced key
	Replacement Descriptor
}

// Replace gives a key the name of another one of its group, renames that, and
// links the two. The replacement gets the other's custom metadata and rotation
// policy where it has none. Keys whose material is elsewhere cannot take part.
func (s *Service) Replace(ctx context.Context, c access.Caller, r Replacing) error {
	return s.ledger.Change(ctx, ledger.Entry{Caller: c, Action: "key replace"}, func(e *ledger.Entry) error {
		old, err := s.find(ctx, c, r.Replaced)
		if err != nil {
			return err
		}
		e.Object, e.Group = string(old.ID), old.Group
		next, err := s.find(ctx, c, r.Replacement)
		if err != nil {
			return err
		}
		e.About = string(next.ID)
		for _, k := range []keys.Key{old, next} {
			if err := access.ManageKey(c, k, access.MayRotate); err != nil {
				return err
			}
		}
		if err := s.replaceable(old, next); err != nil {
			return err
		}
		if err := keys.CheckName(r.NewName); err != nil {
			return err
		}
		g, err := s.cat.Group(ctx, old.Group)
		if err != nil {
			return err
		}
		return s.cat.RecordKeys(ctx, nil, s.swap(g, old, next, r.NewName), "")
	})
}

// replaceable reports why next cannot take the place of old.
func (s *Service) replaceable(old, next keys.Key) error {
	if err := mayMakeWay(old, s.cfg.Now()); err != nil {
		return err
	}
	if _, err := next.StateAt(s.cfg.Now()).After(keys.TakePlace); err != nil {
		return err
	}
	switch {
	case old.ID == next.ID:
		return fault.New(fault.Invalid, "a sobject cannot replace itself")
	case old.Virtual != nil || next.Virtual != nil:
		return fault.New(fault.Unsupported, "replacing a sobject is not supported for keys whose material is elsewhere: rotate them")
	case old.Group != next.Group:
		return fault.New(fault.Invalid, "a sobject can only be replaced by one of its own group")
	case old.Type != next.Type:
		return fault.New(fault.Invalid, "a sobject can only be replaced by one of its own obj_type")
	case next.Links.Replaced != "":
		return fault.New(fault.BadState, "the replacement has taken the place of another sobject already")
	default:
		return nil
	}
}

// swap are the changes that put next in the place of old.
func (s *Service) swap(g groups.Group, old, next keys.Key, newName string) []store.KeyChange {
	now := s.cfg.Now()
	return []store.KeyChange{
		{Key: old.ID, Change: s.evolve(g, func(k keys.Key) (keys.Key, error) {
			if err := mayMakeWay(k, now); err != nil {
				return k, err
			}
			if k.Name != old.Name {
				return k, fault.New(fault.Conflict, "the sobject was renamed meanwhile")
			}
			k.Name, k.Links.Replacement = newName, next.ID
			k.Rotation, k.ScheduledRotation = nil, time.Time{}
			return k, nil
		})},
		{Key: next.ID, Change: s.evolve(g, func(k keys.Key) (keys.Key, error) {
			if _, err := k.StateAt(now).After(keys.TakePlace); err != nil {
				return k, err
			}
			k.Name, k.Links.Replaced = old.Name, old.ID
			if len(k.Metadata) == 0 {
				k.Metadata = old.Metadata
			}
			if k.Rotation == nil {
				k.Rotation, k.ScheduledRotation = old.Rotation, old.Rotation.Next(now)
			}
			return k, nil
		})},
	}
}
