package features_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	messages "github.com/cucumber/messages/go/v21"

	"github.com/cucumber/godog"

	"gatehouse/features/contract"
	"gatehouse/features/markers"
	"gatehouse/features/results"
	"gatehouse/features/stage"
	"gatehouse/features/steps"
	"gatehouse/simulators/lab/openssl"
	"gatehouse/simulators/softtoken"
)

// scenarioWithin is how long one scenario may take: a disk that others use has kept
// some from unpacking a Debian within two minutes.
const scenarioWithin = 5 * time.Minute

// TestFeaturesSimulated plays the features on the service in this process over
// simulated HSMs.
func TestFeaturesSimulated(t *testing.T) {
	play(t, show{"simulated", stage.Simulated, "", []string{steps.Balanced, steps.Programs}, 8})
}

// TestFeaturesReal plays them over REST on the programs as they ship, over
// SoftHSM2: all but those that need what only a simulated HSM tells.
func TestFeaturesReal(t *testing.T) {
	play(t, show{"real", stage.Real, "", []string{steps.Simulated, steps.Balanced}, 8})
}

// TestFeaturesBalanced plays what needs gateways behind a load balancer, over
// REST as well, one scenario after the other: they measure.
func TestFeaturesBalanced(t *testing.T) {
	t.Setenv("GATEHOUSE_HMG_CONNECTION_AGE", "3s")
	t.Setenv("GATEHOUSE_RECOVER_EVERY", "200ms")
	t.Setenv("GATEHOUSE_RECOVERY_GRACE", "3s")
	play(t, show{"balanced", stage.Balanced, steps.Balanced, nil, 1})
}

// show is what is played where.
type show struct {
	name  string
	setUp func(context.Context, stage.Options) (*stage.Set, error)
	tag   string   // of what is played; empty: everything
	not   []string // tags of what is not
	once  int      // scenarios at once
}

// tags is the choice of scenarios as godog wants it.
func (s show) tags() string {
	all := []string{}
	if s.tag != "" {
		all = append(all, s.tag)
	}
	for _, tag := range s.not {
		all = append(all, "~"+tag)
	}
	return strings.Join(all, " && ")
}

// plays reports whether a scenario with these tags is among them.
func (s show) plays(tags []*messages.PickleTag) bool {
	has := func(name string) bool {
		return slices.ContainsFunc(tags, func(t *messages.PickleTag) bool { return t.Name == name })
	}
	return (s.tag == "" || has(s.tag)) && !slices.ContainsFunc(s.not, has)
}

// play plays the features that GATEHOUSE_FEATURES names, or all, on a stage,
// and then holds what went over the wire against the published document and
// looks for secrets where they must not be.
func play(t *testing.T, s show) {
	t.Helper()
	suite := suiteOf(t, s)
	count := scenarios(t, suite, s)
	if count == 0 && os.Getenv("GATEHOUSE_FEATURES") != "" {
		t.Skip("none of the scenarios is played here")
	}
	_, err := openssl.Run(t.Context(), nil, "version")
	softtoken.Need(t, err)
	document, book := document(t), markers.New()
	run := &results.Run{Stage: s.name}
	set, err := s.setUp(t.Context(), stage.Options{Dir: t.TempDir(), Scenarios: count, Wrap: func(next http.RoundTripper) http.RoundTripper {
		if document != nil {
			next = document.Transport(next)
		}
		return book.Transport(next)
	}})
	softtoken.Need(t, err)
	suite.ScenarioInitializer = initializer(set.Stage, run)
	if status := suite.Run(); status != 0 {
		t.Errorf("the features did not all pass (status %d)", status)
	}

	violations(t, document)
	database, err := set.Database()
	noSecretsIn(t, book, err, database...) // its journals too
	if err := set.Close(); err != nil {
		t.Errorf("ending the stage: %v", err)
	}
	database, err = set.Database()
	noSecretsIn(t, book, err, append(database, set.Logs...)...)
	for _, found := range book.Replies() {
		t.Error(found)
	}
	if os.Getenv("GATEHOUSE_FEATURES") == "" {
		if s.tag == "" {
			atLeast(t, book)
		}
		if err := run.Write(".results"); err != nil {
			t.Error(err)
		}
	}
}

// TestUnmentionedRefusalFails plays a scenario that says nothing of the refusal
// that it meets.
func TestUnmentionedRefusalFails(t *testing.T) {
	const feature = "Feature: Silence\n  Scenario: A refusal is passed over\n" +
		"    When the administrator makes the group \"Cloud\" linked to a cloud service\n    Then there is no group \"Cloud\"\n"
	suite := suiteOf(t, show{name: "silence", once: 1})
	suite.Options.Paths, suite.Options.Output = nil, io.Discard
	suite.Options.FeatureContents = []godog.Feature{{Name: "silence.feature", Contents: []byte(feature)}}
	set, err := stage.Simulated(t.Context(), stage.Options{Dir: t.TempDir(), Scenarios: 1, Wrap: func(next http.RoundTripper) http.RoundTripper { return next }})
	if err != nil {
		t.Fatal(err)
	}
	run := &results.Run{}
	suite.ScenarioInitializer = initializer(set.Stage, run)
	if status := suite.Run(); status == 0 {
		t.Error("the scenario has passed")
	}
	if len(run.Scenarios) != 1 || !strings.Contains(run.Scenarios[0].Error, "a refusal that it did not mention") {
		t.Errorf("got %v, want one scenario that failed for the refusal", run.Scenarios)
	}
	if err := set.Close(); err != nil {
		t.Error(err)
	}
}

