// Package metrics shows how a gateway is in Prometheus' text format.
//
// It guarantees never to wait for the HSM, and a bounded number of series: one
// set per slot in use, of which meter.MaxSlots are told apart. It is used by
// app/assembly, which puts its handler where only clients with a certificate
// come. All functions may be called at once.
package metrics

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"gatehouse/app/meter"
	"gatehouse/app/report"
	"gatehouse/core/healing"
)

// Handler answers with the metrics of the gateway that sources tell of, and of
// this process.
func Handler(sources report.Sources) http.Handler {
	r := prometheus.NewRegistry()
	// Those of package collectors do the same, and bring database/sql into the gateway.
	r.MustRegister(
		prometheus.NewGoCollector(),                                       //nolint:staticcheck // as above
		prometheus.NewProcessCollector(prometheus.ProcessCollectorOpts{}), //nolint:staticcheck // as above
		&collector{sources: sources},
	)
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: maxAtOnce})
}

// maxAtOnce bounds what a flood of scrapes costs.
const maxAtOnce = 4

type collector struct{ sources report.Sources }

// Describe names every metric.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range Table() {
		ch <- m.desc()
	}
}

// Collect reads everything once.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	r := c.sources.Make()
	put := func(m Metric, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(m.desc(), m.kind(), value, labels...)
	}
	put(info, 1, r.Version, r.Library)
	put(healthy, number(r.Healthy))
	put(clients, float64(r.Clients))
	earliest := map[string]report.Date{}
	for _, d := range r.Certificates {
		if e, seen := earliest[d.Setting]; !seen || d.Expires.Before(e.Expires) {
			earliest[d.Setting] = d
		}
	}
	for setting, d := range earliest {
		put(certificate, float64(d.Expires.Unix()), setting)
	}
	for _, s := range r.Slots {
		slot(s, put)
	}
	c.counted(ch, put)
}

// slot tells how a slot is.
func slot(s report.Slot, put func(Metric, float64, ...string)) {
	n := strconv.FormatUint(uint64(s.Slot), 10)
	put(slotHealthy, number(s.Healthy), n)
	put(slotClients, float64(s.Clients), n)
	for _, q := range s.Queues {
		put(underWay, float64(q.UnderWay), n, q.Lane)
		put(waiting, float64(q.Waiting), n, q.Lane)
		put(waitingLimit, float64(q.Limit), n, q.Lane)
		put(expected, q.Expected.Seconds(), n, q.Lane)
	}
	if s.Workers == nil {
		return
	}
	serving, restarts, open, steps := 0, 0, 0, map[string]int{}
	for _, w := range s.Workers {
		if w.Serving {
			serving++
		}
		restarts += w.Restarts
		open += w.Sessions
		for step, times := range w.Steps {
			steps[step] += times
		}
	}
	put(workersAll, float64(len(s.Workers)), n)
	put(workersServing, float64(serving), n)
	put(workerRestarts, float64(restarts), n)
	put(sessions, float64(open), n)
	for _, step := range healing.Steps() {
		put(healingSteps, float64(steps[step.String()]), n, step.String())
	}
}

// others is the label of slots that are not told apart.
const others = "other"

// counted tells what was counted since the start.
func (c *collector) counted(ch chan<- prometheus.Metric, put func(Metric, float64, ...string)) {
	numbers, slots, rest := c.sources.Meter.Read()
	for i, s := range append(slots, rest) {
		n := others
		if i < len(numbers) {
			n = strconv.FormatUint(uint64(numbers[i]), 10)
		}
		for _, class := range meter.Classes() {
			histogram(ch, duration, s.Took(class), n, class.String())
		}
		histogram(ch, waits, s.Waits(), n)
		for cause, count := range map[string]uint64{"full": s.Busy.Full.Load(), "late": s.Busy.Late.Load()} {
			if count > 0 || n != others {
				put(refused, float64(count), n, cause)
			}
		}
		for _, f := range s.Failures() {
			put(failures, float64(f.Count), n, string(f.Kind), string(f.Reason))
		}
	}
}

// histogram tells one, unless it is empty.
func histogram(ch chan<- prometheus.Metric, m Metric, h meter.Histogram, labels ...string) {
	total := h.Total()
	if total == 0 {
		return
	}
	upTo, sum := map[float64]uint64{}, uint64(0)
	for i, b := range meter.Bounds() {
		sum += h.Counts[i]
		upTo[b.Seconds()] = sum
	}
	ch <- prometheus.MustNewConstHistogram(m.desc(), total, h.Sum.Seconds(), upTo, labels...)
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
