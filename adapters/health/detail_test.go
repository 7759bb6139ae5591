package health_test

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/adapters/health"
	"gatehouse/app/report"
)

var began = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

func example() report.Report {
	since := began.Add(time.Hour)
	return report.Report{
		Version: "1.2.3", Library: "/usr/lib/hsm.so", Started: began, Uptime: (2 * time.Hour).Seconds(), Clients: 3,
		Slots: []report.Slot{{
			Slot: 7, Since: since, Why: "the HSM reports a failure", Clients: 2,
			Queues:  []report.Queue{{Lane: "operations", UnderWay: 32, Waiting: 17, Limit: 2048, Expected: 1500 * time.Millisecond, Wait: 1.5}},
			Workers: []report.Worker{{Since: since, Why: "the HSM's library ended", Calls: 4, Restarts: 5, Steps: map[string]int{"new worker": 6}}},
			Errors:  []report.Error{{Kind: "unavailable", Reason: "timed out", Count: 9, Last: since}},
		}},
		Certificates: []report.Date{{Setting: "CERT_FILE", Subject: "CN=hsm", Expires: began.Add(100 * time.Hour)}},
	}
}

// private is a handler that lets in who shows a certificate.
func private() http.Handler {
	return health.PrivateHandler(func() bool { return false }, health.Private{
		Vouch: func(s tls.ConnectionState) error {
			if s.ServerName != "trusted" {
				return errors.New("no")
			}
			return nil
		},
		Detail:  example,
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "numbers") }),
	})
}

func get(h http.Handler, path, accept string, state *tls.ConnectionState) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	r.TLS = state
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

var trusted = &tls.ConnectionState{ServerName: "trusted"}

func TestOnlyTrustedClientsSeeMore(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/health/detail", "/metrics"} {
		for name, c := range map[string]struct {
			state *tls.ConnectionState
			want  int
		}{
			"without TLS":           {nil, http.StatusForbidden},
			"without a certificate": {&tls.ConnectionState{}, http.StatusForbidden},
			"with a trusted one":    {trusted, http.StatusOK},
		} {
			w := get(private(), path, "", c.state)
			if w.Code != c.want {
				t.Errorf("%s %s: got %d, want %d", path, name, w.Code, c.want)
			}
			if c.want != http.StatusOK && (strings.Contains(w.Body.String(), "hsm") || strings.Contains(w.Body.String(), "numbers")) {
				t.Errorf("%s %s: the refusal tells something: %q", path, name, w.Body)
			}
		}
		if w := get(health.Handler(func() bool { return true }), path, "", trusted); w.Code != http.StatusNotFound {
			t.Errorf("%s where there is no such side: got %d, want 404", path, w.Code)
		}
	}
	if w := get(private(), "/health", "", nil); w.Code != http.StatusInternalServerError || w.Body.Len() != 0 {
		t.Errorf("/health without a certificate: got %d %q, want 500 without a body", w.Code, w.Body)
	}
}

func TestDetail(t *testing.T) {
	t.Parallel()
	t.Run("is text for people", func(t *testing.T) {
		t.Parallel()
		text := get(private(), "/health/detail", "*/*", trusted).Body.String()
		for _, want := range []string{
			"gatehouse-hmg 1.2.3: NOT HEALTHY", "library /usr/lib/hsm.so, up for 2h0m0s, 3 connections",
			"certificate in CERT_FILE: CN=hsm, expires in 4 days", "slot 7: NOT HEALTHY for 1h0m0s: the HSM reports a failure",
			"32 under way", "17 of 2048 waiting", "the next one for 2s", "worker 0", "does not serve for 1h0m0s", "5 restarts",
			"6× new worker", "unavailable", "timed out", "9 times", "last 1h0m0s ago",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("the text lacks %q:\n%s", want, text)
			}
		}
	})
	t.Run("is JSON for programs", func(t *testing.T) {
		t.Parallel()
		w := get(private(), "/health/detail", "text/html, application/json;q=0.9", trusted)
		var got struct {
			Healthy bool
			Slots   []struct {
				Slot    uint
				Queues  []struct{ Lane string }
				Workers []struct{ Restarts int }
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%v: %s", err, w.Body)
		}
		if w.Header().Get("Content-Type") != "application/json" || len(got.Slots) != 1 || got.Slots[0].Slot != 7 ||
			got.Slots[0].Queues[0].Lane != "operations" || got.Slots[0].Workers[0].Restarts != 5 {
			t.Errorf("got %s as %q", w.Body, w.Header().Get("Content-Type"))
		}
	})
}

func TestCached(t *testing.T) {
	t.Parallel()
	now, asked, is := began, 0, true
	healthy := health.Cached(func() bool { asked++; return is }, func() time.Time { return now })
	for range 1000 {
		if !healthy() {
			t.Fatal("got unhealthy, want healthy")
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times in a moment, want once", asked)
	}
	is = false
	now = now.Add(time.Second)
	if healthy() {
		t.Error("got the old answer after a second, want a new one")
	}
}

func BenchmarkHealth(b *testing.B) {
	h := health.Handler(health.Cached(func() bool { return true }, time.Now))
	r := httptest.NewRequest(http.MethodGet, "/health", http.NoBody)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			h.ServeHTTP(httptest.NewRecorder(), r)
		}
	})
}
