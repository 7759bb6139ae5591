package hmgserver

import (
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/core/fault"
)

// A lane runs jobs, a limited number at once; a limited number wait. Its workers
// stay when they have nothing to do: a new goroutine would have to grow its
// stack for each job, which costs more than the rest.
type lane struct {
	limit, depth int

	pace atomic.Int64 // what a job takes on average, in nanoseconds

	mu      sync.Mutex
	running int
	waiting []func()
	idle    []chan func() // workers without a job; the last one worked last
	closed  bool
}

// took takes note of how long a job took.
func (l *lane) took(d time.Duration) {
	pace := l.pace.Load()
	l.pace.Store(pace + (int64(d)-pace)/8) // one lost to another that is stored at once does no harm
}

// quick reports whether jobs are quick lately.
func (l *lane) quick() bool { return l.pace.Load() < int64(quick) }

// enter takes a place for a job that its caller does itself. It must leave.
func (l *lane) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running >= l.limit {
		return false
	}
	l.running++
	return true
}

// leave gives the place to a job that waits.
func (l *lane) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if job := l.next(); job != nil {
		l.start(job)
	}
}

// submit has job done soon; false when too many wait.
func (l *lane) submit(job func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.running < l.limit:
		l.running++
		l.start(job)
		return true
	case len(l.waiting) < l.depth:
		l.waiting = append(l.waiting, job)
		return true
	default:
		return false
	}
}

// close lets the workers go that have nothing to do.
func (l *lane) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, w := range l.idle {
		close(w)
	}
	l.idle = nil
}

// start gives job, which has its place, to a worker.
func (l *lane) start(job func()) {
	if n := len(l.idle); n > 0 {
		l.idle[n-1] <- job
		l.idle = l.idle[:n-1]
		return
	}
	go l.work(job)
}

// work is a worker.
func (l *lane) work(job func()) {
	mine := make(chan func(), 1)
	for job != nil {
		job()
		l.mu.Lock()
		job = l.next()
		rest := job == nil && !l.closed
		if rest {
			l.idle = append(l.idle, mine)
		}
		l.mu.Unlock()
		if rest {
			job = <-mine // nil when the lane is closed
		}
	}
}

// next returns a job that waits, or gives the place up.
func (l *lane) next() func() {
	if len(l.waiting) == 0 {
		l.running--
		return nil
	}
	job := l.waiting[0]
	l.waiting[0] = nil
	l.waiting = l.waiting[1:]
	return job
}

func errBusy() error {
	return fault.New(fault.Unavailable, "the gateway is busy: too many requests wait for this slot").Untried()
}

// slotLanes are the lanes of one slot.
type slotLanes struct {
	operations, management lane
	users                  int
}

// lanes are those of all slots in use.
type lanes struct {
	limits LaneLimits

	mu sync.Mutex
	of map[uint]*slotLanes
}

func (ls *lanes) hold(slot uint) *slotLanes {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.of[slot]
	if l == nil {
		l = &slotLanes{
			operations: lane{limit: ls.limits.Operations, depth: ls.limits.OperationQueue},
			management: lane{limit: ls.limits.Management, depth: ls.limits.ManagementQueue},
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
