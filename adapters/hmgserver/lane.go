package hmgserver

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/app/meter"
	"gatehouse/core/fault"
)

// A lane runs jobs, a limited number at once; others wait, as many as are
// likely to have their turn in time. Its workers stay for a while when they have
// nothing to do: a new goroutine would have to grow its stack for each job, which
// costs more than the rest.
type lane struct {
	limit, depth int
	bytes        int64         // that may wait
	longest      time.Duration // that a job may have to wait, as far as can be told; 0: as its deadline says
	meter        *meter.Slot

	pace atomic.Int64 // what a job takes on average, in nanoseconds
	last atomic.Int64 // when one ended, in nanoseconds since 1970

	mu      sync.Mutex
	running int
	full    time.Time // since when as many run as may
	waiting []waiter
	held    int64         // bytes of those that wait
	idle    []chan func() // workers without a job; the last one worked last
	spare   int           // how many of these have had none since the lane was last thinned
	closed  bool
}

// waiter is a job that waits. Exactly one of its functions is called.
type waiter struct {
	do     func()
	refuse func(error)
	bytes  int64
	end    time.Time // of the time that there is for it
	since  time.Time
}

// took takes note of how long a job took, and when it ended.
func (l *lane) took(begun time.Time, d time.Duration) {
	pace := l.pace.Load()
	if pace == 0 {
		pace = int64(d)
	}
	l.pace.Store(pace + (int64(d)-pace)/8) // one lost to another that is stored at once does no harm
	l.last.Store(begun.UnixNano() + int64(d))
}

// quick reports whether jobs take less than so long lately.
func (l *lane) quick(limit time.Duration) bool { return l.pace.Load() < int64(limit) }

// enter takes a place for a job that its caller does itself. It must leave.
func (l *lane) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.place()
}

// place takes a place, if there is one.
func (l *lane) place() bool {
	if l.running >= l.limit {
		return false
	}
	if l.running++; l.running == l.limit {
		l.full = time.Now()
	}
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

// submit has a job done soon, or returns at once why not: too many wait, or so
// many that it would be too late for this one. Both its functions answer the
// request; refuse is called when it turns out later that it would be too late.
func (l *lane) submit(job waiter) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.place() {
		l.start(job.do)
		return nil
	}
	now := time.Now()
	wait, pace := l.expect(now, len(l.waiting))
	switch {
	case len(l.waiting) >= l.depth, l.held+job.bytes > l.bytes:
		l.meter.Busy.Full.Add(1)
		return errBusy(wait)
	case l.late(job, now, wait, pace):
		l.meter.Busy.Late.Add(1)
		return errBusy(wait)
	}
	job.since = now
	l.waiting = append(l.waiting, job)
	l.held += job.bytes
	return nil
}

// late reports whether a job that would have to wait so long must not.
func (l *lane) late(job waiter, now time.Time, wait, pace time.Duration) bool {
	return wait+pace > job.end.Sub(now) || l.longest > 0 && wait > l.longest
}

// shed refuses the jobs for which it has become clear since they came that they
// would have their turn too late: the pace was not known yet, or the token has
// got slower.
func (l *lane) shed(now time.Time) {
	l.mu.Lock()
	var over []waiter
	var wait time.Duration
	kept := l.waiting[:0]
	for _, w := range l.waiting {
		at, pace := l.expect(now, len(kept))
		if l.late(w, now, at, pace) {
			over, wait = append(over, w), at
			l.held -= w.bytes
		} else {
			kept = append(kept, w)
		}
	}
	clear(l.waiting[len(kept):])
	l.waiting = kept
	l.mu.Unlock()
	l.meter.Busy.Late.Add(uint64(len(over)))
	for _, w := range over {
		w.refuse(errBusy(wait))
	}
}

// expect returns how long a job would wait behind so many, and what one takes,
// judging by those that ended lately, or by how long none has.
func (l *lane) expect(now time.Time, before int) (wait, pace time.Duration) {
	pace = time.Duration(l.pace.Load())
	if l.running < l.limit {
		return 0, pace
	}
	since := l.full
	if last := time.Unix(0, l.last.Load()); last.After(since) {
		since = last
	}
	// Of so many that run at once one ends every pace/limit.
	wait = time.Duration(before+1) * pace / time.Duration(l.limit)
	if still := now.Sub(since); still > pace { // nothing ends any more
		wait += still
	}
	return wait, pace
}

// state tells how many run and wait, and how long one more would wait.
func (l *lane) state(now time.Time) (running, waiting int, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	wait, _ = l.expect(now, len(l.waiting))
	return l.running, len(l.waiting), wait
}

// close lets the workers go that have nothing to do.
func (l *lane) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, w := range l.idle {
		close(w)
	}
	l.idle, l.spare = nil, 0
}

// thin lets the workers go that have had nothing to do since it was last called.
func (l *lane) thin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.idle[:l.spare] {
		close(w)
	}
	l.idle = slices.Delete(l.idle, 0, l.spare)
	l.spare = len(l.idle)
}

// start gives job, which has its place, to a worker.
func (l *lane) start(job func()) {
	if n := len(l.idle); n > 0 {
		l.idle[n-1] <- job
		l.idle = l.idle[:n-1]
		l.spare = min(l.spare, n-1)
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
			job = <-mine // nil when it may go
		}
	}
}

// next returns a job that waits, or gives the place up.
func (l *lane) next() func() {
	if len(l.waiting) == 0 {
		l.running--
		return nil
	}
	w := l.waiting[0]
	l.waiting[0] = waiter{}
	l.waiting = l.waiting[1:]
	l.held -= w.bytes
	l.meter.Waited(time.Since(w.since))
	return w.do
}

// How long a client that is refused is told to stay away, at least and at most.
const (
	shortest = 50 * time.Millisecond
	farthest = 30 * time.Second
)

// errBusy is for a request that would have had to wait so long. When half of
// that has passed there is room again.
func errBusy(wait time.Duration) error {
	return fault.New(fault.Unavailable, "the gateway is busy: too many requests wait for this slot").Untried().
		After(min(max(wait/2, shortest), farthest))
}