// suiteOf returns the features to play, in random order and at once.
func suiteOf(t *testing.T, s show) *godog.TestSuite {
	t.Helper()
	paths, format := []string{"."}, "progress"
	if only := os.Getenv("GATEHOUSE_FEATURES"); only != "" {
		paths, format = []string{scenarioAt(t, only)}, "pretty"
	}
	return &godog.TestSuite{Name: s.name, Options: &godog.Options{
		Paths: paths, Format: format, Tags: s.tags(), Strict: true, Randomize: -1, Concurrency: s.once,
		NoColors: true, Output: t.Output(), DefaultContext: t.Context(),
	}}
}

// scenarioAt returns path with the line, if it has one, moved up to where its
// scenario begins.
func scenarioAt(t *testing.T, path string) string {
	t.Helper()
	file, number, has := strings.Cut(path, ":")
	if !has {
		return path
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	line, err := strconv.Atoi(number)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i := min(line, len(lines)); i > 0; i-- {
		if strings.HasPrefix(strings.TrimSpace(lines[i-1]), "Scenario") {
			return file + ":" + strconv.Itoa(i)
		}
	}
	return file
}

// scenarios counts the scenarios of a suite that are played, each example of an outline.
func scenarios(t *testing.T, suite *godog.TestSuite, s show) int {
	t.Helper()
	options := *suite.Options
	options.Tags = "" // those of other stages too: a path that holds none at all is a mistake
	features, err := (&godog.TestSuite{Name: suite.Name, Options: &options}).RetrieveFeatures()
	if err != nil {
		t.Fatal(err)
	}
	all, n := 0, 0
	for _, f := range features {
		for _, p := range f.Pickles {
			all++
			if s.plays(p.Tags) {
				n++
			}
		}
	}
	if all == 0 {
		t.Fatalf("there is no scenario in %s", suite.Options.Paths)
	}
	return n
}

type cancelKey struct{}

// initializer prepares each scenario and records how it ended.
func initializer(on *steps.Stage, run *results.Run) func(*godog.ScenarioContext) {
	return func(sc *godog.ScenarioContext) {
		sc.Before(func(ctx context.Context, _ *godog.Scenario) (context.Context, error) {
			ctx, cancel := context.WithTimeout(ctx, scenarioWithin)
			return context.WithValue(ctx, cancelKey{}, cancel), nil
		})
		steps.Register(sc, on)
		sc.After(func(ctx context.Context, played *godog.Scenario, failed error) (context.Context, error) {
			if cancel, ok := ctx.Value(cancelKey{}).(context.CancelFunc); ok {
				cancel()
			}
			run.Add(ended(played, failed))
			return ctx, nil
		})
	}
}

// ended is how a scenario ended.
func ended(played *godog.Scenario, failed error) results.Scenario {
	s := results.Scenario{Feature: filepath.ToSlash(played.Uri), Name: played.Name}
	for _, tag := range played.Tags {
		s.Tags = append(s.Tags, strings.TrimPrefix(tag.Name, "@"))
	}
	if failed != nil {
		s.Error = failed.Error()
	}
	return s
}

// published is the published OpenAPI document with what both runs found; nil
// where it is not. Reading it takes seconds.
var published = sync.OnceValues(func() (*contract.Contract, error) {
	path, err := contract.Find("..")
	if err != nil {
		return nil, err
	}
	return contract.Load(path)
})

// document returns the published OpenAPI document; nil where it is not.
func document(t *testing.T) *contract.Contract {
	t.Helper()
	c, err := published()
	if errors.Is(err, contract.ErrNoDocument) {
		t.Logf("the replies are not held against the published document: %v", err)
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// violations reports the replies that are not as the document has them.
func violations(t *testing.T, c *contract.Contract) {
	t.Helper()
	if c == nil {
		return
	}
	if len(c.Checked()) == 0 {
		t.Error("no reply was held against the published document")
	}
	for _, v := range c.Violations() {
		t.Errorf("against the published document: %s", v)
	}
}

// noSecretsIn reports secrets in files.
func noSecretsIn(t *testing.T, book *markers.Book, err error, files ...string) {
	t.Helper()
	if err != nil {
		t.Error(err)
		return
	}
	found, err := book.Files(files...)
	if err != nil {
		t.Errorf("looking for secrets: %v", err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

// atLeast makes sure that a whole run has brought secrets of each kind to look for.
func atLeast(t *testing.T, book *markers.Book) {
	t.Helper()
	for _, short := range book.Short() {
		t.Error(short)
	}
	counts := book.Counts()
	for _, kind := range []markers.Kind{
		markers.PIN, markers.Password, markers.APIKey, markers.SessionToken, markers.KeyMaterial, markers.ClientKey,
	} {
		if counts[kind] == 0 {
			t.Errorf("the run has brought no %s to look for", kind)
		}
	}
	t.Logf("looked for %v in the database, the logs and all replies", counts)
}
