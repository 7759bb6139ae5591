package pkcs11

import "context"

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

// enter waits for its turn in lane l and returns how to leave it.
func (ls lanes) enter(ctx context.Context, l lane) (leave func(), err error) {
	var held []chan struct{}
	leave = func() {
		for _, c := range held {
			<-c
		}
	}
	take := func(c chan struct{}) bool {
		if err != nil {
			return false
		}
		select {
		case c <- struct{}{}:
			held = append(held, c)
		case <-ctx.Done():
			err = ended(ctx)
		}
		return err == nil
	}
	switch l {
	case quick:
	case search:
		take(ls.searches)
		take(ls.slow)
	case write:
		take(ls.writer)
		for range readers {
			take(ls.searches)
		}
		take(ls.slow)
	}
	if err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}
