package slotkeys

import (
	"sync"

	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/ports/seal"
)

// links keeps the connections of all groups, each as it was configured last.
type links struct {
	dial   Dial
	sealer seal.Sealer
	cfg    Config
	woken  chan struct{} // holds one element when Watch has something to do

	mu      sync.RWMutex // taken before a link's
	rosters map[id.Group]*roster
	gone    map[id.Group]bool // deleted: who still has one must not bring it back
	closed  bool
	tokens  sync.WaitGroup // that are open, or being opened
}

// roster is a version of a group: its connections by priority. It is never changed.
type roster struct {
	version int64
	scheme  groups.Redundancy
	links   []*link
}

func newLinks(dial Dial, sealer seal.Sealer, cfg Config) *links {
	return &links{
		dial: dial, sealer: sealer, cfg: cfg, woken: make(chan struct{}, 1),
		rosters: map[id.Group]*roster{}, gone: map[id.Group]bool{},
	}
}

// roster returns the newest version of g that is known: g, or a later one.
func (ls *links) roster(g groups.Group) (*roster, error) {
	ls.mu.RLock()
	r, err := ls.known(g)
	ls.mu.RUnlock()
	if r != nil || err != nil {
		return r, err
	}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if r, err := ls.known(g); r != nil || err != nil {
		return r, err
	}
	return ls.adopt(g), nil
}

// known returns the roster of g unless g is newer. The caller holds ls.mu.
func (ls *links) known(g groups.Group) (*roster, error) {
	switch r := ls.rosters[g.ID]; {
	case ls.closed:
		return nil, errClosed()
	case ls.gone[g.ID]:
		return nil, fault.New(fault.Unavailable, "the group is deleted")
	case r != nil && r.version >= g.Version:
		return r, nil
	default:
		return nil, nil
	}
}

// adopt makes g's connections the ones in use. Those that lead the same way as
// before stay open. The caller holds ls.mu.
func (ls *links) adopt(g groups.Group) *roster {
	before := map[id.Connection]*link{}
	if r := ls.rosters[g.ID]; r != nil {
		for _, l := range r.links {
			before[l.conn.ID] = l
		}
	}
	r := &roster{version: g.Version, scheme: g.Redundancy}
	for _, conn := range g.ByPriority() {
		l := before[conn.ID]
		if l != nil && l.conn.SameWay(conn) {
			delete(before, conn.ID)
			l.learn(conn.Refusal)
		} else {
			l = newLink(ls, g.ID, conn)
		}
		r.links = append(r.links, l)
	}
	for _, l := range before {
		l.retire()
	}
	ls.rosters[g.ID] = r
	return r
}

// find returns a connection of g.
func (ls *links) find(g groups.Group, c id.Connection) (*link, error) {
	r, err := ls.roster(g)
	if err != nil {
		return nil, err
	}
	for _, l := range r.links {
		if l.conn.ID == c {
			return l, nil
		}
	}
	return nil, fault.New(fault.NotFound, "hmg config does not exist")
}

// look returns the link of a connection if it is in use as it is; otherwise nil.
func (ls *links) look(g id.Group, conn groups.Connection) *link {
	ls.mu.RLock()
	defer ls.mu.RUnlock()
	if r := ls.rosters[g]; r != nil {
		for _, l := range r.links {
			if l.conn.SameWay(conn) {
				return l
			}
		}
	}
	return nil
}

// all returns the connections of all groups.
func (ls *links) all() []*link {
	ls.mu.RLock()
	defer ls.mu.RUnlock()
	var all []*link
	for _, r := range ls.rosters {
		all = append(all, r.links...)
	}
	return all
}

// forget gives up the connections of a deleted group.
func (ls *links) forget(g id.Group) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.gone[g] = true
	ls.drop(g)
}

// drop gives up a group's connections. The caller holds ls.mu.
func (ls *links) drop(g id.Group) {
	if r := ls.rosters[g]; r != nil {
		for _, l := range r.links {
			l.retire()
		}
	}
	delete(ls.rosters, g)
}

// close gives up all connections and waits for their tokens.
func (ls *links) close() {
	ls.mu.Lock()
	ls.closed = true
	for g := range ls.rosters {
		ls.drop(g)
	}
	ls.mu.Unlock()
	ls.tokens.Wait()
}

// wake makes Watch look what there is to do.
func (ls *links) wake() {
	select {
	case ls.woken <- struct{}{}:
	default:
	}
}

func errClosed() error { return fault.New(fault.Unavailable, "shutting down") }
