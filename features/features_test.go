package features_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cucumber/godog"

	"gatehouse/features/results"
	"gatehouse/features/stage"
	"gatehouse/features/steps"
)

// scenarioWithin is how long one scenario may take.
const scenarioWithin = 2 * time.Minute

// TestFeaturesSimulated plays the features on the service in this process over
// simulated HSMs.
func TestFeaturesSimulated(t *testing.T) {
	play(t, "simulated", stage.Simulated, "")
}

// play plays the features that GATEHOUSE_FEATURES names, or all, on a stage.
func play(t *testing.T, name string, setUp func(context.Context, stage.Options) (*stage.Set, error), tags string) {
	set, err := setUp(t.Context(), stage.Options{
		Dir: t.TempDir(), HSMs: 200, Wrap: func(next http.RoundTripper) http.RoundTripper { return next },
	})
	if err != nil {
		t.Fatal(err)
	}
	run := &results.Run{Stage: name}
	paths, format := []string{"."}, "progress"
	only := os.Getenv("GATEHOUSE_FEATURES")
	if only != "" {
		paths, format = []string{only}, "pretty"
	}
	var runs atomic.Int64
	suite := godog.TestSuite{
		Name: name,
		ScenarioInitializer: func(sc *godog.ScenarioContext) {
			steps.Register(sc, set.Stage, &runs)
			sc.Before(func(ctx context.Context, _ *godog.Scenario) (context.Context, error) {
				ctx, cancel := context.WithTimeout(ctx, scenarioWithin)
				return context.WithValue(ctx, cancelKey{}, cancel), nil
			})
			sc.After(func(ctx context.Context, played *godog.Scenario, failed error) (context.Context, error) {
				if cancel, ok := ctx.Value(cancelKey{}).(context.CancelFunc); ok {
					cancel()
				}
				run.Add(scenario(played, failed))
				return ctx, nil
			})
		},
		Options: &godog.Options{
			Paths: paths, Format: format, Tags: tags, Strict: true, Randomize: -1, Concurrency: 8,
			NoColors: true, Output: &output{t: t}, DefaultContext: t.Context(),
		},
	}
	if status := suite.Run(); status != 0 {
		t.Errorf("the features did not all pass (status %d)", status)
	}
	if err := set.Close(); err != nil {
		t.Errorf("ending the stage: %v", err)
	}
	if only == "" {
		if err := run.Write(".results"); err != nil {
			t.Error(err)
		}
	}
}

type cancelKey struct{}

// scenario is how a scenario ended.
func scenario(played *godog.Scenario, failed error) results.Scenario {
	s := results.Scenario{Feature: filepath.ToSlash(played.Uri), Name: played.Name, Tags: []string{}}
	for _, tag := range played.Tags {
		s.Tags = append(s.Tags, strings.TrimPrefix(tag.Name, "@"))
	}
	if failed != nil {
		s.Error = failed.Error()
	}
	return s
}

// output writes what godog prints to the test's log.
type output struct{ t *testing.T }

// Write passes lines on.
func (o *output) Write(b []byte) (int, error) { return io.WriteString(o.t.Output(), string(b)) }
