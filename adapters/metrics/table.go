package metrics

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// Metric is one metric, as docs/operations/monitoring.md lists it.
type Metric struct {
	Name   string
	Type   string // gauge, counter, histogram
	Labels []string
	Help   string
}

func (m Metric) desc() *prometheus.Desc {
	return prometheus.NewDesc("gatehouse_hmg_"+m.Name, m.Help, m.Labels, nil)
}

func (m Metric) kind() prometheus.ValueType {
	if m.Type == "counter" {
		return prometheus.CounterValue
	}
	return prometheus.GaugeValue
}

var (
	info        = Metric{"info", "gauge", []string{"version", "library"}, "1; its labels tell what runs"}
	healthy     = Metric{"healthy", "gauge", nil, "1 while every slot in use serves: what GET /health answers"}
	clients     = Metric{"clients", "gauge", nil, "Connections of clients"}
	certificate = Metric{"certificate_expiry_timestamp_seconds", "gauge", []string{"setting"}, "When the first certificate ends in the file that the setting names"}

	slotHealthy = Metric{"slot_healthy", "gauge", []string{"slot"}, "1 while the slot serves"}
	slotClients = Metric{"slot_clients", "gauge", []string{"slot"}, "Clients that have the slot open"}

	underWay     = Metric{"calls_under_way", "gauge", []string{"slot", "lane"}, "Calls that the library, or its workers, have been given"}
	waiting      = Metric{"queue_length", "gauge", []string{"slot", "lane"}, "Calls that wait for their turn"}
	waitingLimit = Metric{"queue_limit", "gauge", []string{"slot", "lane"}, "How many may wait"}
	expected     = Metric{"queue_expected_wait_seconds", "gauge", []string{"slot", "lane"}, "How long the next call would wait"}
	waits        = Metric{"queue_wait_seconds", "histogram", []string{"slot"}, "How long calls waited that had to"}
	refused      = Metric{"refused_total", "counter", []string{"slot", "cause"}, "Calls refused as busy: the queue was full, or they would have come too late"}

	duration = Metric{"call_duration_seconds", "histogram", []string{"slot", "operation"}, "How long calls took in the token, without waiting"}
	failures = Metric{"errors_total", "counter", []string{"slot", "kind", "reason"}, "Calls that failed"}

	workersAll     = Metric{"workers", "gauge", []string{"slot"}, "Worker processes that there should be"}
	workersServing = Metric{"workers_serving", "gauge", []string{"slot"}, "Worker processes that serve"}
	workerRestarts = Metric{"worker_restarts_total", "counter", []string{"slot"}, "Worker processes that took the place of another one"}
	sessions       = Metric{"sessions", "gauge", []string{"slot"}, "Sessions that the slot's workers have in the token, when they were last asked"}
	healingSteps   = Metric{"healing_steps_total", "counter", []string{"slot", "step"}, "Steps of the healing ladder that were taken"}
)

// Table lists every metric, in the order of the document.
func Table() []Metric {
	return []Metric{
		info, healthy, clients, certificate, slotHealthy, slotClients,
		underWay, waiting, waitingLimit, expected, waits, refused, duration, failures,
		workersAll, workersServing, workerRestarts, sessions, healingSteps,
	}
}

// Row returns m as a row of the document's table.
func Row(m Metric) string {
	return "| `gatehouse_hmg_" + m.Name + "` | " + m.Type + " | " + strings.Join(m.Labels, ", ") + " | " + m.Help + " |"
}
