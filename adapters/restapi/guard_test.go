package restapi_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/adapters/restapi"
	"gatehouse/core/fault"
)

// logBook collects log lines.
type logBook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// alone is the API without use cases behind it, for what needs none.
func alone(cfg restapi.Config) (http.Handler, *logBook) {
	book := &logBook{}
	cfg.Now, cfg.Version = time.Now, "1.2.3"
	cfg.Log = slog.New(slog.NewTextHandler(book, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return restapi.New(restapi.Services{}, cfg), book
}

func get(h http.Handler, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w
}

func TestABugIsAnsweredOpaquelyAndLoggedOnce(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]func(context.Context) error{
		"a panic":                   func(context.Context) error { panic("the inside shows") },
		"an error without a kind":   func(context.Context) error { return errors.New("the inside shows") },
		"an error of kind internal": func(context.Context) error { return fault.New(fault.Internal, "the inside shows") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, book := alone(restapi.Config{Healthy: broken})
			w := get(h, "/sys/v1/health")
			id := w.Header().Get("X-Request-Id")
			if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "inside") || id == "" ||
				!strings.Contains(w.Body.String(), id) {
				t.Errorf("got %d %q, want 500 and nothing but the id %s", w.Code, w.Body, id)
			}
			if got := strings.Count(book.String(), "the inside shows"); got != 1 {
				t.Errorf("the cause was logged %d times, want once:\n%s", got, book)
			}
			if !strings.Contains(book.String(), id) || !strings.Contains(book.String(), "level=ERROR") {
				t.Errorf("the log does not lead from id %s to an error:\n%s", id, book)
			}
		})
	}
}

func TestWhatIsOutOfReachIsSaidPlainly(t *testing.T) {
	t.Parallel()
	h, _ := alone(restapi.Config{Healthy: func(context.Context) error {
		return fault.Wrap(fault.Unavailable, errors.New("disk"), "the database is out of reach")
	}})
	w := get(h, "/sys/v1/health")
	if w.Code != http.StatusServiceUnavailable || w.Body.String() != "the database is out of reach" ||
		w.Header().Get("Content-Type") != "text/plain; charset=utf-8" || w.Header().Get("Retry-After") == "" {
		t.Errorf("got %d %q %v", w.Code, w.Body, w.Header())
	}
	if w := get(h, "/sys/v1/services"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"health_status":"Unhealthy"`) {
		t.Errorf("services: got %d %s", w.Code, w.Body)
	}
	well, _ := alone(restapi.Config{})
	if w := get(well, "/sys/v1/health"); w.Code != http.StatusNoContent || w.Body.Len() != 0 {
		t.Errorf("when all is well: got %d %q, want 204 without a body", w.Code, w.Body)
	}
}

func TestTheAccessLogTellsTheRouteOnly(t *testing.T) {
	t.Parallel()
	h, book := alone(restapi.Config{})
	get(h, "/sys/v1/services/marker-in-the-path?q=marker-in-the-query")
	r := httptest.NewRequest(http.MethodGet, "/sys/v1/version", nil)
	r.Header.Set("Authorization", "Basic marker-in-the-header")
	h.ServeHTTP(httptest.NewRecorder(), r)
	for _, want := range []string{`route="GET /sys/v1/services/{name}"`, "status=404", `route="GET /sys/v1/version"`, "status=200", "took=", "id="} {
		if !strings.Contains(book.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, book)
		}
	}
	if strings.Contains(book.String(), "marker") {
		t.Errorf("the log tells what was asked:\n%s", book)
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	h, _ := alone(restapi.Config{})
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{http.MethodGet, "/sys/v1/version", 200},
		{http.MethodGet, "/sys/v1/version/", 200},
		{http.MethodHead, "/sys/v1/version", 200},
		{http.MethodGet, "/sys/v1/info", 200},
		{http.MethodGet, "/sys/v1/services/gatehouse", 200},
		{http.MethodGet, "/sys/v1/services/other", 404},
		{http.MethodPost, "/sys/v1/version", 405},
		{http.MethodDelete, "/sys/v1/session/auth", 405},
		{http.MethodGet, "/", 404},
		{http.MethodGet, "/sys/v1/nothing", 404},
		{http.MethodGet, "/sys/v1/groups", 401},
		{http.MethodGet, "/sys/v1/groups/", 401},
		{http.MethodPatch, "/sys/v1/groups/x", 401},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if w.Code != c.want {
			t.Errorf("%s %s: got %d, want %d", c.method, c.path, w.Code, c.want)
		}
		if c.want == 405 && w.Header().Get("Allow") == "" {
			t.Errorf("%s %s: no Allow header", c.method, c.path)
		}
	}
}

func TestTheAPIPageLoadsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	h, _ := alone(restapi.Config{})
	for path, content := range map[string]string{
		"/docs": "text/html", "/docs/page.js": "text/javascript", "/docs/page.css": "text/css",
	} {
		w := get(h, path)
		if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), content) || w.Body.Len() < 100 {
			t.Errorf("%s: got %d %s, %d bytes", path, w.Code, w.Header().Get("Content-Type"), w.Body.Len())
		}
		if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
		for _, elsewhere := range []string{"http://", "https://", `"//`, "innerHTML"} {
			if strings.Contains(w.Body.String(), elsewhere) {
				t.Errorf("%s holds %s", path, elsewhere)
			}
		}
	}
}
