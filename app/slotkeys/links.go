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

	mu      sync.Mutex
	open    map[id.Connection]*link
	refused map[id.Connection][]*link // earlier configurations whose PIN was refused
	closed  bool
	tokens  sync.WaitGroup // that are open
}

func newLinks(dial Dial, sealer seal.Sealer, within time.Duration) *links {
	return &links{
		dial: dial, sealer: sealer, within: within,
		open: map[id.Connection]*link{}, refused: map[id.Connection][]*link{},
	}
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
// earlier configuration is given up.
func (ls *links) link(conn groups.Connection) (*link, error) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.closed {
		return nil, errClosed()
	}
	l := ls.open[conn.ID]
	if l != nil && sameWay(l.conn, conn) {
		return l, nil
	}
	if l != nil {
		if err := l.retire(); err != nil {
			ls.refused[conn.ID] = append(ls.refused[conn.ID], l)
		}
	}
	l = &link{links: ls, conn: conn, busy: make(chan struct{}, 1)}
	for _, r := range ls.refused[conn.ID] { // a caller who has the group as it was must not try that PIN again
		if sameWay(r.conn, conn) {
			l.refused = r.refusal()
		}
	}
	ls.open[conn.ID] = l
	return l, nil
}

// use calls do with the open token of conn, opening it when there is none.
// Reached is false when do was not called.
func (ls *links) use(ctx context.Context, conn groups.Connection, do func(context.Context, token.Token) error) (reached bool, err error) {
	l, err := ls.link(conn)
	if err != nil {
		return false, err
	}
	o, err := l.acquire(ctx)
	if err != nil {
		return false, err
	}
	defer l.release(o)
	err = do(ctx, o.token)
	if fault.ReasonOf(err).Credential() { // it had been accepted before
		l.refuse(err)
	}
	return true, err
}

// retry lets a refused PIN be tried once more.
func (ls *links) retry(conn groups.Connection) {
	if l, err := ls.link(conn); err == nil {
		l.retry()
	}
}

// renew gives up the token of conn, so that the next call opens it anew.
func (ls *links) renew(conn groups.Connection) {
	if l, err := ls.link(conn); err == nil {
		l.drop()
	}
}

// forget gives up the tokens of connections that are no more.
func (ls *links) forget(conns []id.Connection) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, c := range conns {
		if l := ls.open[c]; l != nil {
			_ = l.retire()
		}
		delete(ls.open, c)
		delete(ls.refused, c)
	}
}

// close gives up all tokens, and returns when their last users are done and
// they are closed.
func (ls *links) close() {
	ls.mu.Lock()
	ls.closed = true
	for _, l := range ls.open {
		_ = l.retire()
	}
	ls.open = map[id.Connection]*link{}
	ls.mu.Unlock()
	ls.tokens.Wait()
}

// dialled opens the token of conn, which shut closes.
func (ls *links) dialled(ctx context.Context, conn groups.Connection, insist bool) (token.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, ls.within)
	defer cancel()
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
	t, err := ls.dial(ctx, conn, a)
	if err != nil {
		return nil, err
	}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.closed {
		_ = t.Close() // nobody has used it
		return nil, errClosed()
	}
	ls.tokens.Add(1)
	return t, nil
}

// shut closes a token that nobody uses. Nothing waits for what it says to that.
func (ls *links) shut(t token.Token) {
	defer ls.tokens.Done()
	_ = t.Close()
}

func errClosed() error { return fault.New(fault.Unavailable, "shutting down") }
