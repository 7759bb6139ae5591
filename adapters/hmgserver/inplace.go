package hmgserver

import (
	"context"
	"sync/atomic"
	"time"
)

// A request that is alone is done in the goroutine that read it: a switch of
// goroutines would cost as much as the rest. Nobody reads the connection
// meanwhile, so that this is for slots whose calls are quick, and when one turns
// out to be slow after all another reader takes over. A timer for each call, or a
// ticker of a millisecond, would cost more than is won (in a virtual machine a
// timer that is near is dear): the server's lookout passes by now and then.

const (
	quick   = 200 * time.Microsecond // what calls may take on average to be done in place
	alone   = 2 * time.Millisecond   // the same in a worker, whose gateway has others for what comes meanwhile
	lookout = 20 * time.Millisecond  // a reader that is met twice in one call is replaced
	yawns   = 50                     // rounds without work after which the lookout sleeps
)

// place tells what the reader of a connection is doing: 0 when it reads,
// otherwise the number of a call in place, times 4, plus how often it was met there.
type place struct {
	now  atomic.Uint64
	last uint64 // the reader's
}

// inPlace does job in the reader's goroutine. It returns false when another
// reads now.
func (c *conn) inPlace(job func()) bool {
	c.reading.Add(1) // for the other reader
	c.place.last++
	call := c.place.last << 2
	c.place.now.Store(call)
	c.s.lookout.alert()
	job()
	if c.place.now.CompareAndSwap(call, 0) || c.place.now.CompareAndSwap(call+1, 0) {
		c.reading.Done()
		return true
	}
	return false
}

// meet is the lookout passing by. It reports whether the reader does a call.
func (c *conn) meet() bool {
	switch at := c.place.now.Load(); {
	case at == 0:
		return false
	case at&3 == 0:
		c.place.now.CompareAndSwap(at, at+1)
	case c.place.now.CompareAndSwap(at, 0):
		go c.read()
	}
	return true
}

// watcher is what is known of the lookout.
type watcher struct {
	needed atomic.Bool // a call was done in place since the last round
	asleep atomic.Bool
	wake   chan struct{}
}

// alert tells the lookout that there is something to watch.
func (w *watcher) alert() {
	if !w.needed.Load() {
		w.needed.Store(true)
	}
	if w.asleep.Load() {
		nudge(w.wake)
	}
}

// lookOut passes by all connections, again and again while there is something
// to watch, until the server has ended.
func (s *Server) lookOut(ctx context.Context) {
	round := time.NewTicker(lookout)
	defer round.Stop()
	for idle := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-s.over:
			return
		case <-round.C:
		}
		if idle++; s.meetAll() || s.lookout.needed.Swap(false) { //nolint:contextcheck // requests have contexts of their own
			idle = 0
		}
		if idle < yawns {
			continue
		}
		s.lookout.asleep.Store(true)
		if !s.lookout.needed.Load() { // otherwise who needs it may not have seen that it sleeps
			round.Stop()
			select {
			case <-ctx.Done():
				return
			case <-s.over:
				return
			case <-s.lookout.wake:
			}
			round.Reset(lookout)
		}
		s.lookout.asleep.Store(false)
		idle = 0
	}
}

func (s *Server) meetAll() (busy bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		busy = c.meet() || busy
	}
	return busy
}
