// Package health answers load balancers, and tells people and monitoring more:
// GET /health is 204 while the gateway is healthy and 500 while it is not,
// without a body. GET /health/detail and GET /metrics are for clients with a
// certificate alone.
//
// It guarantees to answer at once, whatever the HSM does, to bear slow and many
// clients, and to tell nobody more than healthy or not who shows no certificate
// that is vouched for. It is used by app/assembly. All functions may be called
// at once.
package health

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"gatehouse/app/report"
)

// Handler answers GET and HEAD of /health; healthy must not block.
func Handler(healthy func() bool) http.Handler { return public(healthy) }

func public(healthy func() bool) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if healthy() {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
	})
	return mux
}

// Private is what only clients with a certificate see.
type Private struct {
	// Vouch reports why a client is not one of them. It is asked at each request,
	// so that a certificate that is no longer trusted shows nothing.
	Vouch   func(tls.ConnectionState) error
	Detail  func() report.Report // must not block
	Metrics http.Handler
}

// PrivateHandler answers what Handler does, and GET /health/detail and GET
// /metrics as well: 403 to who has no certificate that is vouched for.
func PrivateHandler(healthy func() bool, p Private) http.Handler {
	mux := public(healthy)
	for path, h := range map[string]http.Handler{"GET /health/detail": detail(p.Detail), "GET /metrics": p.Metrics} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			if r.TLS == nil || p.Vouch(*r.TLS) != nil {
				http.Error(w, "this needs a client certificate that the gateway trusts", http.StatusForbidden)
				return
			}
			h.ServeHTTP(w, r)
		})
	}
	return mux
}

// fresh is how long an answer stands.
const fresh = 500 * time.Millisecond

// Cached asks healthy at most twice a second, however many ask it.
func Cached(healthy func() bool, now func() time.Time) func() bool {
	type answer struct {
		at time.Time
		is bool
	}
	var last atomic.Pointer[answer]
	return func() bool {
		t := now()
		a := last.Load()
		if a == nil || t.Sub(a.at) >= fresh || t.Before(a.at) {
			a = &answer{t, healthy()}
			last.Store(a)
		}
		return a.is
	}
}

// Limits of one request, in which there is nothing to wait for, and of
// connections, beyond which further ones are closed at once.
const (
	patience       = 5 * time.Second
	idle           = time.Minute
	maxConnections = 1024
)

// Serve answers on l, over TLS when settings are given, until ctx ends, and
// then returns nil.
func Serve(ctx context.Context, l net.Listener, settings *tls.Config, handler http.Handler, log *slog.Logger) error {
	s := &http.Server{
		Handler:           handler,
		TLSConfig:         settings,
		ReadHeaderTimeout: patience,
		ReadTimeout:       patience,
		WriteTimeout:      patience,
		IdleTimeout:       idle,
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // a balancer that only looks whether the port is open is no news
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true) // one request at a time on a connection
	s.Protocols = &protocols
	var open atomic.Int64
	s.ConnState = func(c net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			if open.Add(1) > maxConnections {
				c.Close()
			}
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		case http.StateActive, http.StateIdle:
		}
	}
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		if s.Shutdown(grace) != nil {
			s.Close()
		}
	})
	defer stop()
	serve := s.Serve
	if settings != nil {
		serve = func(l net.Listener) error { return s.ServeTLS(l, "", "") }
	}
	if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
