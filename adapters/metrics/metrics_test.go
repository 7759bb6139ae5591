package metrics_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse/adapters/metrics"
	"gatehouse/app/gateway"
	"gatehouse/app/meter"
	"gatehouse/app/report"
	"gatehouse/app/workers"
	"gatehouse/core/fault"
	"gatehouse/core/healing"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
	"gatehouse/simulators/tokensim"
)

// sources are those of a gateway with slot 7 open.
func sources(t *testing.T) report.Sources {
	t.Helper()
	slot := tokensim.New(tokensim.Options{PIN: secret.FromString("1234")})
	g := gateway.New(gateway.Config{
		Open:    func(ctx context.Context, _ uint, pin secret.Value) (token.Token, error) { return slot.Open(ctx, pin) },
		Answers: func(context.Context) error { return nil }, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	lease, err := g.Open(t.Context(), 7, secret.FromString("1234"), false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lease.Close(); _ = g.Close(context.Background()) })
	counts := meter.New(time.Now)
	s := counts.Slot(7)
	s.Did(meter.Sign, time.Millisecond, nil)
	s.Did(meter.Sign, time.Millisecond, fault.New(fault.Unavailable, "no").Because(fault.TokenFailed))
	s.Waited(time.Second)
	s.Busy.Full.Add(3)
	return report.Sources{
		Version: "1.2.3", Library: "/lib/hsm.so", Started: time.Now(), Now: time.Now, Gateway: g, Meter: counts,
		Workers: func(uint) []workers.Status {
			return []workers.Status{{Serving: true, Starts: 3, Steps: map[healing.Step]int{healing.NewWorker: 2}, Sessions: 5}, {Starts: 1, Sessions: 1}}
		},
		Traffic: func() report.Traffic {
			return report.Traffic{Clients: 2, Queues: []report.Queue{{Slot: 7, Lane: "operations", UnderWay: 4, Waiting: 5, Limit: 6, Expected: time.Second}}}
		},
		Dates: func() []report.Date {
			return []report.Date{{Setting: "CERT_FILE", Expires: time.Unix(2000, 0)}, {Setting: "CERT_FILE", Expires: time.Unix(1000, 0)}}
		},
	}
}

func scrape(t *testing.T, s report.Sources) string {
	t.Helper()
	w := httptest.NewRecorder()
	metrics.Handler(s).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	text, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != http.StatusOK {
		t.Fatalf("got %d (%v): %s", w.Code, err, text)
	}
	return string(text)
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	text := scrape(t, sources(t))
	for _, want := range []string{
		`gatehouse_hmg_info{library="/lib/hsm.so",version="1.2.3"} 1`,
		`gatehouse_hmg_clients 2`,
		`gatehouse_hmg_certificate_expiry_timestamp_seconds{setting="CERT_FILE"} 1000`,
		`gatehouse_hmg_slot_healthy{slot="7"} 1`,
		`gatehouse_hmg_slot_clients{slot="7"} 1`,
		`gatehouse_hmg_calls_under_way{lane="operations",slot="7"} 4`,
		`gatehouse_hmg_queue_length{lane="operations",slot="7"} 5`,
		`gatehouse_hmg_queue_limit{lane="operations",slot="7"} 6`,
		`gatehouse_hmg_queue_expected_wait_seconds{lane="operations",slot="7"} 1`,
		`gatehouse_hmg_refused_total{cause="full",slot="7"} 3`,
		`gatehouse_hmg_call_duration_seconds_count{operation="sign",slot="7"} 2`,
		`gatehouse_hmg_call_duration_seconds_sum{operation="sign",slot="7"} 0.002`,
		`gatehouse_hmg_queue_wait_seconds_count{slot="7"} 1`,
		`gatehouse_hmg_errors_total{kind="unavailable",reason="HSM reports a failure",slot="7"} 1`,
		`gatehouse_hmg_workers{slot="7"} 2`,
		`gatehouse_hmg_workers_serving{slot="7"} 1`,
		`gatehouse_hmg_worker_restarts_total{slot="7"} 2`,
		`gatehouse_hmg_healing_steps_total{slot="7",step="new worker"} 2`,
		`gatehouse_hmg_sessions{slot="7"} 6`,
		"process_resident_memory_bytes", "go_goroutines",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
	if strings.Contains(text, "1234") {
		t.Error("the PIN shows")
	}
}

// TestEveryMetricIsToldAndDocumented: the table is what is served and what the
// manual lists.
func TestEveryMetricIsToldAndDocumented(t *testing.T) {
	t.Parallel()
	text := scrape(t, sources(t))
	page, err := os.ReadFile("../../docs/operations/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range metrics.Table() {
		if !strings.Contains(text, "# HELP gatehouse_hmg_"+m.Name+" ") {
			t.Errorf("%s is not served", m.Name)
		}
		if row := metrics.Row(m); !strings.Contains(string(page), row+"\n") {
			t.Errorf("the manual lacks the row\n%s", row)
		}
	}
	if got, want := strings.Count(string(page), "\n| `gatehouse_hmg_"), len(metrics.Table()); got != want {
		t.Errorf("the manual lists %d metrics, want %d", got, want)
	}
}

func BenchmarkScrape(b *testing.B) {
	counts := meter.New(time.Now)
	for n := range uint(8) {
		for _, c := range meter.Classes() {
			counts.Slot(n).Did(c, time.Millisecond, nil)
		}
	}
	h := metrics.Handler(report.Sources{
		Now: time.Now, Meter: counts, Gateway: gateway.New(gateway.Config{Now: time.Now}),
		Traffic: func() report.Traffic { return report.Traffic{} }, Dates: func() []report.Date { return nil },
	})
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	}
}
