package syncing

import (
	"context"
	"errors"
	"slices"
	"time"

	"gatehouse/app/ledger"
	"gatehouse/app/slotkeys"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/keysync"
)

// comparison is a comparison of the keys behind a group's connections.
type comparison struct {
	at      time.Time
	version int64
}

// CompareDue compares the keys behind the connections of all groups for which
// it is time: some were never compared, compared long ago, or changed or
// repaired since. One group at a time and one connection after the other, so
// that HSMs have time for requests. What differs shows in the connections'
// states and in the audit log.
func (s *Service) CompareDue(ctx context.Context) error {
	all, err := s.cat.ListGroups(ctx, "")
	if err != nil {
		return err
	}
	var errs []error
	for _, g := range all {
		if ctx.Err() == nil && s.due(g) {
			errs = append(errs, s.compare(ctx, g))
		}
	}
	return errors.Join(errs...)
}

// due reports whether the connections of g are to be compared.
func (s *Service) due(g groups.Group) bool {
	working := s.working(g)
	if len(working) < 2 {
		return false
	}
	s.mu.Lock()
	last, ever := s.compared[g.ID]
	s.mu.Unlock()
	return !ever || last.version != g.Version || s.cfg.Now().Sub(last.at) >= s.cfg.CompareEvery ||
		slices.ContainsFunc(working, func(st slotkeys.Status) bool { return st.Since.After(last.at) })
}

// working returns the connections of g that work.
func (s *Service) working(g groups.Group) []slotkeys.Status {
	if !g.Kind.HSM() || len(g.Connections) < 2 {
		return nil
	}
	return slices.DeleteFunc(s.slots.Statuses(g), func(st slotkeys.Status) bool { return st.State != slotkeys.Connected })
}

// compare compares the keys behind the connections of g that work.
func (s *Service) compare(ctx context.Context, g groups.Group) error {
	_, err := s.differences(ctx, g, nil)
	return err
}

// compareSynced is compare after a sync that has read one inventory already. It
// returns a warning for each connection that differs.
func (s *Service) compareSynced(ctx context.Context, g groups.Group, through id.Connection, inventory []hsm.Object) []keysync.Warning {
	s.settle(ctx, g)
	found, err := s.differences(ctx, g, map[id.Connection][]hsm.Object{through: inventory})
	if err != nil {
		return []keysync.Warning{{Message: "the keys behind the group's connections were not compared; that is tried again"}}
	}
	var warnings []keysync.Warning
	for _, conn := range g.ByPriority() {
		if d := found[conn.ID]; !d.None() {
			warnings = append(warnings, keysync.Warning{Message: "the connection to " + conn.Address + " differs from the group's others: " + d.String()})
		}
	}
	return warnings
}

// checking is how long a sync waits to know which connections work.
const checking = 3 * time.Second

// settle waits until it is known which connections of g work, that have just
// been made or changed.
func (s *Service) settle(ctx context.Context, g groups.Group) {
	if len(g.Connections) < 2 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checking)
	defer cancel()
	s.slots.AwaitStatuses(ctx, g)
}

// differences compares the keys behind the connections of g that work, using
// inventories that were read already, and takes note of what it finds. What
// seems to differ is read a second time: somebody may have made a key between
// two readings.
func (s *Service) differences(ctx context.Context, g groups.Group, have map[id.Connection][]hsm.Object) (map[id.Connection]keysync.Difference, error) {
	working := s.working(g)
	if len(working) < 2 {
		return nil, nil
	}
	end, err := s.turn(ctx, g.ID)
	if err != nil {
		return nil, err
	}
	defer end()
	begun := s.cfg.Now()
	found, err := s.difference(ctx, g, working, have)
	for _, d := range found {
		if !d.None() && err == nil {
			found, err = s.difference(ctx, g, working, nil)
			break
		}
	}
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.compared[g.ID] = comparison{begun, g.Version}
	s.mu.Unlock()
	return found, s.tell(ctx, g, found)
}

// turn waits until nobody else compares the keys of g. The caller calls end.
func (s *Service) turn(ctx context.Context, g id.Group) (end func(), err error) {
	mine := make(chan struct{})
	for {
		s.mu.Lock()
		other, busy := s.comparing[g]
		if !busy {
			s.comparing[g] = mine
			s.mu.Unlock()
			return func() {
				s.mu.Lock()
				delete(s.comparing, g)
				s.mu.Unlock()
				close(mine)
			}, nil
		}
		s.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "waiting for keys to be compared").Because(fault.TimedOut)
		}
	}
}

// difference compares the keys behind these connections, read one after the other.
func (s *Service) difference(ctx context.Context, g groups.Group, working []slotkeys.Status, have map[id.Connection][]hsm.Object) (map[id.Connection]keysync.Difference, error) {
	near, err := s.near(ctx, g)
	if err != nil {
		return nil, err
	}
	watch := s.keyring.Watch(near)
	defer watch.End()
	inventories := make([][]hsm.Object, len(working))
	for i, st := range working {
		objects, read := have[st.Connection.ID]
		if !read {
			err := s.slots.InventoryThrough(ctx, g, st.Connection.ID, func(o hsm.Object) error {
				objects = append(objects, o)
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
		inventories[i] = objects
	}
	known, err := s.known(ctx, g)
	if err != nil {
		return nil, err
	}
	touched, err := watch.Touched(ctx)
	if err != nil {
		return nil, err
	}
	for i := range inventories {
		inventories[i], _ = untouched(inventories[i], known, touched)
	}
	found := map[id.Connection]keysync.Difference{}
	for i, d := range keysync.Compare(inventories, known) {
		found[working[i].Connection.ID] = d
	}
	return found, nil
}

// tell has the states of the connections and the audit log know of differences.
func (s *Service) tell(ctx context.Context, g groups.Group, found map[id.Connection]keysync.Difference) error {
	system := access.Caller{Principal: id.Principal{Kind: id.SystemPrincipal, ID: "comparison"}, Account: g.Account}
	var errs []error
	for _, c := range s.slots.Differ(g, found) {
		e := ledger.Entry{Caller: system, Action: "connections compared", Object: string(c), Group: g.ID}
		detail := "the keys agree with those of the group's other connections again"
		if d := found[c]; !d.None() {
			detail = "differs from the group's other connections: " + d.String()
		}
		errs = append(errs, s.ledger.Noted(ctx, e, detail))
	}
	return errors.Join(errs...)
}
