// Package grouping holds the use cases of groups: make, change and delete
// them, and test the connections of HSM groups. Every call authorises, acts and
// audits at once. A group is saved even when its connections do not work.
// Safe for concurrent use.
package grouping

import (
	"context"
	"slices"
	"time"

	"gatehouse/app/catalogue"
	"gatehouse/app/internal/patch"
	"gatehouse/app/ledger"
	"gatehouse/app/slotkeys"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/ports/seal"
)

// Config is what a Service needs besides its collaborators.
type Config struct {
	Now   func() time.Time
	NewID func() string
}

// Service manages groups.
type Service struct {
	cat    *catalogue.Catalogue
	sealer seal.Sealer
	ledger *ledger.Ledger
	slots  *slotkeys.Backend
	cfg    Config
}

// New returns a service over its collaborators.
func New(cat *catalogue.Catalogue, sealer seal.Sealer, l *ledger.Ledger, slots *slotkeys.Backend, cfg Config) *Service {
	return &Service{cat: cat, sealer: sealer, ledger: l, slots: slots, cfg: cfg}
}

// NewGroup is what an administrator gives of a new group.
type NewGroup struct {
	Name, Description string
	Metadata          map[string]string
	Connections       []Connection // makes it an HSM group
	Redundancy        groups.Redundancy
	Policy            groups.Policy
	AutoScan          int // hours between automatic syncs; 0: none
	UndoWindow        time.Duration
}

// Create makes a group.
func (s *Service) Create(ctx context.Context, c access.Caller, n NewGroup) (groups.Group, error) {
	g := groups.Group{
		ID: id.Group(s.cfg.NewID()), Account: c.Account, Name: n.Name, Description: n.Description, Metadata: n.Metadata,
		CreatedAt: s.cfg.Now(), Creator: c.Principal, Redundancy: n.Redundancy, Policy: n.Policy,
		AutoScan: n.AutoScan, UndoWindow: n.UndoWindow,
	}
	err := s.ledger.Change(ctx, ledger.Entry{Caller: c, Action: "group create", Object: string(g.ID), Group: g.ID}, func(*ledger.Entry) error {
		if err := access.Administer(c); err != nil {
			return err
		}
		var err error
		if g, err = s.addConnections(g, n.Connections); err != nil {
			return err
		}
		if err := check(g); err != nil {
			return err
		}
		if err := s.cat.AddGroup(ctx, g); err != nil {
			return err
		}
		s.slots.Adopt(g)
		return nil
	})
	return g, err
}

// maxUndoWindow bounds for how long changes of keys can be undone: ten years.
const maxUndoWindow = 10 * 365 * 24 * time.Hour

// check reports what is wrong with a group as a whole.
func check(g groups.Group) error {
	if err := keys.CheckName(g.Name); err != nil {
		return err
	}
	if g.Redundancy != groups.AnyOrder && g.Redundancy != groups.PriorityFailover {
		return fault.New(fault.Invalid, "hmg_redundancy is not one that the API knows")
	}
	if g.UndoWindow < 0 || g.UndoWindow > maxUndoWindow || g.UndoWindow%time.Second != 0 {
		return fault.New(fault.Invalid, "undo_time_window must be 0 to %d seconds", int64(maxUndoWindow/time.Second))
	}
	if g.Kind == groups.Ordinary && (g.Policy != groups.Policy{} || g.Redundancy != groups.AnyOrder || g.AutoScan != 0) {
		return fault.New(fault.Invalid, "hmg_sync, hmg_segregation, hmg_redundancy and auto_scan are for groups linked to an HSM")
	}
	return nil
}

// List returns the groups that the caller may know of.
func (s *Service) List(ctx context.Context, c access.Caller) ([]groups.Group, error) {
	if c.Account == "" {
		return nil, fault.New(fault.Denied, "select an account first")
	}
	all, err := s.cat.ListGroups(ctx, c.Account)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(g groups.Group) bool { return access.SeeGroup(c, g.Account, g.ID) != nil }), nil
}

