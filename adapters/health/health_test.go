package health_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"gatehouse/adapters/health"
)

func TestHandler(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, method, path string
		healthy            bool
		want               int
	}{
		{"healthy", http.MethodGet, "/health", true, http.StatusNoContent},
		{"unhealthy", http.MethodGet, "/health", false, http.StatusInternalServerError},
		{"head", http.MethodHead, "/health", true, http.StatusNoContent},
		{"with a query", http.MethodGet, "/health?from=balancer", true, http.StatusNoContent},
		{"another method", http.MethodPost, "/health", true, http.StatusMethodNotAllowed},
		{"another path", http.MethodGet, "/", true, http.StatusNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			health.Handler(func() bool { return c.healthy }).ServeHTTP(w, httptest.NewRequest(c.method, c.path, http.NoBody))
			if w.Code != c.want {
				t.Errorf("got %d, want %d", w.Code, c.want)
			}
			if c.path == "/health" && c.method == http.MethodGet && w.Body.Len() != 0 {
				t.Errorf("got a body %q, want none", w.Body)
			}
		})
	}
}

func TestServeFollowsTheGateway(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var healthy atomic.Bool
	served := make(chan error, 1)
	go func() {
		served <- health.Serve(ctx, l, nil, health.Handler(healthy.Load), slog.New(slog.DiscardHandler))
	}()

	conn, err := new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	for _, want := range []int{http.StatusInternalServerError, http.StatusNoContent, http.StatusInternalServerError} {
		healthy.Store(want == http.StatusNoContent)
		fmt.Fprint(conn, "GET /health HTTP/1.1\r\nHost: gateway\r\n\r\n")
		answer, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("got %d, want %d", answer.StatusCode, want)
		}
	}
	stop()
	if err := <-served; err != nil {
		t.Errorf("after its context ended, Serve returns %v, want nil", err)
	}
}
