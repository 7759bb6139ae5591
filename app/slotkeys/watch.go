package slotkeys

import (
	"context"
	"sync"
	"time"

	"gatehouse/core/failover"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
)

// Watch keeps what is known of all connections fresh until ctx ends. List
// returns all groups.
//
// A connection that serves requests is not probed. One that nobody uses is
// probed every ProbeEvery, one that failed by its breaker's schedule, one whose
// PIN was refused never. At most one probe is under way for one slot of one
// gateway, however many connections lead there, and what it finds wrong with
// the gateway or the slot holds for all of them.
func (b *Backend) Watch(ctx context.Context, list func(context.Context) ([]groups.Group, error)) {
	w := watch{b: b, at: map[string]*link{}, turns: make(chan struct{}, probesAtOnce)}
	defer w.probes.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-b.links.woken:
		}
		if now := b.cfg.Now(); now.Sub(w.listed) >= listEvery || now.Before(w.listed) {
			w.listed = now
			w.adoptAll(ctx, list)
		}
		timer.Reset(w.round(ctx))
	}
}

const (
	listEvery    = 10 * time.Second       // groups are looked at so often: another node may have changed them
	roundEvery   = time.Second            // at the latest
	roundLeast   = 20 * time.Millisecond  // at the earliest, unless woken
	stuckAfter   = 2 * time.Second        // calls under way and no answer for so long: the connection is probed
	probeLeast   = 200 * time.Millisecond // between two probes of one connection, whatever happens
	probesAtOnce = 16
)

type watch struct {
	b      *Backend
	listed time.Time
	probes sync.WaitGroup
	turns  chan struct{} // holds an element for each probe under way

	mu sync.Mutex
	at map[string]*link // by place: the link through which it is probed
}

func (w *watch) adoptAll(ctx context.Context, list func(context.Context) ([]groups.Group, error)) {
	all, err := list(ctx)
	if err != nil {
		return // the store is out of reach: what is known is watched on
	}
	for _, g := range all {
		if g.Kind.HSM() {
			_, _ = w.b.links.roster(g) // deleted meanwhile, or closed
		}
	}
}

// round begins the probes that are due, and returns when the next may be.
func (w *watch) round(ctx context.Context) time.Duration {
	now := w.b.cfg.Now()
	next := roundEvery
	for _, l := range w.b.links.all() {
		if _, unknown := l.unrecorded(); unknown && l.recording.TryLock() {
			l.recording.Unlock()
			w.probes.Go(func() { l.record(ctx) })
		}
		l.overdueBy(now)
		wait, ever := l.due(now)
		switch {
		case !ever:
		case wait > 0:
			next = min(next, wait)
		default:
			w.begin(ctx, l)
		}
	}
	return max(next, roundLeast)
}

// begin begins a probe unless one is under way at that place, or too many are.
func (w *watch) begin(ctx context.Context, l *link) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at[l.place] != nil {
		return
	}
	select {
	case w.turns <- struct{}{}:
	default:
		return // in the next round
	}
	w.at[l.place] = l
	within := l.beginProbe()
	w.probes.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, within)
		_, err := l.check(ctx, false)
		if ctx.Err() == nil || err != nil && fault.ReasonOf(err) == fault.TimedOut {
			w.tell(l, err)
		}
		cancel()
		l.endProbe()
		w.mu.Lock()
		delete(w.at, l.place)
		w.mu.Unlock()
		<-w.turns
		w.b.links.wake()
	})
}

// tell tells the other links at a place what a probe of one of them has found.
func (w *watch) tell(from *link, err error) {
	for _, l := range w.b.links.all() {
		if l != from && l.place == from.place {
			l.hear(err)
		}
	}
}

// hear takes note of what the probe of another link to the same slot has found.
func (l *link) hear(err error) {
	switch fault.ReasonOf(err) {
	case fault.Refused, fault.Unreachable, fault.TLSRefused, fault.WrongSlot, fault.PINUnset, fault.Incompatible, fault.TimedOut, fault.TokenFailed, fault.LibraryDown:
		l.note(failover.Probing, nil)
		l.note(failover.Broken, err)
	default:
		if err == nil {
			l.goodNews()
		}
	}
}

// goodNews is for a link whose slot works: an open token is as good as checked,
// and one that was passed over is probed now.
func (l *link) goodNews() {
	l.mu.Lock()
	works := l.open != nil && l.connected()
	soon := l.breaker.State() == failover.Open
	l.early = l.early || soon
	l.mu.Unlock()
	if works {
		l.note(failover.Answered, nil)
	}
}

// due returns how long until the link is to be probed; ever is false when it is not.
func (l *link) due(now time.Time) (wait time.Duration, ever bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.retired, l.probing, l.opening != nil, l.refused != nil:
		return 0, false
	case l.early:
		return 0, true
	}
	wait, ever = l.scheduled(now)
	return max(wait, probeLeast-now.Sub(l.probed)), ever
}

// scheduled is due without the least time between two probes. The caller holds l.mu.
func (l *link) scheduled(now time.Time) (wait time.Duration, ever bool) {
	if !l.known {
		return 0, true
	}
	switch l.breaker.State() {
	case failover.Open:
		return l.breaker.Retry().Sub(now), true
	case failover.Closed:
		stuck := l.under > 0 && now.Sub(l.good) >= stuckAfter && now.Sub(l.probed) >= stuckAfter
		if l.breaker.Suspect() || stuck {
			return 0, true
		}
		return l.idle.Sub(now), true
	case failover.HalfOpen, failover.Held: // a request is finding out; nobody may
	}
	return 0, false
}

// beginProbe takes note that a probe begins, and returns how long it may take.
func (l *link) beginProbe() (within time.Duration) {
	cfg := l.links.cfg
	l.note(failover.Probing, nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.probing, l.overdue, l.early, l.probed = true, false, false, cfg.Now()
	l.probeWithin = cfg.ProbeWithin
	if l.open == nil {
		l.probeWithin += cfg.ConnectWithin
	}
	return l.probeWithin
}

func (l *link) endProbe() {
	l.note(failover.Dropped, nil) // unless it has told something
	l.mu.Lock()
	defer l.mu.Unlock()
	l.probing = false
}

// overdueBy gives up a probe that hangs though its time is over.
func (l *link) overdueBy(now time.Time) {
	l.mu.Lock()
	hangs := l.probing && !l.overdue && now.Sub(l.probed) > l.probeWithin+moment
	l.overdue = l.overdue || hangs
	l.mu.Unlock()
	if hangs {
		l.note(failover.Broken, fault.New(fault.Unavailable, "the HSM does not answer").Because(fault.TimedOut))
	}
}
