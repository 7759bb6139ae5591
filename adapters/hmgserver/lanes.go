package hmgserver

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"gatehouse/adapters/hmgwire"
	"gatehouse/app/meter"
	"gatehouse/app/report"
)

// slotLanes are the lanes of one slot.
type slotLanes struct {
	operations, management lane
	meter                  *meter.Slot
	users                  int
}

// of returns the lane of a kind of request; nil for one that does not wait,
// because what it is to mend may fill the lanes.
func (l *slotLanes) of(k hmgwire.Kind) *lane {
	switch k {
	case hmgwire.KindHeal:
		return nil
	case hmgwire.KindOperate, hmgwire.KindWrap:
		return &l.operations
	default:
		return &l.management
	}
}

// lanes are those of all slots in use.
type lanes struct {
	limits LaneLimits
	meter  *meter.Meter

	mu sync.Mutex
	of map[uint]*slotLanes
}

func (ls *lanes) hold(slot uint) *slotLanes {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.of[slot]
	if l == nil {
		m, max := ls.meter.Slot(slot), ls.limits
		l = &slotLanes{
			operations: newLane(max.Operations, max.BriefOperations, max.OperationQueue, max.QueueBytes, max.QueueTime, m),
			management: newLane(max.Management, max.Management, max.ManagementQueue, max.QueueBytes, 0, m),
			meter:      m,
		}
		ls.of[slot] = l
	}
	l.users++
	return l
}

func (ls *lanes) release(slot uint) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l := ls.of[slot]; l != nil {
		if l.users--; l.users == 0 {
			delete(ls.of, slot)
			l.operations.close()
			l.management.close()
		}
	}
}

// sweep refuses what would have its turn too late, and lets go who has nothing to
// do, in all lanes.
func (ls *lanes) sweep(now time.Time) {
	ls.mu.Lock()
	slots := slices.Collect(maps.Values(ls.of))
	ls.mu.Unlock()
	for _, s := range slots {
		for _, l := range []*lane{&s.operations, &s.management} {
			l.shed(now)
			l.thin()
		}
	}
}

// Traffic tells what clients do now.
func (s *Server) Traffic() report.Traffic {
	s.mu.Lock()
	t := report.Traffic{Clients: len(s.conns)}
	s.mu.Unlock()
	now := time.Now()
	s.lanes.mu.Lock()
	defer s.lanes.mu.Unlock()
	for slot, l := range s.lanes.of {
		for _, q := range []struct {
			name string
			of   *lane
		}{{"operations", &l.operations}, {"management", &l.management}} {
			running, waiting, wait := q.of.state(now)
			t.Queues = append(t.Queues, report.Queue{
				Slot: slot, Lane: q.name, UnderWay: running, Waiting: waiting, Limit: q.of.depth, Expected: wait, Wait: wait.Seconds(),
			})
		}
	}
	slices.SortFunc(t.Queues, func(a, b report.Queue) int { return cmp.Or(cmp.Compare(a.Slot, b.Slot), cmp.Compare(b.Lane, a.Lane)) })
	return t
}
