package slotkeys

import (
	"context"
	"time"

	"gatehouse/core/failover"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
)

// learn takes over what the store says of the PIN, when that is news.
func (l *link) learn(r groups.Refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Reason == l.stored {
		return // what is not recorded yet is newer
	}
	l.stored = r.Reason
	switch {
	case r.Reason != fault.Unspecified && l.refused == nil:
		l.refused = fault.New(fault.Unavailable, "the PIN was refused before; it is not tried again until the connection is changed or tested").Because(r.Reason)
		l.turn(failover.Refused, r.At, 0)
		l.err, l.since, l.checked = l.refused, r.At, r.At
		l.learnt()
		l.giveUp()
	case r.Reason == fault.Unspecified && l.refused != nil: // a person has tested it at another node
		l.refused, l.err = nil, nil
		l.turn(failover.Reset, l.checked, 0)
	}
}

// refuse takes note that the token refuses the PIN, gives it up, and has that
// recorded before anybody is told.
func (l *link) refuse(ctx context.Context, err error) {
	l.mu.Lock()
	l.refused = err
	l.giveUp()
	l.mu.Unlock()
	l.record(ctx)
}

// accepted takes note that the token has accepted the PIN, and tells what that
// means for the breaker.
func (l *link) accepted(ctx context.Context) failover.Event {
	l.mu.Lock()
	held := l.refused != nil
	l.refused = nil
	l.mu.Unlock()
	l.record(ctx)
	if held {
		return failover.Reset
	}
	return failover.Answered
}

// record has the store know whether the PIN was refused.
func (l *link) record(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
	defer cancel()
	l.recording.Lock()
	defer l.recording.Unlock()
	r, unknown := l.unrecorded()
	if !unknown || l.links.cfg.Remember(ctx, l.group, l.conn, r) != nil {
		return // Watch tries again
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stored = r.Reason
}

// unrecorded returns what the store should know of the PIN, and whether it does not.
func (l *link) unrecorded() (r groups.Refusal, unknown bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refused != nil {
		r = groups.Refusal{Reason: fault.ReasonOf(l.refused), At: l.links.cfg.Now()}
	}
	return r, !l.retired && r.Reason != l.stored
}

// recordWithin bounds how long a refused PIN waits to be recorded.
const recordWithin = 10 * time.Second
