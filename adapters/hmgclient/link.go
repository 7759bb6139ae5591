package hmgclient

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/adapters/hmgwire"
	"gatehouse/core/fault"
)

// A link is one connection to a gateway, with many requests under way.
type link struct {
	gate *gate
	lane int
	conn net.Conn // what is read and written
	wire net.Conn // what is beneath it
	in   *hmgwire.Reader
	out  *hmgwire.Sender

	heard atomic.Bool  // something arrived since the watch last looked
	ill   atomic.Int64 // when a request last failed on the gateway's side, in Unix nanoseconds
	over  atomic.Bool  // no new requests: broken, or the gateway said goodbye
	done  chan struct{}
	ready []told // of the reader: answers not yet told
	limit int    // requests that the gateway takes at once

	mu    sync.Mutex
	err   error // why it broke
	last  uint64
	calls map[uint64]*call
	owed  int // answers that the gateway owes, to abandoned requests too
}

// A call is a request under way.
type call struct {
	reply any // message to decode the answer into, or nil
	done  chan error
	parts chan []hmgwire.Object // inventories only
	late  bool                  // an abandoned request to open a slot: close what comes
}

const (
	maxRequests = 4096     // owed answers beyond which a gateway is not asked for more
	maxBacklog  = 64 << 20 // bytes waiting to be sent, as well
)

func newLink(g *gate, lane int, conn, wire net.Conn) *link {
	return &link{
		gate: g, lane: lane, conn: conn, wire: wire, in: hmgwire.NewReader(conn, hmgwire.MaxFrame, nil, nil), out: hmgwire.NewSender(conn),
		done: make(chan struct{}), calls: map[uint64]*call{},
	}
}

func (l *link) start(requests uint32) {
	if l.limit = int(requests); l.limit <= 0 || l.limit > maxRequests {
		l.limit = maxRequests
	}
	l.gate.running.Go(l.read)
	l.gate.running.Go(func() {
		if err := l.out.Run(); err != nil {
			l.fail(errBroken(err))
		}
	})
	l.gate.running.Go(l.watch)
	if l.gate.age > 0 {
		l.gate.running.Go(l.grow)
	}
}

// usable reports whether new requests may use the link.
func (l *link) usable() bool { return !l.over.Load() }

// lively reports whether the link is usable, and either owes nothing or has been
// heard since the watch last looked. A frozen gateway owes, and is not heard.
func (l *link) lively() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.usable() && (l.owed == 0 || l.heard.Load())
}

// broken reports whether the link has ended.
func (l *link) broken() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

var (
	calls   = sync.Pool{New: func() any { return &call{done: make(chan error, 1)} }}
	buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}
)

// do sends a request and waits for its answer, which is decoded into reply.
func (l *link) do(ctx context.Context, k hmgwire.Kind, message, reply any) error {
	c, ok := calls.Get().(*call)
	if !ok {
		c = &call{done: make(chan error, 1)}
	}
	c.reply = reply
	id, err := l.send(k, message, c)
	if err != nil {
		return err
	}
	select {
	case err = <-c.done:
	case <-ctx.Done():
		if l.abandon(id) {
			return ended(ctx)
		}
		err = <-c.done // it arrived just now
	}
	c.reply = nil
	calls.Put(c)
	return err
}

// send registers c and sends its request. An error that wraps errNotSent means
// that nothing was sent.
func (l *link) send(k hmgwire.Kind, message any, c *call) (uint64, error) {
	buf, ok := buffers.Get().(*bytes.Buffer)
	if !ok {
		buf = new(bytes.Buffer)
	}
	defer func() {
		if buf.Cap() <= 64<<10 {
			buf.Reset()
			buffers.Put(buf)
		}
	}()
	l.mu.Lock()
	if l.over.Load() {
		defer l.mu.Unlock()
		return 0, fault.Wrap(fault.Unavailable, errNotSent, "the connection to the gateway broke").Untried()
	}
	if l.owed >= l.limit || l.out.Backlog() > maxBacklog {
		defer l.mu.Unlock()
		return 0, fault.New(fault.Unavailable, "the gateway is busy: it owes too many answers").Untried()
	}
	l.last++
	id := l.last
	l.calls[id] = c
	l.owed++
	l.mu.Unlock()
	if err := hmgwire.Append(buf, k, id, message); err != nil {
		l.mu.Lock()
		delete(l.calls, id)
		l.owed--
		l.mu.Unlock()
		return 0, err
	}
	_ = l.out.Send(buf.Bytes()) // an error makes Run fail the link, and so c
	return id, nil
}

