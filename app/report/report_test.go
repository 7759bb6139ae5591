package report_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

// TestMake tells of a slot whose token fails, in words that hold no cause.
func TestMake(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	slot := tokensim.New(tokensim.Options{PIN: secret.FromString("the PIN")})
	g := gateway.New(gateway.Config{
		Open:    func(ctx context.Context, _ uint, pin secret.Value) (token.Token, error) { return slot.Open(ctx, pin) },
		Answers: func(context.Context) error { return nil }, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler),
	})
	lease, err := g.Open(t.Context(), 7, secret.FromString("the PIN"), false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lease.Close(); _ = g.Close(context.Background()) })
	failing := fault.Wrap(fault.Unavailable, errors.New("SECRET CAUSE"), "the HSM fails").Because(fault.TokenFailed)
	slot.Fail(tokensim.Fault{Call: tokensim.Check, Err: failing, Stays: true})
	if _, err := lease.Check(t.Context()); err == nil {
		t.Fatal("the check went well")
	}
	counts := meter.New(func() time.Time { return now })
	counts.Slot(7).Failed(failing)
	r := report.Sources{
		Version: "1", Library: "lib", Started: now.Add(-time.Minute), Now: func() time.Time { return now }, Gateway: g, Meter: counts,
		Traffic: func() report.Traffic {
			return report.Traffic{Clients: 1, Queues: []report.Queue{{Slot: 7, Lane: "operations"}, {Slot: 8, Lane: "operations"}}}
		},
		Workers: func(uint) []workers.Status {
			return []workers.Status{
				{Serving: true, Starts: 3, Steps: map[healing.Step]int{healing.NewWorker: 2}},
				{Why: failing, Starts: 1},
			}
		},
		Dates: func() []report.Date { return nil },
	}.Make()
	want := report.Report{
		Version: "1", Library: "lib", Started: now.Add(-time.Minute), Uptime: 60, Clients: 1,
		Slots: []report.Slot{{
			Slot: 7, Since: now, Why: "the HSM fails (HSM reports a failure)", Clients: 1,
			Workers: []report.Worker{
				{Serving: true, Restarts: 2, Steps: map[string]int{"new worker": 2}},
				{Number: 1, Why: "the HSM fails (HSM reports a failure)"},
			},
			Queues: []report.Queue{{Slot: 7, Lane: "operations"}},
			Errors: []report.Error{{Kind: "unavailable", Reason: "HSM reports a failure", Count: 1, Last: now}},
		}},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, s := range r.Slots {
		if strings.Contains(s.Why, "SECRET") {
			t.Errorf("the cause shows: %s", s.Why)
		}
	}
}
