// Package results keeps how scenarios ended, for who reports on them later.
//
// It guarantees that a file holds one whole run of one stage. The feature run
// writes it, the program workflows reads it. A Run is safe for concurrent use.
package results

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Scenario is how one scenario ended; of an outline, one of its examples.
type Scenario struct {
	Feature string   `json:"feature"` // path of its file
	Name    string   `json:"name"`
	Tags    []string `json:"tags"`            // its own and its feature's
	Error   string   `json:"error,omitempty"` // empty: it passed
}

// Run is one run of all features on one stage.
type Run struct {
	Stage     string     `json:"stage"`
	Scenarios []Scenario `json:"scenarios"`

	mu sync.Mutex
}

// Add adds how a scenario ended.
func (r *Run) Add(s Scenario) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Scenarios = append(r.Scenarios, s)
}

// Write writes the run to dir, in place of an earlier one of its stage.
func (r *Run) Write(dir string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortFunc(r.Scenarios, func(a, b Scenario) int {
		return cmp.Or(cmp.Compare(a.Feature, b.Feature), cmp.Compare(a.Name, b.Name))
	})
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the results: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the folder of results: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, r.Stage+".json"), append(b, '\n'), 0o644)
}

// ErrNone tells that no run has been written.
var ErrNone = errors.New("there are no results")

// Read returns the last run of every stage.
func Read(dir string) ([]*Run, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var runs []*Run
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		r := &Run{}
		if err := json.Unmarshal(b, r); err != nil {
			return nil, fmt.Errorf("reading %s: %w", f, err)
		}
		runs = append(runs, r)
	}
	if len(runs) == 0 {
		return nil, ErrNone
	}
	return runs, nil
}
