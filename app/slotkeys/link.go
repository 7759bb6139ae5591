package slotkeys

import (
	"context"
	"sync"

	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/ports/token"
)

// link is the way to one token, under one configuration of its connection.
type link struct {
	links *links
	conn  groups.Connection
	busy  chan struct{} // holds one element while somebody dials

	mu      sync.Mutex
	open    *opened
	refused error // the PIN was refused: not to be tried again
	insist  bool  // a person asked for the next try
	retired bool  // the connection was changed or is no more
}

// opened is a token and who uses it. It is closed when it was given up and its
// last user is done, so that calls under way end with the token that they began with.
type opened struct {
	token   token.Token
	users   int // under the link's lock
	givenUp bool
}

// acquire returns the open token, opening it when there is none. The caller releases it.
func (l *link) acquire(ctx context.Context) (*opened, error) {
	if o, err := l.state(); o != nil || err != nil {
		return o, err
	}
	select {
	case l.busy <- struct{}{}:
		defer func() { <-l.busy }()
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "connecting to the HSM took too long").Because(fault.TimedOut)
	}
	if o, err := l.state(); o != nil || err != nil {
		return o, err
	}
	t, err := l.links.dialled(ctx, l.conn, l.insists())
	if err != nil {
		if fault.ReasonOf(err).Credential() {
			l.refuse(err)
		}
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	o := &opened{token: t, users: 1, givenUp: l.retired}
	if !l.retired { // otherwise it serves this caller alone
		l.open = o
	}
	return o, nil
}

// state returns the open token acquired, or why there will be none.
func (l *link) state() (*opened, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refused != nil {
		return nil, l.refused
	}
	if l.open != nil {
		l.open.users++
	}
	return l.open, nil
}

// insists reports whether a person asked for this try, once.
func (l *link) insists() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	insist := l.insist
	l.insist = false
	return insist
}

// release gives back an acquired token.
func (l *link) release(o *opened) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o.users--
	l.closeUnused(o)
}

// closeUnused closes a token that was given up and has no user. The caller
// holds l.mu.
func (l *link) closeUnused(o *opened) {
	if o.givenUp && o.users == 0 {
		go l.links.shut(o.token)
	}
}

// giveUp gives up the token. The caller holds l.mu.
func (l *link) giveUp() {
	if o := l.open; o != nil {
		l.open, o.givenUp = nil, true
		l.closeUnused(o)
	}
}

func (l *link) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.giveUp()
}

// refuse records that the token refuses the PIN, and gives it up.
func (l *link) refuse(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused = err
	l.giveUp()
}

// refusal returns why the PIN is not tried again, if it is not.
func (l *link) refusal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused
}

// retry lets a refused PIN be tried once more.
func (l *link) retry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused, l.insist = nil, true
}

// retire gives up the token and whatever is opened later, and returns why the
// PIN is not tried again, if it is not.
func (l *link) retire() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.retired = true
	l.giveUp()
	return l.refused
}
