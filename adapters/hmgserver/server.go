// Package hmgserver is the gateway's listener: it serves the slots of an
// app/gateway over TLS in the protocol of adapters/hmgwire.
//
// It guarantees that nothing that arrives at its port, however malformed, slow
// or plentiful, costs more than bounded time and memory or disturbs others;
// that each request gets exactly one answer; and that a slot's calls wait in
// one bounded queue, beyond which they are refused at once. It is used by
// app/assembly. All methods may be called at once.
package hmgserver

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"gatehouse/app/gateway"
	"gatehouse/app/meter"
	"gatehouse/core/healing"
)

// Config is what a Server needs. Zero limits mean the value in the comment.
type Config struct {
	Gateway  *gateway.Gateway
	TLS      *tls.Config // TLS 1.2 at least; ClientCAs and RequireAndVerifyClientCert for mutual TLS; nil for ServePipe only
	Log      *slog.Logger
	Software string // name and version, told to clients

	// Vouch reports why a client is not to be trusted (any more); nil trusts all
	// that TLS lets in. It is asked after each handshake and by Recheck.
	Vouch func(tls.ConnectionState) error

	Connections int           // clients at once (512); further ones are turned away
	Handshake   time.Duration // for the TLS handshake and the first message (10 s)
	Idle        time.Duration // silence after which a client is given up (2 min); clients ping
	Patience    time.Duration // for the rest of a frame, for a client to read, for credit (30 s)
	Call        time.Duration // longest time of one call to a token (5 min)
	Lanes       LaneLimits
	Meter       *meter.Meter // counts what is done; nil: nobody reads it

	// Uninterruptible is for tokens whose calls cannot be ended once they have
	// begun, as those of a PKCS#11 library in this process: operations then get
	// contexts without an end, for which such tokens need no goroutine, and the
	// server itself answers those that take too long.
	Uninterruptible bool

	// Heal takes a step of the healing ladder for the token in a slot. Only a
	// worker process has it: clients of a gateway are refused.
	Heal func(ctx context.Context, slot uint, step healing.Step) error
	// Library makes a harmless call to the library, without any slot; for workers as well.
	Library func(ctx context.Context) error

	Requests int   // under way on one connection before it is read no further (4096)
	Bytes    int64 // of request bodies under way on one connection, as above (32 MiB)
}

// LaneLimits bound the calls to one slot, of all clients together. Operations
// and everything else queue apart, so that a key generation delays no signature.
type LaneLimits struct {
	Operations, BriefOperations int // at once (32), and while each takes a tenth of a second at most (128)
	OperationQueue              int // waiting (2048)
	Management, ManagementQueue int // at once (4); waiting (64)

	// QueueTime is how long operations may have to wait, as far as the pace of
	// those before tells (5 s); further ones are refused at once. Everything else
	// waits as long as its client does.
	QueueTime  time.Duration
	QueueBytes int64 // of requests that wait in one queue (64 MiB)
}

func (c Config) withDefaults() Config {
	c.Connections = cmp.Or(c.Connections, 512)
	c.Handshake = cmp.Or(c.Handshake, 10*time.Second)
	c.Idle = cmp.Or(c.Idle, 2*time.Minute)
	c.Patience = cmp.Or(c.Patience, 30*time.Second)
	c.Call = cmp.Or(c.Call, 5*time.Minute)
	c.Lanes.Operations = cmp.Or(c.Lanes.Operations, 32)
	c.Lanes.BriefOperations = max(c.Lanes.Operations, cmp.Or(c.Lanes.BriefOperations, 128))
	c.Lanes.OperationQueue = cmp.Or(c.Lanes.OperationQueue, 2048)
	c.Lanes.Management = cmp.Or(c.Lanes.Management, 4)
	c.Lanes.ManagementQueue = cmp.Or(c.Lanes.ManagementQueue, 64)
	c.Lanes.QueueTime = cmp.Or(c.Lanes.QueueTime, 5*time.Second)
	c.Lanes.QueueBytes = cmp.Or(c.Lanes.QueueBytes, 64<<20)
	if c.Meter == nil {
		c.Meter = meter.New(time.Now)
	}
	c.Requests = cmp.Or(c.Requests, 4096)
	c.Bytes = cmp.Or(c.Bytes, 32<<20)
	return c
}

