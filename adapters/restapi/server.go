package restapi

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// MaxConnections is how many connections a server keeps open at once unless
// it is told otherwise.
const MaxConnections = 4096

// Server returns a server for the handler that New made, over TLS with the
// given settings, with limits that slow or numerous clients cannot push.
// Serve it on a listener from Listen with ServeTLS(l, "", "").
//
// It speaks HTTP/1.1 only: on one machine that costs a quarter less than
// HTTP/2 for requests of this size, and each connection carries one request at
// a time, so that the limit of connections is one of requests too.
func Server(handler http.Handler, settings *tls.Config, log *slog.Logger) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:           handler,
		Protocols:         &protocols,
		TLSConfig:         settings,
		ReadHeaderTimeout: 10 * time.Second, // also for the TLS handshake
		WriteTimeout:      5 * time.Minute,  // the handler sets its own for replies and slow calls
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // clients' mistakes, mostly
	}
}

// Listen opens a TCP listener that keeps at most limit connections open (0:
// MaxConnections) and closes further ones at once, so that their clients know.
func Listen(ctx context.Context, address string, limit int) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if limit == 0 {
		limit = MaxConnections
	}
	return &limitedListener{Listener: l, limit: int64(limit)}, nil
}

type limitedListener struct {
	net.Listener
	limit int64
	open  atomic.Int64
}

// Accept returns the next connection within the limit.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= l.limit {
			return &limitedConn{Conn: conn, listener: l}, nil
		}
		l.open.Add(-1)
		_ = conn.Close() // nobody has written to it
	}
}

type limitedConn struct {
	net.Conn
	listener *limitedListener
	closed   atomic.Bool
}

// Close frees the connection's place.
func (c *limitedConn) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.listener.open.Add(-1)
	}
	return c.Conn.Close()
}
