// Package report tells in one value how a gateway is: for people, in the
// detailed health, and for monitoring, in metrics.
//
// It guarantees never to wait for the HSM, and to hold no PIN and no key. The
// driving adapters health and metrics show it. All functions may be called at once.
package report

import (
	"time"

	"gatehouse/app/gateway"
	"gatehouse/app/meter"
	"gatehouse/app/workers"
	"gatehouse/core/fault"
	"gatehouse/core/healing"
)

// Sources are what a report is made from. All are required but Workers.
type Sources struct {
	Version string
	Library string // its path
	Started time.Time
	Now     func() time.Time

	Gateway *gateway.Gateway
	Workers func(slot uint) []workers.Status // nil: the library is in this process
	Traffic func() Traffic
	Dates   func() []Date
	Meter   *meter.Meter
}

// Traffic is what clients do at the gateway now.
type Traffic struct {
	Clients int // connections
	Queues  []Queue
}

// Queue is where calls to a slot wait.
type Queue struct {
	Slot     uint          `json:"-"`
	Lane     string        `json:"lane"` // operations, management
	UnderWay int           `json:"under_way"`
	Waiting  int           `json:"waiting"`
	Limit    int           `json:"limit"`    // of those that wait
	Expected time.Duration `json:"-"`        // how long the next one would wait
	Wait     float64       `json:"expected"` // the same, in seconds
}

// Date is when a certificate ends that the gateway needs.
type Date struct {
	Setting string    `json:"setting"` // what names its file
	Subject string    `json:"subject"`
	Expires time.Time `json:"expires"`
}

// Report is how a gateway is.
type Report struct {
	Healthy      bool      `json:"healthy"`
	Version      string    `json:"version"`
	Library      string    `json:"library"`
	Started      time.Time `json:"started"`
	Uptime       float64   `json:"uptime"` // seconds
	Clients      int       `json:"clients"`
	Slots        []Slot    `json:"slots"` // those in use
	Certificates []Date    `json:"certificates"`
}

// Slot is how a slot in use is.
type Slot struct {
	Slot    uint      `json:"slot"`
	Healthy bool      `json:"healthy"`
	Since   time.Time `json:"since"`         // it has been so
	Why     string    `json:"why,omitempty"` // it is not healthy
	Clients int       `json:"clients"`
	Workers []Worker  `json:"workers,omitempty"`
	Queues  []Queue   `json:"queues,omitempty"`
	Errors  []Error   `json:"errors,omitempty"` // the latest first
}

// Worker is how a worker process of a slot is.
type Worker struct {
	Number   int            `json:"number"`
	Serving  bool           `json:"serving"`
	Since    time.Time      `json:"since"`
	Why      string         `json:"why,omitempty"`
	Calls    int            `json:"calls"` // under way
	Restarts int            `json:"restarts"`
	Sessions int            `json:"sessions"`        // in the token, a moment ago
	Steps    map[string]int `json:"steps,omitempty"` // of the healing ladder that were taken
}

// Error is a way in which calls to a slot failed.
type Error struct {
	Kind   string    `json:"kind"`
	Reason string    `json:"reason,omitempty"`
	Count  uint64    `json:"count"`
	Last   time.Time `json:"last"`
}

// maxErrors is how many ways of failing are told.
const maxErrors = 8

// Make makes a report of now.
func (s Sources) Make() Report {
	now := s.Now()
	traffic := s.Traffic()
	r := Report{
		Healthy: s.Gateway.Healthy(), Version: s.Version, Library: s.Library, Started: s.Started,
		Uptime: now.Sub(s.Started).Seconds(), Clients: traffic.Clients, Slots: []Slot{}, Certificates: s.Dates(),
	}
	for _, st := range s.Gateway.Slots() {
		slot := Slot{
			Slot: st.Slot, Healthy: st.Healthy, Since: st.Since, Clients: st.Clients, Workers: s.workers(st.Slot), Errors: s.errors(st.Slot),
		}
		if !st.Healthy {
			slot.Why = why(st.Why)
		}
		for _, q := range traffic.Queues {
			if q.Slot == st.Slot {
				slot.Queues = append(slot.Queues, q)
			}
		}
		r.Slots = append(r.Slots, slot)
	}
	return r
}

func (s Sources) workers(slot uint) []Worker {
	if s.Workers == nil {
		return nil
	}
	var list []Worker
	for i, st := range s.Workers(slot) {
		w := Worker{Number: i, Serving: st.Serving, Since: st.Since, Calls: st.Calls, Restarts: max(st.Starts-1, 0), Sessions: st.Sessions}
		if !st.Serving {
			w.Why = why(st.Why)
		}
		for _, step := range healing.Steps() {
			if n := st.Steps[step]; n > 0 {
				if w.Steps == nil {
					w.Steps = map[string]int{}
				}
				w.Steps[step.String()] = n
			}
		}
		list = append(list, w)
	}
	return list
}

func (s Sources) errors(slot uint) []Error {
	var list []Error
	for _, f := range s.Meter.Known(slot).Failures() {
		if len(list) < maxErrors {
			list = append(list, Error{Kind: string(f.Kind), Reason: string(f.Reason), Count: f.Count, Last: f.Last})
		}
	}
	return list
}

// why is an error as an operator may see it: without its cause, which may name
// what only the log does.
func why(err error) string {
	if err == nil {
		return ""
	}
	text := fault.Message(err)
	if r := fault.ReasonOf(err); r != fault.Unspecified && text != string(r) {
		if text == "" {
			return string(r)
		}
		text += " (" + string(r) + ")"
	}
	if text == "" {
		return "an error that the log tells of"
	}
	return text
}
