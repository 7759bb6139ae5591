package hmgserver

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/adapters/hmgwire"
	"gatehouse/core/fault"
)

// A conn is one client. One goroutine reads: whoever holds the role of reader,
// which is handed over when a request that is answered in place takes long.
type conn struct {
	s      *Server
	raw    net.Conn  // what is read and written
	wire   net.Conn  // what is beneath raw: closed when raw is not to say goodbye
	secure *tls.Conn // raw, unless it is a pipe
	log    *slog.Logger
	in     *hmgwire.Reader
	out    *hmgwire.Sender

	reading sync.WaitGroup // goroutines that hold or await the role of reader
	place   place          // of the reader

	shaken   atomic.Bool   // the handshake is done
	requests atomic.Int64  // under way
	bytes    atomic.Int64  // of their bodies
	freed    chan struct{} // nudged when one ends and the reader waits for that
	quiet    chan struct{} // nudged when the last one ends

	ended chan struct{}
	once  sync.Once
	cause error // why it ended

	tasks sync.WaitGroup // calls and openings

	mu       sync.Mutex
	slots    map[uint32]*openSlot
	handle   uint32 // the last one given
	opening  int
	calls    map[uint64]*call
	greeted  bool
	draining bool
	moved    time.Time // when the read deadline was last moved
	useful   time.Time // when the client last had a slot
}

// newConn returns the connection with a client behind wire, over TLS unless it
// is a pipe.
func newConn(s *Server, wire net.Conn, pipe bool) *conn {
	c := &conn{
		s: s, raw: wire, wire: wire,
		log:   s.cfg.Log,
		freed: make(chan struct{}, 1), quiet: make(chan struct{}, 1), ended: make(chan struct{}),
		slots: map[uint32]*openSlot{}, calls: map[uint64]*call{},
	}
	if !pipe {
		c.secure = tls.Server(wire, s.cfg.TLS)
		c.raw = c.secure
		c.log = c.log.With(slog.Any("client", wire.RemoteAddr()))
	}
	c.in = hmgwire.NewReader(c.raw, hmgwire.MaxFirstFrame, c.frameBegun, c.frameWhole)
	c.out = hmgwire.NewSender(&patientWriter{conn: c.raw, patience: s.cfg.Patience})
	return c
}

// serve does everything for the connection, from handshake to clean-up.
func (c *conn) serve(ctx context.Context) {
	defer c.raw.Close()
	if err := c.greet(ctx); err != nil {
		level := slog.LevelInfo
		if errors.Is(err, io.EOF) {
			level = slog.LevelDebug // a load balancer looking whether the port is open
		}
		c.log.Log(ctx, level, "client refused", slog.Any("error", err))
		return
	}
	c.log.Info("client connected")
	var writing sync.WaitGroup
	writing.Go(func() { c.end(c.out.Run()) })
	c.reading.Add(1)
	go c.read() //nolint:contextcheck // requests have contexts of their own, which end with the connection
	select {
	case <-c.ended:
	case <-ctx.Done():
		c.end(ctx.Err())
	}
	c.out.Stop(net.ErrClosed)
	c.wire.Close() // at once: no goodbye in TLS to a client that may not read
	c.cancelAll()
	c.reading.Wait()
	c.cancelAll() // what the reader had begun meanwhile
	c.tasks.Wait()
	writing.Wait()
	c.closeSlots()
	c.log.Info("client gone", slog.Any("cause", c.cause))
}

// end makes serve finish; the first cause counts.
func (c *conn) end(cause error) {
	c.once.Do(func() {
		c.cause = cause
		close(c.ended)
	})
}

