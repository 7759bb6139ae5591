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
// likely to have their turn in time. The limit rises while jobs are brief: each of
// several processes then has something to go on with while what it has done is on
// its way back. Where they are not, more would only wait at the token, for which a
// call's time runs already. Its workers stay for a while when they have nothing to
// do: a new goroutine would have to grow its stack for each job, which costs more
// than the rest.
type lane struct {
	least, most int // the bounds of limit
	depth       int
	bytes       int64         // that may wait
	longest     time.Duration // that a job may have to wait, as far as can be told; 0: as its deadline says
	meter       *meter.Slot

	pace atomic.Int64 // what a job takes on average, in nanoseconds
	last atomic.Int64 // when one ended, in nanoseconds since 1970

	mu      sync.Mutex
	limit   int // of jobs at once
	running int
	full    time.Time // since when as many run as may
	waiting []waiter
	held    int64         // bytes of those that wait
	idle    []chan func() // workers without a job; the last one worked last
	spare   int           // how many of these have had none since the lane was last thinned
	closed  bool
}

// brief is how long jobs take on average, at most, while more of them are run at once.
const brief = 100 * time.Millisecond

// newLane returns a lane that runs least jobs at once, or up to most while they are brief.
func newLane(least, most, depth int, bytes int64, longest time.Duration, m *meter.Slot) lane {
	return lane{least: least, most: most, limit: least, depth: depth, bytes: bytes, longest: longest, meter: m}
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
	// Of so many that run at once one ends every pace/running.
	wait = time.Duration(before+1) * pace / time.Duration(l.running)
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

// next gives a place up. It returns a job that waits, if there is a place for it, and
// has further ones started for which there are places.
func (l *lane) next() (job func()) {
	l.running--
	l.adapt()
	for len(l.waiting) > 0 && l.place() {
		if w := l.first(); job == nil {
			job = w
		} else {
			l.start(w)
		}
	}
	return job
}

// adapt moves the limit when a job has ended.
func (l *lane) adapt() {
	switch {
	case l.running == 0: // who comes next may ask for something else
		l.limit = l.least
	case time.Duration(l.pace.Load()) > brief:
		l.limit = max(l.least, l.limit/2)
	case len(l.waiting) > 0:
		l.limit = min(l.most, l.limit+1)
	}
}

// first takes the job out that has waited longest.
func (l *lane) first() func() {
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
