package slotkeys

import (
	"context"
	"strconv"
	"strings"
	"time"

	"gatehouse/core/failover"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/ports/seal"
	"gatehouse/ports/token"
)

// opening is an attempt to open a token. It goes on when who began it has left,
// because others may wait for it.
type opening struct {
	cancel  context.CancelFunc
	done    chan struct{} // closed when opened or err is there
	waiting int           // who is to get the token, under the link's lock
	slow    bool          // somebody has lost patience
	opened  *opened
	err     error
}

// begin begins to open the token. The caller holds l.mu.
func (l *link) begin(ctx context.Context, insist bool) *opening {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.links.cfg.ConnectWithin)
	d := &opening{cancel: cancel, done: make(chan struct{})}
	l.opening = d
	l.links.tokens.Add(1) // before close can wait: this link is not retired
	go func() {
		defer cancel()
		t, err := l.links.dialled(ctx, l.conn, insist)
		l.finish(ctx, d, t, err)
	}()
	return d
}

// finish hands the token to those who wait, or tells them why there is none.
func (l *link) finish(ctx context.Context, d *opening, t token.Token, err error) {
	var e failover.Event
	switch {
	case err == nil:
		e = l.accepted(ctx)
	case fault.ReasonOf(err).Credential():
		l.refuse(ctx, err)
		e = failover.Refused
	default: // busy or broken: there is no way to the token
		e = failover.Broken
	}
	if err != nil {
		l.links.tokens.Done()
	}
	l.note(e, err) // before anybody goes on to the next connection
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opening = nil
	switch {
	case l.retired:
		d.err = errMoved
		if err == nil {
			l.closeUnused(&opened{token: t, givenUp: true})
		}
	case err != nil:
		d.err = err
	default:
		d.opened = &opened{token: t, users: d.waiting}
		l.open = d.opened
		l.under += d.waiting
	}
	close(d.done)
}

// await waits for an attempt.
func (l *link) await(ctx context.Context, d *opening, patience time.Duration) (*opened, error) {
	if patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	select {
	case <-d.done:
		return d.opened, d.err
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-d.done: // just now
		return d.opened, d.err
	default:
		d.waiting--
		d.slow = true
		return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "connecting to the HSM took too long").Because(fault.TimedOut).Untried()
	}
}

// dialled opens the token of conn, which shut closes.
func (ls *links) dialled(ctx context.Context, conn groups.Connection, insist bool) (token.Token, error) {
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

// shut closes a token that nobody uses. Nothing waits for what it says to that.
func (ls *links) shut(t token.Token) {
	defer ls.tokens.Done()
	_ = t.Close()
}

// place returns what tells the slots of gateways apart, and how they are trusted.
func place(c groups.Connection) string {
	parts := []string{
		string(c.Kind), c.Address, strconv.FormatUint(uint64(c.Slot), 10), string(c.TLS.Mode),
		strconv.FormatBool(c.TLS.GlobalRoots), strconv.FormatBool(c.TLS.ValidateHostname), string(c.TLS.ClientCert),
	}
	for _, p := range c.TLS.Pinned {
		parts = append(parts, string(p))
	}
	return strings.Join(parts, "\x00")
}
