// Package workflows knows the ids of docs/workflows.md and which of them are
// built, and counts the scenarios of each.
//
// It guarantees that an id which is said to be built and has no scenario, or
// one that fails, shows. The program workflows prints its table, the tests of
// the features hold tags against its ids. Values only.
package workflows

import (
	"fmt"
	"os"
	"regexp"
	"slices"

	"gatehouse/features/results"
)

// Workflow is what Gatehouse must do.
type Workflow struct{ ID, Name string }

// row of a table of docs/workflows.md: id, workflow, what must be true.
var row = regexp.MustCompile(`(?m)^\| ([A-Z][0-9]+(?:\.[0-9]+)?) \| ([^|]+?) \|`)

// Read reads the workflows from docs/workflows.md.
func Read(path string) ([]Workflow, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the workflows: %w", err)
	}
	var all []Workflow
	for _, m := range row.FindAllSubmatch(text, -1) {
		all = append(all, Workflow{ID: string(m[1]), Name: string(m[2])})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s holds no workflows", path)
	}
	return all, nil
}

// Built lists the ids that are built: each must have scenarios, and all must
// pass. The others are planned.
func Built() []string {
	return []string{
		"G2", "G3.1", "G3.2", "G3.3", "G3.4", "G3.5", "G4.1", "G4.2", "G4.3", "G5",
		"G6.1", "G6.2", "G6.3", "G7", "G8.1", "G8.2", "G8.3", "G8.4",
		"P1", "P2", "P3", "P4.1", "P4.2", "P4.3", "K1", "K2", "K3", "K4", "K5", "K6", "K7", "K8", "H1", "H2", "H3", "H4.1", "H4.2", "H4.3", "H5",
	}
}

// Row tells how one workflow stands.
type Row struct {
	Workflow

	Passing map[string]int // scenarios that passed, by stage
	Failing []string       // scenarios that failed, with their stage
	Built   bool
}

// Verdict is how a row stands in two words.
func (r Row) Verdict() string {
	passing := 0
	for _, n := range r.Passing {
		passing += n
	}
	switch {
	case len(r.Failing) > 0:
		return "failing"
	case r.Built && passing == 0:
		return "none yet"
	case passing > 0:
		return "passing"
	default:
		return "not built yet"
	}
}

// Good reports whether nothing is wrong with the row.
func (r Row) Good() bool { return r.Verdict() == "passing" || r.Verdict() == "not built yet" }

// Table counts the scenarios of each workflow in the runs.
func Table(all []Workflow, runs []*results.Run) []Row {
	rows := make([]Row, len(all))
	for i, w := range all {
		rows[i] = Row{Workflow: w, Passing: map[string]int{}, Built: slices.Contains(Built(), w.ID)}
		for _, run := range runs {
			for _, s := range run.Scenarios {
				switch {
				case !slices.Contains(s.Tags, w.ID):
				case s.Error == "":
					rows[i].Passing[run.Stage]++
				default:
					rows[i].Failing = append(rows[i].Failing, fmt.Sprintf("%s, %s: %s: %s", s.Feature, run.Stage, s.Name, s.Error))
				}
			}
		}
	}
	return rows
}
