package workflows_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/features/results"
	"gatehouse/features/workflows"
)

func TestEveryBuiltIDIsAWorkflow(t *testing.T) {
	t.Parallel()
	all, err := workflows.Read(filepath.Join("..", "..", "docs", "workflows.md"))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, w := range all {
		if known[w.ID] {
			t.Errorf("the id %s is there twice", w.ID)
		}
		known[w.ID] = true
	}
	for _, id := range workflows.Built() {
		if !known[id] {
			t.Errorf("%s is said to be built, and docs/workflows.md has no such id", id)
		}
	}
	if !known["Q5"] || known["id"] {
		t.Errorf("got %d workflows, want all rows of all tables and no heading", len(all))
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	all := []workflows.Workflow{{ID: "G2"}, {ID: "K1"}, {ID: "K2"}, {ID: "K4"}, {ID: "F1"}}
	run := &results.Run{Stage: "simulated", Scenarios: []results.Scenario{
		{Name: "passes", Tags: []string{"G2", "K1", "K4"}},
		{Name: "fails", Tags: []string{"K1"}, Error: "it rains"},
	}}
	var got []string
	for _, r := range workflows.Table(all, []*results.Run{run}) {
		verdict := r.ID + " " + r.Verdict()
		if r.Good() {
			verdict += ", good"
		}
		got = append(got, verdict)
	}
	want := []string{"G2 passing, good", "K1 failing", "K2 none yet", "K4 passing, good", "F1 not built yet, good"}
	if d := cmp.Diff(got, want); d != "" {
		t.Errorf("got (-), want (+):\n%s", d)
	}
}

func TestResultsReadBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := results.Read(dir); err == nil {
		t.Error("got results where there are none")
	}
	for _, stage := range []string{"real", "simulated"} {
		run := &results.Run{Stage: stage}
		run.Add(results.Scenario{Feature: "b", Name: "b", Tags: []string{"K1"}, Error: "it rains"})
		run.Add(results.Scenario{Feature: "a", Name: "a", Tags: []string{"K2"}})
		if err := run.Write(dir); err != nil {
			t.Fatal(err)
		}
	}
	runs, err := results.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range runs {
		for _, s := range r.Scenarios {
			got = append(got, r.Stage+" "+s.Name+" "+s.Error)
		}
	}
	if want := []string{"real a ", "real b it rains", "simulated a ", "simulated b it rains"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
