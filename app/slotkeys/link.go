package slotkeys

import (
	"context"
	"sync"
	"time"

	"gatehouse/core/failover"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/ports/token"
)

// link is the way to one token, under one configuration of its connection.
type link struct {
	links *links
	group id.Group
	conn  groups.Connection
	place string // equal for links to one slot of one gateway

	mu      sync.Mutex // taken after that of links
	open    *opened
	opening *opening // an attempt that all who need the token wait for
	retired bool     // the connection was changed or is no more
	under   int      // calls under way
	cut     map[*context.CancelFunc]bool

	health
}

// opened is a token and who uses it. It is closed when it was given up and its
// last user is done, so that calls under way end with the token that they began with.
type opened struct {
	token   token.Token
	users   int // under the link's lock
	givenUp bool
}

func newLink(ls *links, g id.Group, conn groups.Connection) *link {
	l := &link{links: ls, group: g, conn: conn, place: place(conn), cut: map[*context.CancelFunc]bool{}}
	l.checkedOnce = make(chan struct{})
	l.learn(conn.Refusal)
	return l
}

// serve does c through the link as p has it, within its share of the time if
// another link can take over. Reached is false when the token was not asked.
func (l *link) serve(ctx, caller context.Context, c call, p picked, share time.Duration) (reached bool, err error) {
	var patience time.Duration
	if p.trial {
		if p.trial, patience, err = l.beginTrial(ctx); err != nil {
			return false, err
		}
	}
	var cut *context.CancelFunc
	if p.left > 1 {
		patience = l.links.cfg.Patience
		if c.repeatable {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, share)
			defer cancel()
			cut = &cancel
		}
	}
	o, err := l.acquire(ctx, patience, false)
	if err != nil {
		if p.trial {
			l.note(failover.Dropped, nil) // what the attempt to open it tells is noted there
		}
		return false, err
	}
	l.cutOff(cut)
	err = c.do(ctx, o.token)
	l.settle(caller, o, cut, p.trial, err)
	if c.elsewhere && failover.Lacking(err) && l.differs() {
		err = fault.Wrap(fault.Unavailable, err, "Not Connected: the HSM that can be reached does not hold this key; the connections of the group lead to different keys")
	}
	return true, err
}

// cutOff has a call ended when the connection is found not to work.
func (l *link) cutOff(cut *context.CancelFunc) {
	if cut != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.cut[cut] = true
	}
}

// settle releases the token after a call, and notes what the call tells of the
// connection: nothing when it failed because the caller went away.
func (l *link) settle(caller context.Context, o *opened, cut *context.CancelFunc, trial bool, err error) {
	e, tells := failover.Judge(err)
	if e == failover.Refused { // it had been accepted before
		l.refuse(caller, err)
	} else if e != failover.Succeeded && caller.Err() != nil {
		tells = false
	}
	l.release(o, cut)
	switch {
	case tells:
		l.note(e, err)
	case trial:
		l.note(failover.Dropped, nil)
	}
}

// acquire returns the open token, opening it when there is none. The caller
// releases it. With patience it does not wait longer than that; insist is for
// who was asked by a person.
func (l *link) acquire(ctx context.Context, patience time.Duration, insist bool) (*opened, error) {
	l.mu.Lock()
	switch {
	case l.retired:
		l.mu.Unlock()
		return nil, errMoved
	case l.refused != nil && !insist:
		defer l.mu.Unlock()
		return nil, l.refused
	case l.under >= l.links.cfg.Calls:
		l.mu.Unlock()
		return nil, fault.New(fault.Unavailable, "too many requests wait for this HSM").Untried()
	case l.open != nil:
		defer l.mu.Unlock()
		l.open.users++
		l.under++
		return l.open, nil
	}
	d := l.opening
	if d == nil {
		d = l.begin(ctx, insist)
	}
	d.waiting++
	l.mu.Unlock()
	return l.await(ctx, d, patience)
}

// release gives back an acquired token.
func (l *link) release(o *opened, cut *context.CancelFunc) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.cut, cut)
	l.under--
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

// renew gives up the token, so that the next call opens it anew.
func (l *link) renew() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.giveUp()
}

// retire gives up the token and whatever is being opened.
func (l *link) retire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.retired = true
	l.giveUp()
	if l.opening != nil {
		l.opening.cancel()
	}
}

// errMoved is the answer to who comes too late: the connection was changed or
// removed, and nothing was done.
const errMoved moved = "the connection was changed or removed"

type moved string

// Error returns the text.
func (m moved) Error() string { return string(m) }
