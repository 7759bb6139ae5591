package hmgserver

import (
	"context"
	"sync"
	"time"
)

// deadline is the context of one request. It does what context.WithTimeout
// does for a tenth of the cost, which most requests need: a timer only when
// somebody waits for the end, and no registration with a parent (the connection
// cancels its requests itself).
type deadline struct {
	at time.Time

	mu    sync.Mutex
	err   error
	done  chan struct{}
	timer *time.Timer
	after map[*func()]struct{}
}

var _ context.Context = (*deadline)(nil)

// Deadline returns when the request ends.
func (d *deadline) Deadline() (time.Time, bool) { return d.at, true }

// Value returns nil: a request carries no values.
func (d *deadline) Value(any) any { return nil }

// Err returns why the request has ended; nil while it has not.
func (d *deadline) Err() error {
	d.mu.Lock()
	err := d.err
	d.mu.Unlock()
	if err == nil && !time.Now().Before(d.at) {
		d.end(context.DeadlineExceeded)
		return context.DeadlineExceeded
	}
	return err
}

// Done returns a channel that is closed when the request ends.
func (d *deadline) Done() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.arm()
	return d.done
}

// AfterFunc has f called in a goroutine of its own when the request ends.
// Package context uses it for contexts derived from this one.
func (d *deadline) AfterFunc(f func()) (stop func() bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		go f()
		return func() bool { return false }
	}
	d.arm()
	if d.after == nil {
		d.after = map[*func()]struct{}{}
	}
	key := &f
	d.after[key] = struct{}{}
	return func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		_, waiting := d.after[key]
		delete(d.after, key)
		return waiting
	}
}

// arm makes the channel and the timer.
func (d *deadline) arm() {
	if d.done != nil {
		return
	}
	d.done = make(chan struct{})
	if d.err != nil {
		close(d.done)
		return
	}
	d.timer = time.AfterFunc(time.Until(d.at), func() { d.end(context.DeadlineExceeded) })
}

// end ends the request; the first cause counts.
func (d *deadline) end(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return
	}
	d.err = err
	if d.done != nil {
		close(d.done)
		d.timer.Stop()
	}
	for f := range d.after {
		go (*f)()
	}
	d.after = nil
}

// uninterrupted is the context of a call that cannot be ended once it has begun:
// it tells the deadline, and nobody is told when that passes.
type uninterrupted struct{ *deadline }

// Done returns nil.
func (uninterrupted) Done() <-chan struct{} { return nil }

// Err returns nil, as the channel is never closed.
func (uninterrupted) Err() error { return nil }
