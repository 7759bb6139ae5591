// Package health answers load balancers: GET /health is 204 while the gateway
// is healthy and 500 while it is not, without a body.
//
// It guarantees to answer at once, whatever the HSM does, and to bear slow and
// many clients. It is used by app/assembly. All functions may be called at once.
package health

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Handler answers GET and HEAD of /health; healthy must not block.
func Handler(healthy func() bool) http.Handler {
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

// Timeouts of one request, in which there is nothing to wait for.
const (
	patience = 5 * time.Second
	idle     = time.Minute
)

// Serve answers on l, over TLS when settings are given, until ctx ends, and
// then returns nil.
func Serve(ctx context.Context, l net.Listener, settings *tls.Config, healthy func() bool, log *slog.Logger) error {
	s := &http.Server{
		Handler:           Handler(healthy),
		TLSConfig:         settings,
		ReadHeaderTimeout: patience,
		ReadTimeout:       patience,
		WriteTimeout:      patience,
		IdleTimeout:       idle,
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // a balancer that only looks whether the port is open is no news
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
