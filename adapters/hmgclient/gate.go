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

// A gate is the way to one gateway: connections that are made when somebody
// needs them, and made again when they have broken or are old.
type gate struct {
	pool     *Pool
	key      gateKey
	tls      *tls.Config
	pipe     func(context.Context) (net.Conn, error) // instead of TLS
	software string
	timeout  time.Duration
	silence  time.Duration
	age      time.Duration // 0: for ever
	users    int           // Pool.mu

	running sync.WaitGroup // goroutines of its connections and attempts

	mu    sync.Mutex
	lanes []gateLane
	over  bool // released: no connection is changed any more
}

// A gateLane is one of the gate's connections.
type gateLane struct {
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

// connect returns the connection of a lane, which works as far as is known.
func (g *gate) connect(ctx context.Context, lane int) (*link, error) {
	g.mu.Lock()
	if l := g.lanes[lane].link; l != nil && l.usable() {
		defer g.mu.Unlock()
		return l, nil
	}
	d := g.begin(ctx, lane)
	g.mu.Unlock()
	select {
	case <-d.done:
		return d.link, d.err
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "connecting to the gateway took too long").Because(fault.TimedOut)
	}
}

// begin begins to connect, unless that is under way. The caller holds g.mu.
func (g *gate) begin(ctx context.Context, lane int) *dialing {
	if d := g.lanes[lane].dialing; d != nil {
		return d
	}
	// Not within ctx: others may wait for it when this caller has gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.timeout)
	d := &dialing{cancel: cancel, done: make(chan struct{})}
	g.lanes[lane].dialing = d
	g.running.Go(func() { g.dial(ctx, lane, d) })
	return d
}

func (g *gate) dial(ctx context.Context, lane int, d *dialing) {
	defer d.cancel()
	d.link, d.err = dialLink(ctx, g, lane)
	g.mu.Lock()
	way := &g.lanes[lane]
	way.dialing = nil
	if d.err == nil {
		way.former = slices.DeleteFunc(way.former, (*link).broken)
		if way.link != nil && !way.link.broken() {
			way.former = append(way.former, way.link) // ends when its requests do
			way.link.retire()
		}
		way.link = d.link
	}
	g.mu.Unlock()
	close(d.done)
}

// renew changes the connection of a lane for a new one, and returns whether
// that has worked. It goes on with the old one otherwise.
//
// When another lane can do the work meanwhile, the old one ends first: a load
// balancer that counts connections then chooses between gateways as if it had
// not been there, and so keeps the two evenly spread.
func (g *gate) renew(ctx context.Context, lane int, old *link) bool {
	g.mu.Lock()
	others := slices.ContainsFunc(g.lanes, func(w gateLane) bool { return w.link != nil && w.link != old && w.link.lively() })
	g.mu.Unlock()
	if others {
		old.retire()
		<-old.done // when its requests are answered, or it falls silent
	}
	g.mu.Lock()
	if g.over || g.lanes[lane].link != old {
		g.mu.Unlock()
		return true
	}
	d := g.begin(ctx, lane)
	g.mu.Unlock()
	<-d.done
	return d.err == nil || old.broken()
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
	g.over = true
	lanes := slices.Clone(g.lanes)
	g.mu.Unlock()
	for _, way := range lanes {
		if way.dialing != nil {
			way.dialing.cancel()
			<-way.dialing.done
		}
	}
	g.mu.Lock()
	lanes = slices.Clone(g.lanes)
	g.mu.Unlock()
	for _, way := range lanes {
		for _, l := range way.former {
			l.fail(errClosed())
		}
		if way.link != nil {
			way.link.fail(errClosed())
		}
	}
	g.running.Wait()
}
