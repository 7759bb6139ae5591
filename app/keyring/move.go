package keyring

import (
	"context"

	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keys"
)

// moves reports whether the change puts k into another group.
func (ch Change) moves(k keys.Key) bool { return differs(ch.Group, k.Group) }

// mayMove decides whether the caller, who may take a key out of group from, may
// put it into group gid. The material of a key in an HSM is there, and nothing
// takes it along.
func (s *Service) mayMove(ctx context.Context, c access.Caller, from groups.Group, gid id.Group) error {
	to, err := s.cat.Group(ctx, gid)
	if err != nil {
		return err
	}
	if err := access.CreateKeys(c, to.Account, to.ID); err != nil {
		return err
	}
	switch {
	case from.Kind != groups.Ordinary:
		return fault.New(fault.Unsupported, "moving a key out of an HSM group is not supported: its material stays in the HSM; copy it")
	case to.Kind != groups.Ordinary:
		return fault.New(fault.Unsupported, "moving a key into an HSM group is not supported: its material would stay outside of the HSM; copy it")
	default:
		return nil
	}
}
