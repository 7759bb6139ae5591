// Package meter counts what is done in the slots of a gateway: how long calls
// take, how they fail, what waits and what is refused.
//
// It guarantees that counting a call costs a few atomic additions and never
// waits, that its size is bounded whatever clients ask for, and that it holds no
// key, PIN or name of anybody. adapters/hmgserver counts, adapters/metrics and
// the detailed health tell it. All methods may be called at once.
package meter

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/core/fault"
)

// MaxSlots is how many slots are counted apart; calls to further ones, and to
// slots that nobody has opened yet, are counted together.
const MaxSlots = 64

// Meter counts for all slots. Make it with New.
type Meter struct {
	now    func() time.Time
	others *Slot

	mu    sync.Mutex
	slots map[uint]*Slot
}

// New returns a Meter that has counted nothing.
func New(now func() time.Time) *Meter {
	return &Meter{now: now, others: newSlot(now), slots: map[uint]*Slot{}}
}

// Slot returns what counts for a slot that is open. Keep it: looking it up takes a lock.
func (m *Meter) Slot(number uint) *Slot {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.slots[number]
	switch {
	case s != nil:
	case len(m.slots) >= MaxSlots:
		return m.others
	default:
		s = newSlot(m.now)
		m.slots[number] = s
	}
	return s
}

// Known returns what counts for a slot that was open before, and otherwise for others.
func (m *Meter) Known(number uint) *Slot {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.slots[number]; s != nil {
		return s
	}
	return m.others
}

// Read returns the numbers of the slots that are counted apart, in order, and
// what was counted for each; last what was counted for all others.
func (m *Meter) Read() (numbers []uint, slots []*Slot, others *Slot) {
	m.mu.Lock()
	defer m.mu.Unlock()
	numbers = slices.Sorted(maps.Keys(m.slots))
	for _, n := range numbers {
		slots = append(slots, m.slots[n])
	}
	return numbers, slots, m.others
}

// Slot is what was counted for one slot.
type Slot struct {
	Busy Refusals // calls that were refused because too much waits

	now    func() time.Time
	took   [numClasses]histogram
	waited histogram
	failed [][]atomic.Uint64 // by kind and reason, in the order of kinds and reasons

	mu   sync.Mutex
	last map[cause]time.Time
}

// Refusals count calls that were not even tried.
type Refusals struct{ Full, Late atomic.Uint64 }

// cause is why a call failed.
type cause struct {
	kind   fault.Kind
	reason fault.Reason
}

var (
	kinds   = fault.Kinds()
	reasons = append([]fault.Reason{fault.Unspecified}, fault.Reasons()...)
)

func newSlot(now func() time.Time) *Slot {
	s := &Slot{now: now, failed: make([][]atomic.Uint64, len(kinds)), last: map[cause]time.Time{}}
	for i := range s.failed {
		s.failed[i] = make([]atomic.Uint64, len(reasons))
	}
	return s
}

// Did counts a call that was made: how long it took, and how it failed.
func (s *Slot) Did(c Class, took time.Duration, err error) {
	s.took[c].observe(took)
	if err != nil {
		s.Failed(err)
	}
}

// Failed counts how a call failed that may not have been made.
func (s *Slot) Failed(err error) {
	why := cause{fault.KindOf(err), fault.ReasonOf(err)}
	s.failed[max(slices.Index(kinds, why.kind), 0)][max(slices.Index(reasons, why.reason), 0)].Add(1)
	s.mu.Lock()
	s.last[why] = s.now()
	s.mu.Unlock()
}

// Waited counts how long a call waited until it was made.
func (s *Slot) Waited(d time.Duration) { s.waited.observe(d) }

// Took returns how long calls of a class took.
func (s *Slot) Took(c Class) Histogram { return s.took[c].read() }

// Waits returns how long calls waited that had to.
func (s *Slot) Waits() Histogram { return s.waited.read() }

// Failure is a way in which calls failed.
type Failure struct {
	Kind   fault.Kind
	Reason fault.Reason
	Count  uint64
	Last   time.Time
}

// Failures lists the ways in which calls failed, the latest first.
func (s *Slot) Failures() []Failure {
	s.mu.Lock()
	last := maps.Clone(s.last)
	s.mu.Unlock()
	var list []Failure
	for i, k := range kinds {
		for j, r := range reasons {
			if n := s.failed[i][j].Load(); n > 0 {
				list = append(list, Failure{Kind: k, Reason: r, Count: n, Last: last[cause{k, r}]})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Failure) int { return b.Last.Compare(a.Last) })
	return list
}
