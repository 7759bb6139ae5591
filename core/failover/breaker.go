package failover

import "time"

// State tells what may be sent through a connection.
type State string

// The states of a breaker. The first is that of the zero Breaker.
const (
	Closed   State = "closed"    // requests use the connection
	Open     State = "open"      // requests pass it over; it is probed when Retry is due
	HalfOpen State = "half-open" // as Open, while a probe is under way
	Held     State = "held"      // its PIN was refused: nothing is sent until a person acts
)

// Event is what a breaker reacts to.
type Event string

// The events.
const (
	Succeeded Event = "succeeded" // a call was answered, with a refusal of the request too
	Broken    Event = "broken"    // the connection cannot be made, or a probe failed
	Failed    Event = "failed"    // a call failed on the server's side
	Probing   Event = "probing"   // a probe, or a request in its place, begins
	Answered  Event = "answered"  // a probe was answered
	Dropped   Event = "dropped"   // a probe ended and tells nothing: the caller went away, or the gateway was busy
	Refused   Event = "refused"   // the PIN was refused
	Reset     Event = "reset"     // a person changed or tested the connection
)

// Events lists the events, for tables that must be complete.
func Events() []Event {
	return []Event{Succeeded, Broken, Failed, Probing, Answered, Dropped, Refused, Reset}
}

// Tolerated is how many calls in a row may fail on the server's side before the
// connection is passed over. One alone says little about real HSMs: the probe
// that it brings about decides.
const Tolerated = 3

// Breaker is the circuit breaker of one connection. It is a value: Next returns
// the one after an event. The zero Breaker is closed.
type Breaker struct {
	state    State     // empty: Closed
	failures int       // in a row, while closed
	tries    int       // probes that failed since a call last succeeded
	retry    time.Time // when the next probe is due, while open
}

// State returns the breaker's state.
func (b Breaker) State() State {
	if b.state == "" {
		return Closed
	}
	return b.state
}

// Suspect reports whether the last call failed while the breaker is closed: it
// is time to probe.
func (b Breaker) Suspect() bool { return b.State() == Closed && b.failures > 0 }

// Retry returns when the next probe is due while the breaker is open.
func (b Breaker) Retry() time.Time { return b.retry }

// Next returns the breaker after an event at the given time. Jitter, from 0 to
// below 1, spreads the probes of many connections over time.
func (b Breaker) Next(e Event, now time.Time, jitter float64) Breaker {
	switch {
	case e == Reset:
		return Breaker{}
	case e == Refused:
		return Breaker{state: Held}
	case b.State() == Held:
		return b
	}
	switch e {
	case Succeeded:
		return Breaker{} // even while open: a call that began before has shown that it works
	case Answered:
		return Breaker{tries: b.tries} // on trial until a call has succeeded
	case Broken, Failed:
		b.failures++
		switch {
		case b.state == Open: // a late failure of an earlier call
		case b.state == HalfOpen, e == Broken, b.failures >= Tolerated, b.tries > 0:
			return b.open(now, jitter)
		}
	case Probing:
		if b.state == Open {
			b.state = HalfOpen
		}
	case Dropped:
		if b.state == HalfOpen {
			b.state = Open
		}
	case Refused, Reset: // above
	}
	return b
}

// open returns b open, its next probe due after the back-off.
func (b Breaker) open(now time.Time, jitter float64) Breaker {
	return Breaker{state: Open, tries: b.tries + 1, retry: now.Add(Backoff(b.tries, jitter))}
}

// The back-off: a connection that has just failed is probed often, so that it
// serves again soon; one that stays away is left in peace.
const (
	firstRetry = 250 * time.Millisecond
	soonRetry  = time.Second // the longest for the first tries
	soonTries  = 30
	lastRetry  = 15 * time.Second
)

// Backoff returns how long to wait before the probe that follows so many failed
// ones: 250 ms, 500 ms, then a second for about half a minute, then twice as
// long each time up to 15 seconds. Jitter takes up to a fifth off.
func Backoff(failed int, jitter float64) time.Duration {
	d := firstRetry << min(failed, 2)
	for n := failed - soonTries; n >= 0 && d < lastRetry; n-- {
		d *= 2
	}
	d = min(d, lastRetry)
	return d - time.Duration(float64(d)/5*min(max(jitter, 0), 1))
}
