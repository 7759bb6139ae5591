package pkcs11

import (
	"context"
	"iter"
)

// lane is the way in which a call uses a token.
type lane int

const (
	quick  lane = iota // operates with a known handle
	search             // searches for objects or reads attributes
	write              // changes token objects
)

// readers is how many searches there may be at once.
const readers = 8

// lanes keeps writes to token objects apart from searches, because of which
// some tokens fail, and from each other; and slow calls from taking every session.
type lanes struct {
	writer   chan struct{} // held by the one that writes, or waits to
	searches chan struct{} // one place for each search; a writer takes all
	slow     chan struct{} // one place for each session that slow calls may hold
}

func newLanes(sessions int) lanes {
	return lanes{
		writer:   make(chan struct{}, 1),
		searches: make(chan struct{}, readers),
		slow:     make(chan struct{}, max(1, sessions/2)),
	}
}

// enter waits for its turn in lane l, which leave gives back.
func (ls lanes) enter(ctx context.Context, l lane) error {
	held := 0
	for c := range ls.places(l) {
		select {
		case c <- struct{}{}:
			held++
		case <-ctx.Done():
			for c := range ls.places(l) {
				if held == 0 {
					break
				}
				<-c
				held--
			}
			return ended(ctx)
		}
	}
	return nil
}

func (ls lanes) leave(l lane) {
	for c := range ls.places(l) {
		<-c
	}
}

// places yields what a call in lane l has to hold, in the order of taking.
func (ls lanes) places(l lane) iter.Seq[chan struct{}] {
	return func(yield func(chan struct{}) bool) {
		if l == quick || l == write && !yield(ls.writer) {
			return
		}
		n := 1
		if l == write {
			n = readers
		}
		for range n {
			if !yield(ls.searches) {
				return
			}
		}
		yield(ls.slow)
	}
}