// post sends a frame that is not answered.
func (l *link) post(k hmgwire.Kind, id uint64, message any) {
	var buf bytes.Buffer
	if hmgwire.Append(&buf, k, id, message) == nil {
		_ = l.out.Send(buf.Bytes())
	}
}

// abandon stops waiting for a request and asks the gateway to stop it; false
// when its answer is there.
func (l *link) abandon(id uint64) bool { return l.replace(id, nil) }

// disown is abandon for a request to open a slot, which may be open when the
// cancellation arrives.
func (l *link) disown(id uint64) bool {
	return l.replace(id, &call{done: make(chan error, 1), late: true})
}

func (l *link) replace(id uint64, by *call) bool {
	l.mu.Lock()
	_, waiting := l.calls[id]
	if waiting && by != nil {
		l.calls[id] = by
	} else {
		delete(l.calls, id)
	}
	l.mu.Unlock()
	if waiting {
		l.post(hmgwire.KindCancel, id, nil)
	}
	return waiting
}

// fail ends the link and every request under way on it.
func (l *link) fail(err error) {
	l.mu.Lock()
	if l.err != nil {
		l.mu.Unlock()
		return
	}
	l.err = err
	l.over.Store(true)
	calls := l.calls
	l.calls = nil
	l.mu.Unlock()
	close(l.done)
	l.out.Stop(err)
	l.wire.Close() // at once, without a goodbye that may block
	for _, c := range calls {
		c.done <- err
	}
}

// watch notices a gateway that is silent although it owes answers, and pings
// an idle one, so that both sides and what is between them know it is there.
func (l *link) watch() {
	const looks, idle = 4, 6 // per silence; looks between pings
	tick := time.NewTicker(l.gate.silence / looks)
	defer tick.Stop()
	silent, n := 0, 0
	for {
		select {
		case <-l.done:
			return
		case <-tick.C:
		}
		n++
		l.mu.Lock()
		owed := l.owed
		l.mu.Unlock()
		switch heard := l.heard.Swap(false); {
		case heard || owed == 0:
			silent = 0
		default:
			silent++
		}
		switch {
		case silent >= looks:
			l.fail(fault.New(fault.Unavailable, "the gateway has fallen silent").Because(fault.TimedOut))
		case silent > 0, n%idle == 0:
			l.ping()
		}
	}
}

// grow has the link changed for a new one when it is old. Links that were made
// together must not be changed together, hence the chance.
func (l *link) grow() {
	old := time.NewTimer(l.gate.age - rand.N(l.gate.age/5+1)) //nolint:gosec // no secret: it spreads load
	defer old.Stop()
	for {
		select {
		case <-l.done:
			return
		case <-old.C:
		}
		if l.gate.renew(context.Background(), l.lane, l) {
			return
		}
		old.Reset(l.gate.age / 10)
	}
}

// retire ends the link when the requests under way on it are answered; it takes
// no new ones.
func (l *link) retire() {
	l.over.Store(true)
	l.endIfOver()
}

func (l *link) ping() {
	_, _ = l.send(hmgwire.KindPing, nil, &call{done: make(chan error, 1)}) // the answer is heard, and that is all
}

// timeout returns what is left of ctx in milliseconds, at least one; 0 for ever.
func timeout(ctx context.Context) uint32 {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	left := time.Until(deadline).Milliseconds() + 1
	return uint32(min(max(left, 1), math.MaxUint32))
}

// shunned is how long a link is avoided on which something has failed on the
// gateway's side, if there is another one.
const shunned = time.Second

// fails notes that a request has failed on the gateway's side.
func (l *link) fails() { l.ill.Store(time.Now().UnixNano()) }

// well reports whether the link is as good as any: usable, and nothing has
// failed on it lately.
func (l *link) well() bool {
	at := l.ill.Load()
	return l.usable() && (at == 0 || time.Since(time.Unix(0, at)) > shunned)
}
