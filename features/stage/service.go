package stage

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"

	"gatehouse/features/steps"
	"gatehouse/simulators/lab"
)

// spareAccounts are for the scenarios whose HSM is another service: another
// account of the same one.
const spareAccounts = 40

// listen has the service in this process listen as another one, which counts
// the logins that it refuses.
func (s *Set) listen(handler http.Handler) steps.Service {
	var refused atomic.Int64
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		counting := &statusWriter{ResponseWriter: w}
		handler.ServeHTTP(counting, r)
		if r.URL.Path == "/sys/v1/session/auth" && counting.status == http.StatusUnauthorized {
			refused.Add(1)
		}
	}))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onClose(func() error { server.Close(); return nil })
	return steps.Service{
		Address: strings.TrimPrefix(server.URL, "https://"), TLS: steps.Trusting(server.Certificate().Raw),
		WrongLogins: func() int { return int(refused.Load()) },
	}
}

// statusWriter notes the status of a reply.
type statusWriter struct {
	http.ResponseWriter

	status int
}

// WriteHeader notes the status.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// overTheNetwork is the lab's service as another one.
func overTheNetwork(service lab.Service) (func(context.Context) (steps.Service, error), error) {
	ca, err := os.ReadFile(service.CA)
	if err != nil {
		return nil, err
	}
	return func(context.Context) (steps.Service, error) {
		return steps.Service{Address: strings.TrimPrefix(service.Endpoint, "https://"), TLS: steps.Trusting(ca)}, nil
	}, nil
}