// Server serves connections. Make it with New.
type Server struct {
	cfg   Config
	lanes lanes

	lookout watcher
	attend  sync.Once
	over    chan struct{} // closed when Shutdown is done
	end     sync.Once

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	stopping  bool
	ended     sync.WaitGroup // connections
}

// New returns a Server that serves nothing yet.
func New(cfg Config) *Server {
	cfg = cfg.withDefaults()
	if cfg.TLS != nil {
		cfg.TLS = suited(cfg.TLS)
	}
	return &Server{cfg: cfg, lanes: lanes{limits: cfg.Lanes, meter: cfg.Meter, of: map[uint]*slotLanes{}}, listeners: map[net.Listener]struct{}{}, conns: map[*conn]struct{}{}, lookout: watcher{wake: make(chan struct{}, 1)}, over: make(chan struct{})}
}

// Serve accepts connections from l until Shutdown, which makes it return nil,
// or until l fails for good.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	if !s.listen(l) {
		return nil
	}
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	pause := 5 * time.Millisecond
	s.begin(ctx)
	for {
		raw, err := l.Accept()
		var temporary interface{ Temporary() bool }
		switch {
		case err == nil:
			pause = 5 * time.Millisecond
			s.admit(ctx, raw)
		case s.isStopping() || ctx.Err() != nil:
			return nil
		case errors.As(err, &temporary) && temporary.Temporary(): // out of file descriptors
			s.cfg.Log.Warn("cannot accept connections for now", slog.Any("error", err))
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			pause = min(2*pause, time.Second)
		default:
			return err
		}
	}
}

// ServePipe serves one client over a pipe, without TLS: whoever holds the other
// end has made this process. It returns when the connection has ended, with
// ctx, or by Shutdown.
func (s *Server) ServePipe(ctx context.Context, pipe net.Conn) {
	s.begin(ctx)
	s.mu.Lock()
	c := newConn(s, pipe, true)
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	c.serve(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// begin starts what looks after requests, until Shutdown is done: they are drained.
func (s *Server) begin(ctx context.Context) {
	s.attend.Do(func() {
		go s.watch(ctx)
		go s.lookOut(ctx)
	})
}

// Shutdown stops accepting, tells clients to go elsewhere, and waits until their
// requests under way are answered, or until ctx ends; then it cuts them off.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.end.Do(func() { close(s.over) })
	s.mu.Lock()
	s.stopping = true
	for l := range s.listeners {
		l.Close()
	}
	for c := range s.conns {
		s.ended.Go(func() { c.drain(ctx) })
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.ended.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	for c := range s.conns {
		c.end(ctx.Err())
	}
	s.mu.Unlock()
	select { // those that are cut off end soon, unless a call hangs
	case <-done:
	case <-time.After(time.Second):
	}
	return ctx.Err()
}

// sweepEvery is how often requests are looked for whose time is over, and
// sweepGrace what they are given beyond it: most end by themselves.
const (
	sweepEvery = 500 * time.Millisecond
	sweepGrace = 250 * time.Millisecond
)

// watch sweeps the connections and the lanes until the server has ended.
func (s *Server) watch(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.over:
			return
		case now := <-tick.C:
			s.mu.Lock()
			conns := slices.Collect(maps.Keys(s.conns))
			s.mu.Unlock()
			for _, c := range conns {
				c.sweep(now)
			}
			s.lanes.sweep(now)
		}
	}
}

func (s *Server) listen(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		l.Close()
		return false
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) isStopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}

// admit begins to serve a connection, if there is room.
func (s *Server) admit(ctx context.Context, raw net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping || len(s.conns) >= s.cfg.Connections {
		s.cfg.Log.Warn("client turned away: too many connections", slog.Any("client", raw.RemoteAddr()))
		raw.Close()
		return
	}
	c := newConn(s, raw, false)
	s.conns[c] = struct{}{}
	s.ended.Go(func() {
		c.serve(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, c)
	})
}
