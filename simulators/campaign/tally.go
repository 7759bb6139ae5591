package campaign

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"gatehouse/core/fault"
)

// Tally counts requests that began during a fault, or between two.
type Tally struct {
	Good   atomic.Int64
	Allows []fault.Kind // as which requests may fail, beside those of an HSM that is out of reach

	mu     sync.Mutex
	failed map[string]int
	wrong  []string
}

// fails counts a request that failed, and notes it as wrong when it did not
// fail as something that is out of reach may.
func (t *Tally) fails(what string, err error) {
	kind, reason := fault.KindOf(err), fault.ReasonOf(err)
	name := string(reason)
	if name == "" {
		name = fmt.Sprintf("%s (%s)", kind, fault.Message(err))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed == nil {
		t.failed = map[string]int{}
	}
	t.failed[name]++
	switch {
	case slices.Contains(t.Allows, kind):
	case kind != fault.Unavailable && kind != fault.Exhausted, reason.Credential():
		t.note(fmt.Sprintf("%s failed as %s: %v", what, kind, err))
	}
}

// violates notes something that must not be.
func (t *Tally) violates(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.note(fmt.Sprintf(format, args...))
}

// maxNotes is how many violations of a fault are told apart.
const maxNotes = 5

func (t *Tally) note(text string) {
	if len(t.wrong) < maxNotes {
		t.wrong = append(t.wrong, text)
	}
}

// Failed returns how many requests failed, by their reason.
func (t *Tally) Failed() (n int, reasons map[string]int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	reasons = map[string]int{}
	for k, v := range t.failed {
		reasons[k] = v
		n += v
	}
	return n, reasons
}

// Violations returns what must not have been.
func (t *Tally) Violations() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.wrong...)
}

var errWrong = errors.New("the result is wrong")
