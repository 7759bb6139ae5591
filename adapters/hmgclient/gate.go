package hmgclient

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"sync"
	"time"

	"gatehouse/core/fault"
)

// A gate is the way to one gateway: a connection that is made when somebody
// needs it, and made again when it has broken.
type gate struct {
	pool     *Pool
	key      gateKey
	tls      *tls.Config
	pipe     func(context.Context) (net.Conn, error) // instead of TLS
	software string
	timeout  time.Duration
	silence  time.Duration
	users    int // Pool.mu

	running sync.WaitGroup // goroutines of its connections and attempts

	mu      sync.Mutex
	link    *link
	former  []*link // replaced, perhaps with requests under way still
	dialing *dialing
}

// dialing is an attempt that all who need the connection wait for.
type dialing struct {
	cancel context.CancelFunc
	done   chan struct{}
	link   *link
	err    error
}

// connect returns a connection that works, as far as is known.
func (g *gate) connect(ctx context.Context) (*link, error) {
	g.mu.Lock()
	if g.link != nil && g.link.usable() {
		defer g.mu.Unlock()
		return g.link, nil
	}
	d := g.dialing
	if d == nil {
		// Not within ctx: others may wait for it when this caller has gone.
		dctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.timeout)
		d = &dialing{cancel: cancel, done: make(chan struct{})}
		g.dialing = d
		g.running.Go(func() { g.dial(dctx, d) })
	}
	g.mu.Unlock()
	select {
	case <-d.done:
		return d.link, d.err
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "connecting to the gateway took too long").Because(fault.TimedOut)
	}
}

func (g *gate) dial(ctx context.Context, d *dialing) {
	defer d.cancel()
	d.link, d.err = dialLink(ctx, g)
	g.mu.Lock()
	g.dialing = nil
	if d.err == nil {
		g.former = slices.DeleteFunc(g.former, (*link).broken)
		if g.link != nil && !g.link.broken() {
			g.former = append(g.former, g.link) // ends when its requests do
		}
		g.link = d.link
	}
	g.mu.Unlock()
	close(d.done)
}

// release gives the gate up. The last user closes the connection, and returns
// when nothing of it runs any more.
func (g *gate) release() {
	g.pool.mu.Lock()
	g.users--
	last := g.users == 0
	if last {
		delete(g.pool.gates, g.key)
	}
	g.pool.mu.Unlock()
	if !last {
		return
	}
	g.mu.Lock()
	d := g.dialing
	g.mu.Unlock()
	if d != nil {
		d.cancel()
		<-d.done
	}
	g.mu.Lock()
	links := g.former
	if g.link != nil {
		links = append(links, g.link)
	}
	g.mu.Unlock()
	for _, l := range links {
		l.fail(errClosed())
	}
	g.running.Wait()
}
