package restapi

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/id"
)

// exchange is one request and its answer as the access log tells them. It is
// the http.ResponseWriter that endpoints write to.
type exchange struct {
	http.ResponseWriter
	correlation string
	caller      id.Principal
	quiet       bool
	status      int
	bytes       int
	err         error // why it was refused
}

// exchangeOf returns the exchange that w is. Every handler of this package runs
// inside guard; elsewhere what is told to it is lost.
func exchangeOf(w http.ResponseWriter) *exchange {
	if x, ok := w.(*exchange); ok {
		return x
	}
	return &exchange{ResponseWriter: w}
}

// WriteHeader notes the status.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write notes the size.
func (x *exchange) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	n, err := x.ResponseWriter.Write(b)
	x.bytes += n
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// guard is what surrounds every request: headers, a correlation id, recovery
// from panics, the access log. It takes a trailing slash off the path.
func (s *server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := s.cfg.Now()
		x := &exchange{ResponseWriter: w, correlation: newCorrelation()}
		h := x.Header()
		h.Set("X-Request-Id", x.correlation)
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		defer func() {
			if p := recover(); p != nil {
				s.recovered(x, r, p)
			}
			s.logAccess(x, r, s.cfg.Now().Sub(started))
		}()
		if r.ContentLength != 0 { // also for bodies that nobody reads, which net/http skips
			_ = http.NewResponseController(x).SetReadDeadline(started.Add(s.cfg.BodyTimeout)) // a recorder in tests has none
		}
		if p := r.URL.Path; len(p) > 1 && strings.HasSuffix(p, "/") && !strings.HasSuffix(p, "//") {
			u := *r.URL
			u.Path, u.RawPath = p[:len(p)-1], strings.TrimSuffix(u.RawPath, "/")
			short := *r
			short.URL = &u
			r = &short
		}
		if r.Header.Get(dsmwire.ForwardedHeader) != "" {
			r = r.WithContext(dsmwire.Forwarded(r.Context()))
		}
		next.ServeHTTP(x, r)
	})
}

// recovered answers a request whose handler panicked: a bug.
func (s *server) recovered(x *exchange, r *http.Request, p any) {
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p) // net/http's own way to drop a connection
	}
	err := fault.Wrap(fault.Internal, fmt.Errorf("panic: %v\n%s", p, debug.Stack()), "panic")
	if x.status != 0 {
		x.err = err // too late for an answer
		return
	}
	s.refuse(x, r, err)
}

func newCorrelation() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// logAccess writes the line of the access log: the route, never the path or the
// query, which may hold names; never headers or bodies.
func (s *server) logAccess(x *exchange, r *http.Request, took time.Duration) {
	level := slog.LevelInfo
	switch {
	case x.status == http.StatusInternalServerError:
		level = slog.LevelError
	case x.status == http.StatusServiceUnavailable:
		level = slog.LevelWarn
	case x.quiet && x.status < http.StatusMultipleChoices:
		level = slog.LevelDebug
	}
	if !s.cfg.Log.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("id", x.correlation), slog.String("route", r.Pattern), slog.Int("status", x.status),
		slog.Int("bytes", x.bytes), slog.Duration("took", took),
	}
	if x.caller.Kind != "" {
		attrs = append(attrs, slog.String("caller", string(x.caller.Kind)+" "+x.caller.ID))
	}
	if x.err != nil {
		attrs = append(attrs, slog.String("error", x.err.Error()))
	}
	s.cfg.Log.LogAttrs(r.Context(), level, "request", attrs...)
}
