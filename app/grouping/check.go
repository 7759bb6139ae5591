package grouping

import (
	"context"
	"time"

	"gatehouse/app/ledger"
	"gatehouse/app/slotkeys"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/ports/seal"
)

// CheckUnsaved tests a connection before it is saved, and returns what the
// token says of itself.
func (s *Service) CheckUnsaved(ctx context.Context, c access.Caller, n Connection) (hsm.Info, error) {
	var info hsm.Info
	err := s.ledger.Use(ctx, ledger.Entry{Caller: c, Action: "connection check"}, func(*ledger.Entry) error {
		err := access.Administer(c)
		if err == nil {
			info, err = s.checkNew(ctx, n)
		}
		return err
	})
	return info, err
}

// CheckSaved tests a saved connection of a group with its stored PIN; an empty
// cid means the first in priority. Changed, when not nil, is tested in its
// place, with what it leaves out taken from the saved one; without a cid it is
// tested by itself, as one that is to be added.
func (s *Service) CheckSaved(ctx context.Context, c access.Caller, gid id.Group, cid id.Connection, changed *Connection) (hsm.Info, error) {
	var info hsm.Info
	err := s.manage(ctx, c, "connection check", gid, func(g groups.Group) error {
		var err error
		if cid == "" && changed != nil {
			info, err = s.checkNew(ctx, *changed)
			return err
		}
		conn, err := pick(g, cid)
		switch {
		case err != nil:
		case changed == nil:
			info, err = s.slots.Check(ctx, g, conn.ID)
		default:
			info, err = s.checkChanged(ctx, conn, *changed)
		}
		return err
	})
	return info, err
}

// pick returns a connection of g, the first in priority unless one is named.
func pick(g groups.Group, cid id.Connection) (groups.Connection, error) {
	if cid != "" {
		return g.Connection(cid)
	}
	conns := g.ByPriority()
	if len(conns) == 0 {
		return groups.Connection{}, fault.New(fault.Invalid, "the group is not linked to an HSM")
	}
	return conns[0], nil
}

// checkNew tests a connection of which nothing is saved.
func (s *Service) checkNew(ctx context.Context, n Connection) (hsm.Info, error) {
	conn, err := n.checked()
	if err != nil {
		return hsm.Info{}, err
	}
	return s.slots.CheckUnsaved(ctx, conn, n.PIN, n.ClientKey)
}

// checkChanged tests a saved connection as it would be with ch.
func (s *Service) checkChanged(ctx context.Context, saved groups.Connection, ch Connection) (hsm.Info, error) {
	conn, err := s.modified(saved, ch)
	if err != nil {
		return hsm.Info{}, err
	}
	pin, clientKey := ch.PIN, ch.ClientKey
	if pin.Empty() && !conn.PIN.Empty() {
		if pin, err = s.sealer.Open(seal.ConnectionPIN, string(conn.ID), conn.PIN); err != nil {
			return hsm.Info{}, err
		}
	}
	if clientKey.Empty() && !conn.TLS.ClientKey.Empty() {
		if clientKey, err = s.sealer.Open(seal.ConnectionKey, string(conn.ID), conn.TLS.ClientKey); err != nil {
			return hsm.Info{}, err
		}
	}
	return s.slots.CheckUnsaved(ctx, conn, pin, clientKey)
}

// Statuses returns the state of every connection of a group by priority, as it
// is known: no HSM is asked. After a change of a connection it waits a moment
// for the first check, which is under way.
func (s *Service) Statuses(ctx context.Context, c access.Caller, gid id.Group) ([]slotkeys.Status, error) {
	g, err := s.Group(ctx, c, gid)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, firstCheckWithin)
	defer cancel()
	return s.slots.AwaitStatuses(ctx, g), nil
}

// firstCheckWithin is how long a view waits for the first check of a connection.
const firstCheckWithin = 3 * time.Second

// State returns the states of a group's connections by priority as they are
// known, for views of many groups.
func (s *Service) State(g groups.Group) []slotkeys.Status {
	if !g.Kind.HSM() {
		return nil
	}
	return s.slots.Statuses(g)
}
