// Package stage sets up the two stages that the features are played on: the
// service in this process over simulated HSMs, and the programs as they ship
// over SoftHSM2.
//
// It guarantees that both offer the same to the steps, so that a scenario does
// not know where it is played. The feature run uses it, one Set per run.
package stage

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"gatehouse/features/markers"
	"gatehouse/features/steps"
)

// Options say where a stage keeps its files, and who listens to the service's replies.
type Options struct {
	Dir  string // empty, and the stage's alone
	Wrap func(http.RoundTripper) http.RoundTripper
	// Scenarios is how many are played at most: each gets an account and an HSM.
	Scenarios int
}

// Set is a stage that is set up.
type Set struct {
	Stage *steps.Stage
	Data  string   // folder of the service's database
	Logs  []string // files that service and gateways write to

	trials  atomic.Int64 // gateways that scenarios have started
	mu      sync.Mutex   // while scenarios are played
	closers []func() error
}

// Close ends the stage. Its error tells what did not end well.
func (s *Set) Close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	s.closers = nil
	return errors.Join(errs...)
}

func (s *Set) onClose(f func() error) { s.closers = append(s.closers, f) }

// Database lists the files of the service's database, journals too.
func (s *Set) Database() ([]string, error) {
	entries, err := os.ReadDir(s.Data)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if strings.Contains(e.Name(), ".db") {
			files = append(files, filepath.Join(s.Data, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s holds no database", s.Data)
	}
	return files, nil
}

// scan reports whether marker is in the database, in any form.
func (s *Set) scan(marker []byte) (bool, error) {
	files, err := s.Database()
	if err != nil {
		return false, err
	}
	book := markers.New()
	book.Add(markers.KeyMaterial, marker)
	found, err := book.Files(files...)
	return len(found) > 0, err
}
