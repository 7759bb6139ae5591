// Package relay is a piece of network between two programs: it can be cut and
// mended, and it can stop the next message on its way.
//
// It passes bytes as they are and so knows nothing of what TLS hides, but on a
// connection that is quiet otherwise the next bytes are the next request, or its
// answer. The feature steps cut it; the crash tests kill a program at the moment
// that a message passes. All methods may be called at once.
package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"gatehouse/simulators/lab/ports"
)

// Direction is where bytes go.
type Direction int

// The directions.
const (
	Request Direction = iota // from the program that connects
	Answer                   // to it
)

// Relay listens on a loopback address and passes everything on to another one.
type Relay struct {
	to string
	at *ports.Port // kept while it is cut

	mu       sync.Mutex
	listener net.Listener // nil: cut
	conns    map[net.Conn]struct{}
	watches  [2]*Watch
}

// New returns a relay to an address (host:port).
func New(ctx context.Context, to string) (*Relay, error) {
	at, err := ports.Keep()
	if err != nil {
		return nil, err
	}
	r := &Relay{to: to, at: at, conns: map[net.Conn]struct{}{}}
	if err := r.Mend(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Close cuts the relay for good.
func (r *Relay) Close() error {
	r.Cut()
	return r.at.Close()
}

// Address returns where to connect instead.
func (r *Relay) Address() string { return r.at.Address() }

// Mend lets connections be made again, at the address that the relay had.
func (r *Relay) Mend(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listener != nil {
		return errors.New("the relay is not cut")
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", r.at.Address())
	if err != nil {
		return fmt.Errorf("listening for connections to relay: %w", err)
	}
	r.listener = l
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go r.pass(context.WithoutCancel(ctx), in)
		}
	}()
	return nil
}

// Cut ends all connections and refuses new ones, as if nobody listened.
func (r *Relay) Cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listener != nil {
		_ = r.listener.Close() // nobody waits for what it says
		r.listener = nil
	}
	for c := range r.conns {
		_ = c.Close() // as above
	}
}

// A Watch waits for the next bytes in one direction.
type Watch struct {
	Seen chan struct{} // closed when they have come

	swallow bool
}

// Hold swallows the next bytes in a direction, and all after them.
func (r *Relay) Hold(d Direction) *Watch { return r.watch(d, true) }

// Watch lets bytes pass and tells of the next ones.
func (r *Relay) Watch(d Direction) *Watch { return r.watch(d, false) }

func (r *Relay) watch(d Direction, swallow bool) *Watch {
	w := &Watch{Seen: make(chan struct{}), swallow: swallow}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watches[d] = w
	return w
}

// Release lets everything pass again.
func (r *Relay) Release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watches = [2]*Watch{}
}

// passes reports whether bytes that came may go on. done is to be called once
// they have.
func (r *Relay) passes(d Direction) (on bool, done func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.watches[d]
	if w == nil {
		return true, func() {}
	}
	seen := func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		select {
		case <-w.Seen:
		default:
			close(w.Seen)
		}
	}
	return !w.swallow, seen
}

// pass relays one connection until either side or a cut ends it.
func (r *Relay) pass(ctx context.Context, in net.Conn) {
	out, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.to)
	if err != nil {
		_ = in.Close() // as who listens there would have done
		return
	}
	if r.keep(in, out) {
		var both sync.WaitGroup
		both.Go(func() { r.copy(Request, out, in) })
		both.Go(func() { r.copy(Answer, in, out) })
		both.Wait()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range []net.Conn{in, out} {
		_ = c.Close() // both directions have ended
		delete(r.conns, c)
	}
}

// copy passes bytes on until their source ends or their target is gone.
func (r *Relay) copy(d Direction, to, from net.Conn) {
	defer func() {
		if tcp, ok := to.(*net.TCPConn); ok {
			_ = tcp.CloseWrite() // gone already: all the better
		}
	}()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if n > 0 {
			on, done := r.passes(d)
			if on {
				if _, err := to.Write(b[:n]); err != nil {
					return
				}
			}
			done()
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			_ = to.Close() // a reset is passed on as one
			return
		}
	}
}

// keep remembers connections, so that a cut ends them; false when it came before.
func (r *Relay) keep(conns ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range conns {
		if r.listener != nil {
			r.conns[c] = struct{}{}
		}
	}
	return r.listener != nil
}
