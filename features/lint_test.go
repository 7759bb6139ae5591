package features_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	messages "github.com/cucumber/messages/go/v21"

	"github.com/cucumber/godog"

	"gatehouse/features/steps"
	"gatehouse/features/workflows"
)

// pickles returns all scenarios with their backgrounds and the examples of outlines.
func pickles(t *testing.T) []*messages.Pickle {
	t.Helper()
	features, err := (&godog.TestSuite{Options: &godog.Options{Paths: []string{"."}}}).RetrieveFeatures()
	if err != nil {
		t.Fatal(err)
	}
	var all []*messages.Pickle
	for _, f := range features {
		all = append(all, f.Pickles...)
	}
	if len(all) == 0 {
		t.Fatal("there are no features")
	}
	return all
}

// stepTypes are the kinds of steps by what gherkin calls them.
var stepTypes = map[messages.PickleStepType]steps.Kind{
	messages.PickleStepType_CONTEXT: steps.Given, messages.PickleStepType_ACTION: steps.When, messages.PickleStepType_OUTCOME: steps.Then,
}

func TestStepDefinitions(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	all := pickles(t)
	for _, step := range steps.Steps() {
		if !strings.HasPrefix(step.Expr, "^") || !strings.HasSuffix(step.Expr, "$") {
			t.Errorf("%s %s is not anchored", step.Kind, step.Expr)
		}
		expr, err := regexp.Compile(step.Expr)
		if err != nil {
			t.Fatal(err)
		}
		name := string(step.Kind) + " " + step.Expr
		if _, twice := used[name]; twice {
			t.Errorf("%s is defined twice", name)
		}
		used[name] = slices.ContainsFunc(all, func(p *messages.Pickle) bool {
			return slices.ContainsFunc(p.Steps, func(s *messages.PickleStep) bool {
				return stepTypes[s.Type] == step.Kind && expr.MatchString(s.Text)
			})
		})
	}
	for name, is := range used {
		if !is {
			t.Errorf("no scenario uses %s", name)
		}
	}
}

// transportWords are words of an interface, which a scenario has no business with.
var transportWords = regexp.MustCompile(`\b(HTTP|JSON|REST|URL|status code|endpoint|request body|response)\b`)

func TestScenariosAreInStyle(t *testing.T) {
	t.Parallel()
	ids := map[string]bool{}
	for _, tag := range []string{steps.Simulated, steps.Balanced, steps.Programs} {
		ids[strings.TrimPrefix(tag, "@")] = true
	}
	all, err := workflows.Read(filepath.Join("..", "docs", "workflows.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range all {
		ids[w.ID] = true
	}
	seen := map[string]bool{}
	for _, p := range pickles(t) {
		name := filepath.ToSlash(p.Uri) + ": " + p.Name
		proves := 0
		for _, tag := range p.Tags {
			id := strings.TrimPrefix(tag.Name, "@")
			seen[id] = true
			if !ids[id] {
				t.Errorf("%s: there is no workflow %s", name, id)
			}
			if tag.Name != steps.Simulated && tag.Name != steps.Balanced && tag.Name != steps.Programs {
				proves++
			}
		}
		if proves == 0 {
			t.Errorf("%s: neither it nor its feature tells which workflow it proves", name)
		}
		whens := 0
		for _, s := range p.Steps {
			if stepTypes[s.Type] == steps.When {
				whens++
			}
			if word := transportWords.FindString(s.Text); word != "" {
				t.Errorf("%s: %q speaks of %s, which is a matter of the interface", name, s.Text, word)
			}
		}
		if whens > 1 {
			t.Errorf("%s: got %d When, want one: what comes before is a Given", name, whens)
		}
		if n := len(p.Steps); n < 2 || n > 7 {
			t.Errorf("%s: got %d steps, want two to seven", name, n)
		}
	}
	for _, id := range workflows.Built() {
		if !seen[id] {
			t.Errorf("%s is said to be built, and no scenario proves it", id)
		}
	}
}
