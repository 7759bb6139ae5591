package keysync

import (
	"slices"
	"strconv"
	"time"

	"gatehouse/core/id"
)

// Scan is a sync of a group: one that runs, or one that has ended.
type Scan struct {
	ID        id.Scan
	Group     id.Group
	Starter   id.Principal // who asked for it; the service itself for an automatic one
	Async     bool         // nobody waits for its answer
	StartedAt time.Time

	// The rest is set when it has ended.
	FinishedAt time.Time // zero while it runs
	Result     Result
	Message    string // why it failed
	Counts     Counts
	Warnings   []Warning // at most WarningsKept
}

// Result tells how a sync has ended.
type Result string

// The results. Cancelled is a failure to the API.
const (
	Running   Result = ""
	Succeeded Result = "Success"
	Failed    Result = "Failed"
	Cancelled Result = "Cancelled"
)

// Counts is what a sync has found and recorded, in numbers.
type Counts struct {
	Objects   int // objects in the slot
	Added     int // new virtual keys
	Changed   int // pointers brought up to date, those of keys that came back among them
	Back      int // missing keys that came back
	Missing   int // keys newly marked missing
	Conflicts int // keys that another key, or half of one, has taken the place of
	Unchanged int
	Skipped   int // left out by the group's key scan setting
}

// WarningsKept is how many warnings are kept of one sync.
const WarningsKept = 1000

// End returns s as it has ended. Of more than WarningsKept warnings the first
// are kept, and the last one says how many there were.
func (s Scan) End(at time.Time, r Result, message string, c Counts, warnings []Warning) Scan {
	s.FinishedAt, s.Result, s.Message, s.Counts, s.Warnings = at, r, message, c, warnings
	if n := len(warnings); n > WarningsKept {
		s.Warnings = slices.Concat(warnings[:WarningsKept-1], []Warning{{Message: "there were " + strconv.Itoa(n) + " warnings; the first are kept"}})
	}
	return s
}

// RetryAfter is how long an automatic sync waits after one that has failed, if
// its interval is not shorter.
const RetryAfter = 15 * time.Minute

// Due reports whether a group that is synced every so many hours is to be
// synced now. Scans are what is known of its syncs, the newest first: any that
// succeeded counts, whoever asked for it.
func Due(hours int, scans []Scan, now time.Time) bool {
	if hours <= 0 {
		return false
	}
	every := time.Duration(hours) * time.Hour
	for i, s := range scans {
		switch {
		case s.Result == Running:
			return false
		case i == 0 && s.Result != Succeeded && now.Sub(s.FinishedAt) < min(every, RetryAfter):
			return false
		case s.Result == Succeeded:
			return now.Sub(s.StartedAt) >= every
		}
	}
	return true
}