// Group returns a group that the caller may know of.
func (s *Service) Group(ctx context.Context, c access.Caller, gid id.Group) (groups.Group, error) {
	g, err := s.cat.Group(ctx, gid)
	if err == nil {
		err = access.SeeGroup(c, g.Account, g.ID)
	}
	if err != nil {
		return groups.Group{}, err
	}
	return g, nil
}

// Change changes a group; nil fields stay as they are.
type Change struct {
	Name, Description      *string
	Metadata               *map[string]string
	Redundancy             *groups.Redundancy
	WriteBack, OwnKeysOnly *bool
	AutoScan               *int           // 0: none
	UndoWindow             *time.Duration // 0: none
	Add                    []Connection
	Modify                 map[id.Connection]Connection
	Remove                 []id.Connection
}

// Update changes a group. Calls under way end with the connections they began
// with; later ones use the new.
func (s *Service) Update(ctx context.Context, c access.Caller, gid id.Group, ch Change) (groups.Group, error) {
	var changed groups.Group
	err := s.manage(ctx, c, "group update", gid, func(groups.Group) error {
		var err error
		changed, err = s.cat.UpdateGroup(ctx, gid, func(g groups.Group) (groups.Group, error) { return s.apply(g, ch) })
		if err == nil {
			s.slots.Adopt(changed)
		}
		return err
	})
	return changed, err
}

func (s *Service) apply(g groups.Group, ch Change) (groups.Group, error) {
	g = g.Clone()
	patch.Set(&g.Name, ch.Name)
	patch.Set(&g.Description, ch.Description)
	patch.Set(&g.Metadata, ch.Metadata)
	patch.Set(&g.Redundancy, ch.Redundancy)
	patch.Set(&g.Policy.WriteBack, ch.WriteBack)
	patch.Set(&g.Policy.OwnKeysOnly, ch.OwnKeysOnly)
	patch.Set(&g.AutoScan, ch.AutoScan)
	patch.Set(&g.UndoWindow, ch.UndoWindow)
	for _, remove := range ch.Remove {
		if _, err := g.Connection(remove); err != nil {
			return g, err
		}
		g.Connections = slices.DeleteFunc(g.Connections, func(conn groups.Connection) bool { return conn.ID == remove })
	}
	for cid, mod := range ch.Modify {
		i := slices.IndexFunc(g.Connections, func(conn groups.Connection) bool { return conn.ID == cid })
		if i < 0 {
			_, err := g.Connection(cid)
			return g, err
		}
		conn, err := s.modified(g.Connections[i], mod)
		if err != nil {
			return g, err
		}
		g.Connections[i] = conn
	}
	if len(ch.Add) > 0 && g.Kind == groups.Ordinary {
		return g, fault.New(fault.BadState, "an ordinary group cannot become an HSM group: make a new group")
	}
	g, err := s.addConnections(g, ch.Add)
	if err != nil {
		return g, err
	}
	return g, check(g)
}

// Delete deletes a group that holds no keys.
func (s *Service) Delete(ctx context.Context, c access.Caller, gid id.Group) error {
	return s.manage(ctx, c, "group delete", gid, func(groups.Group) error {
		if err := s.cat.DeleteGroup(ctx, gid); err != nil {
			return err
		}
		s.slots.Forget(gid)
		return nil
	})
}

// manage finds a group, makes sure that the caller may manage it, and runs do.
func (s *Service) manage(ctx context.Context, c access.Caller, action string, gid id.Group, do func(groups.Group) error) error {
	return s.ledger.Change(ctx, ledger.Entry{Caller: c, Action: action, Object: string(gid), Group: gid}, func(*ledger.Entry) error {
		g, err := s.cat.Group(ctx, gid)
		if err != nil {
			return err
		}
		if err := access.ManageGroup(c, g.Account, g.ID); err != nil {
			return err
		}
		return do(g)
	})
}