// greet does the TLS handshake and the exchange of Hellos.
func (c *conn) greet(ctx context.Context) error {
	_ = c.raw.SetDeadline(time.Now().Add(c.s.cfg.Handshake))
	if c.secure != nil {
		if err := c.secure.HandshakeContext(ctx); err != nil {
			return err
		}
		c.shaken.Store(true)
		if err := c.vouch(); err != nil { // the CAs may have changed since the handshake began
			return err
		}
	}
	stop := context.AfterFunc(ctx, func() { c.wire.Close() })
	defer stop()
	f, err := c.in.Next()
	if err != nil {
		return err
	}
	var hello hmgwire.Hello
	if f.Kind != hmgwire.KindHello {
		return fault.New(fault.Invalid, "the first frame is not a hello")
	}
	if err := hmgwire.Decode(f.Body, &hello); err != nil {
		return err
	}
	if err := hello.Check(); err != nil {
		c.refuse(f.ID, err, true)
		return err
	}
	c.log = c.log.With(slog.String("software", hmgwire.Text(hello.Software)))
	if c.secure != nil {
		if certs := c.secure.ConnectionState().PeerCertificates; len(certs) > 0 {
			c.log = c.log.With(slog.String("certificate", certs[0].Subject.String()))
		}
	}
	c.answer(f.ID, hmgwire.NewHello(c.s.cfg.Software, hmgwire.Limits{
		Frame: hmgwire.MaxFrame, Requests: uint32(c.s.cfg.Requests),
	}), true)
	_ = c.raw.SetReadDeadline(time.Time{}) // that for writing is the patient writer's
	c.mu.Lock()
	defer c.mu.Unlock()
	c.greeted = true
	c.uselessLocked()
	return nil
}

// drain tells the client to go elsewhere and ends the connection when its
// requests are answered, or ctx ends.
func (c *conn) drain(ctx context.Context) {
	c.mu.Lock()
	greeted := c.greeted
	c.draining = true
	c.mu.Unlock()
	if !greeted {
		c.wire.Close()
		return
	}
	c.send(hmgwire.KindGoodbye, 0, nil, false)
	for c.requests.Load() > 0 {
		select {
		case <-c.quiet:
		case <-c.ended:
			return
		case <-ctx.Done():
			c.end(ctx.Err())
			return
		}
	}
	c.out.WaitBelow(1)
	select { // the client closes first, so that nothing on its way to it is lost
	case <-c.ended:
	case <-ctx.Done():
	case <-time.After(c.s.cfg.Handshake):
	}
	c.end(errStopping())
}

// frameBegun gives the rest of a frame a deadline.
func (c *conn) frameBegun() {
	if c.secure == nil { // who made this process may be silent
		return
	}
	_ = c.raw.SetReadDeadline(time.Now().Add(c.s.cfg.Patience))
}

// frameWhole takes it back.
func (c *conn) frameWhole() { c.rest(true) }

// rest lets the client be silent: for long when it has a slot open, for then it
// pings. Moving the deadline costs, so it is done rarely unless it must.
func (c *conn) rest(must bool) {
	if c.secure == nil {
		return
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(c.slots)+c.opening == 0:
		if must { // pings do not help who wants nothing
			_ = c.raw.SetReadDeadline(c.useful.Add(c.s.cfg.Patience))
		}
	case must || now.Sub(c.moved) > c.s.cfg.Idle/8:
		c.moved = now
		_ = c.raw.SetReadDeadline(now.Add(c.s.cfg.Idle))
	}
}

// uselessLocked gives a client without a slot a while to open one.
func (c *conn) uselessLocked() {
	if c.secure != nil && len(c.slots)+c.opening == 0 {
		c.useful = time.Now()
		_ = c.raw.SetReadDeadline(c.useful.Add(c.s.cfg.Patience))
	}
}

// patientWriter fails a write that the client does not take in time.
type patientWriter struct {
	conn     net.Conn
	patience time.Duration
	moved    time.Time
}

func (w *patientWriter) Write(b []byte) (int, error) {
	if now := time.Now(); now.Sub(w.moved) > w.patience/4 {
		w.moved = now
		_ = w.conn.SetWriteDeadline(now.Add(w.patience))
	}
	return w.conn.Write(b)
}
