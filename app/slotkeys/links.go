package slotkeys

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/ports/seal"
	"gatehouse/ports/token"
)

// links keeps one token per connection.
type links struct {
	dial   Dial
	sealer seal.Sealer
	within time.Duration

	mu     sync.Mutex
	open   map[id.Connection]*link
	closed bool
}

// link is the way to one token, under one configuration of its connection.
type link struct {
	conn groups.Connection
	busy chan struct{} // holds one element while somebody dials

	mu      sync.Mutex
	token   token.Token
	refused error // the PIN was refused: not to be tried again
	insist  bool  // a person asked for the next try
}

func newLinks(dial Dial, sealer seal.Sealer, within time.Duration) *links {
	return &links{dial: dial, sealer: sealer, within: within, open: map[id.Connection]*link{}}
}

// sameWay reports whether a token opened with a can serve b. The order of a
// connection makes no difference to its token.
func sameWay(a, b groups.Connection) bool {
	return a.ID == b.ID && a.Kind == b.Kind && a.Address == b.Address && a.Slot == b.Slot && bytes.Equal(a.PIN, b.PIN) &&
		a.TLS.Mode == b.TLS.Mode && a.TLS.GlobalRoots == b.TLS.GlobalRoots && a.TLS.ValidateHostname == b.TLS.ValidateHostname &&
		slices.EqualFunc(a.TLS.Pinned, b.TLS.Pinned, bytes.Equal) && bytes.Equal(a.TLS.ClientCert, b.TLS.ClientCert) &&
		bytes.Equal(a.TLS.ClientKey, b.TLS.ClientKey)
}

// link returns the link of conn as it is configured now; the token of an
// earlier configuration is closed.
func (ls *links) link(conn groups.Connection) (*link, error) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.closed {
		return nil, fault.New(fault.Unavailable, "shutting down")
	}
	l := ls.open[conn.ID]
	if l == nil || !sameWay(l.conn, conn) {
		if l != nil {
			go l.drop(nil)
		}
		l = &link{conn: conn, busy: make(chan struct{}, 1)}
		ls.open[conn.ID] = l
	}
	return l, nil
}

// token returns the open token of conn, opening it when there is none.
func (ls *links) token(ctx context.Context, conn groups.Connection) (token.Token, error) {
	l, err := ls.link(conn)
	if err != nil {
		return nil, err
	}
	if t, err := l.state(); t != nil || err != nil {
		return t, err
	}
	select {
	case l.busy <- struct{}{}:
		defer func() { <-l.busy }()
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "connecting to the HSM took too long").Because(fault.TimedOut)
	}
	if t, err := l.state(); t != nil || err != nil {
		return t, err
	}
	ctx, cancel := context.WithTimeout(ctx, ls.within)
	defer cancel()
	t, err := ls.connect(ctx, conn, l.insists())
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		if fault.ReasonOf(err).Credential() {
			l.refused = err
		}
		return nil, err
	}
	l.token = t
	return t, nil
}

// insists reports whether a person asked for this try, once.
func (l *link) insists() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	insist := l.insist
	l.insist = false
	return insist
}

func (ls *links) connect(ctx context.Context, conn groups.Connection, insist bool) (token.Token, error) {
	a := Access{Insist: insist}
	var err error
	if !conn.PIN.Empty() {
		if a.PIN, err = ls.sealer.Open(seal.ConnectionPIN, string(conn.ID), conn.PIN); err != nil {
			return nil, err
		}
	}
	if !conn.TLS.ClientKey.Empty() {
		if a.ClientKey, err = ls.sealer.Open(seal.ConnectionKey, string(conn.ID), conn.TLS.ClientKey); err != nil {
			return nil, err
		}
	}
	return ls.dial(ctx, conn, a)
}

func (l *link) state() (token.Token, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refused != nil {
		return nil, l.refused
	}
	return l.token, nil
}

// refuse records that the PIN of conn was refused by its token, after having
// been accepted before, and drops the token.
func (ls *links) refuse(conn groups.Connection, err error) {
	l, linkErr := ls.link(conn)
	if linkErr != nil {
		return
	}
	l.mu.Lock()
	l.refused = err
	l.mu.Unlock()
	l.drop(nil)
}

// retry lets a refused PIN be tried once more.
func (ls *links) retry(conn groups.Connection) {
	if l, err := ls.link(conn); err == nil {
		l.mu.Lock()
		l.refused, l.insist = nil, true
		l.mu.Unlock()
	}
}

// drop closes the link's token.
func (l *link) drop(wg *sync.WaitGroup) {
	if wg != nil {
		defer wg.Done()
	}
	l.mu.Lock()
	t := l.token
	l.token = nil
	l.mu.Unlock()
	if t != nil {
		_ = t.Close() // nothing waits for what a token that nobody uses says
	}
}

func (ls *links) close() {
	ls.mu.Lock()
	ls.closed = true
	open := ls.open
	ls.open = map[id.Connection]*link{}
	ls.mu.Unlock()
	var wg sync.WaitGroup
	for _, l := range open {
		wg.Add(1)
		go l.drop(&wg)
	}
	wg.Wait()
}
