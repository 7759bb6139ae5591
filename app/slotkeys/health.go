package slotkeys

import (
	"context"
	"sync"
	"time"

	"gatehouse/core/failover"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/keysync"
)

// health is what is known of a link's connection, under the link's lock.
type health struct {
	breaker failover.Breaker
	verdict chan struct{} // while it is half-open: closed when it is no more
	known   bool          // something was learnt
	err     error         // why it is not connected
	since   time.Time
	checked time.Time
	good    time.Time // when a call was last answered
	idle    time.Time // when it is probed although nothing is wrong

	checkedOnce chan struct{} // closed when known

	refused   error        // the PIN was refused: it is not to be tried again
	stored    fault.Reason // what the store knows of that
	recording sync.Mutex   // held by who tells the store; taken before the link's lock

	probing     bool
	probed      time.Time // when the last probe began
	early       bool      // it is probed before its time
	probeWithin time.Duration
	overdue     bool               // the probe was given up and is still under way
	different   keysync.Difference // how its keys differ from those of the group's other connections
}

// State is the state of a connection as views tell it.
type State string

// The states.
const (
	Unknown      State = "Not Checked Yet"
	Connected    State = "Connected"
	NotConnected State = "Not Connected"
)

// Status is what is known of one connection.
type Status struct {
	Connection groups.Connection
	State      State
	Err        error              // why it is not connected: "Not Connected: …"
	Since      time.Time          // since when it is in this state
	Checked    time.Time          // when that was last seen
	Difference keysync.Difference // how its keys differ from those of the group's other connections, as far as anybody knows
}

// Statuses returns the state of each connection of g by priority, without
// asking any HSM.
func (b *Backend) Statuses(g groups.Group) []Status {
	conns := g.ByPriority()
	all := make([]Status, len(conns))
	for i, conn := range conns {
		all[i] = Status{Connection: conn, State: Unknown}
		if l := b.links.look(g.ID, conn); l != nil {
			all[i] = l.status()
			all[i].Connection = conn // with its present order
		}
	}
	return all
}

// AwaitStatuses is Statuses for who has changed a connection and wants to see
// the effect: it waits until each connection was checked once, or ctx ends.
func (b *Backend) AwaitStatuses(ctx context.Context, g groups.Group) []Status {
	for _, conn := range g.Connections {
		if l := b.links.look(g.ID, conn); l != nil {
			select {
			case <-l.checkedOnce:
			case <-ctx.Done():
			}
		}
	}
	return b.Statuses(g)
}

func (l *link) status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Status{Connection: l.conn, State: Unknown, Since: l.since, Checked: l.checked, Difference: l.different}
	switch {
	case !l.known:
	case l.connected():
		s.State = Connected
	default:
		s.State, s.Err = NotConnected, notConnected(l.err)
	}
	return s
}

// connected reports whether requests use the connection. The caller holds l.mu.
func (l *link) connected() bool { return l.breaker.State() == failover.Closed }

// usable reports whether requests use the connection, and why it must not even
// be tried, if so.
func (l *link) usable() (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.connected() && l.refused == nil && (l.opening == nil || !l.opening.slow), l.refused
}

// beginTrial lets one request find out whether a connection works that is
// passed over: trial is true for that one. Whoever comes meanwhile waits a
// moment for what it finds.
func (l *link) beginTrial(ctx context.Context) (trial bool, patience time.Duration, err error) {
	l.mu.Lock()
	verdict := l.verdict
	switch {
	case l.opening != nil: // which is waited for
		l.mu.Unlock()
		return false, moment, nil
	case l.breaker.State() != failover.HalfOpen:
		defer l.mu.Unlock()
		l.turn(failover.Probing, l.links.cfg.Now(), 0)
		return l.breaker.State() == failover.HalfOpen, 0, nil
	}
	l.mu.Unlock()
	wait := time.NewTimer(moment)
	defer wait.Stop()
	select {
	case <-verdict:
	case <-wait.C:
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.connected() || l.err == nil {
		return false, moment, nil
	}
	return false, 0, l.err
}

// turn has the breaker react to an event. The caller holds l.mu.
func (l *link) turn(e failover.Event, now time.Time, jitter float64) {
	before := l.breaker.State()
	l.breaker = l.breaker.Next(e, now, jitter)
	switch half := l.breaker.State() == failover.HalfOpen; {
	case half && before != failover.HalfOpen:
		l.verdict = make(chan struct{})
	case !half && before == failover.HalfOpen:
		close(l.verdict)
	}
}

// note takes note of an event, and of the error that came with it.
func (l *link) note(e failover.Event, err error) {
	cfg := l.links.cfg
	now := cfg.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.connected()
	l.turn(e, now, cfg.Jitter())
	if e == failover.Dropped || e == failover.Probing {
		return
	}
	l.checked = now
	switch {
	case l.connected():
		l.err = nil
		if e == failover.Succeeded || e == failover.Answered || e == failover.Reset {
			l.good = now
			l.idle = now.Add(cfg.ProbeEvery - time.Duration(cfg.Jitter()*float64(cfg.ProbeEvery)/5))
		}
	case err != nil:
		l.err = err
	}
	if !l.known || before != l.connected() {
		l.since = now
	}
	l.learnt()
	if before && !l.connected() { // let those go on elsewhere who can
		for cancel := range l.cut {
			(*cancel)()
		}
	}
	if before != l.connected() || l.breaker.Suspect() {
		l.links.wake()
	}
}

// learnt takes note that something is known. The caller holds l.mu.
func (l *link) learnt() {
	if !l.known {
		l.known = true
		close(l.checkedOnce)
	}
}

// differs reports whether the keys behind the link are known to differ.
func (l *link) differs() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.different.None()
}
