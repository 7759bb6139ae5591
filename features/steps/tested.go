package steps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/simulators/tested"
)

// hsmDocuments is where results of test runs are, seen from the features.
var hsmDocuments = filepath.Join("..", "docs", "hsm")

// tokens are results of test runs, and the table that was made of them.
type tokens struct {
	results []tested.Result
	table   []byte
}

func testedSteps() []Step {
	return []Step{
		{Given, `^the tests were run with the token "([^"]*)" by every way$`, on1((*scenario).testsPassed)},
		{Given, `^the tests were run with the token "([^"]*)" and the test "([^"]*)" failed$`, on2((*scenario).testFailed)},
		{When, `^the table of tested tokens is made$`, on0((*scenario).makesTable)},
		{Then, `^it tells the maker, versions and date of "([^"]*)"$`, on1((*scenario).tableTellsVersions)},
		{Then, `^it tells of "([^"]*)" how many tests passed by each way$`, on1((*scenario).tableTellsWays)},
		{Then, `^it tells of "([^"]*)" that "([^"]*)" failed$`, on2((*scenario).tableTellsFailure)},
		{Then, `^the documents hold the same table$`, on0((*scenario).tableIsDocumented)},
	}
}

// result returns the result of the run with a token.
func (s *scenario) result(name string) (tested.Result, error) {
	for _, r := range s.tokens.results {
		if r.Name == name {
			return r, nil
		}
	}
	return tested.Result{}, fmt.Errorf("the tests were not run with %s", name)
}

func (s *scenario) testsPassed(_ context.Context, name string) error {
	var err error
	if s.tokens.results, err = tested.Load(filepath.Join(hsmDocuments, "results")); err != nil {
		return err
	}
	r, err := s.result(name)
	if err == nil && (!r.Good() || len(r.Ways) != len(tested.Ways)) {
		err = fmt.Errorf("the tests with %s did not pass by every way: %+v", name, r.Ways)
	}
	return err
}

func (s *scenario) testFailed(_ context.Context, name, test string) error {
	lines := fmt.Sprintf(`{"Action":"attr","Package":%[1]q,"Test":"TestOwnToken/open","Key":"token.model","Value":"Strict"}
{"Action":"pass","Package":%[1]q,"Test":"TestOwnToken/open/sign"}
{"Action":"fail","Package":%[1]q,"Test":"TestOwnToken/%[2]s"}
`, tested.Ways[0].Package, test)
	read, err := tested.Read(strings.NewReader(lines))
	if err != nil {
		return err
	}
	r, ok := read["TestOwnToken"]
	if !ok {
		return errors.New("the run is not read")
	}
	r.Name = name
	s.tokens.results = []tested.Result{*r}
	return nil
}

func (s *scenario) makesTable(context.Context) error {
	s.tokens.table = tested.Table(s.tokens.results)
	return nil
}

// tells fails unless the table has a line with all of the words.
func (s *scenario) tells(words ...string) error {
	for line := range strings.Lines(string(s.tokens.table)) {
		found := true
		for _, w := range words {
			found = found && w != "" && strings.Contains(line, w)
		}
		if found {
			return nil
		}
	}
	return fmt.Errorf("no line of the table tells %q", words)
}

func (s *scenario) tableTellsVersions(_ context.Context, name string) error {
	r, err := s.result(name)
	if err != nil {
		return err
	}
	return s.tells(name, r.Manufacturer, r.Model, r.Firmware, r.Library, r.Platform, r.Gatehouse, r.Date)
}

func (s *scenario) tableTellsWays(_ context.Context, name string) error {
	r, err := s.result(name)
	if err != nil {
		return err
	}
	for _, w := range r.Ways {
		err = errors.Join(err, s.tells(name, fmt.Sprintf("| %s | %d | %d | 0 |", w.Name, w.Passed, w.Skipped)))
	}
	return err
}

func (s *scenario) tableTellsFailure(_ context.Context, name, test string) error {
	return s.tells(name, tested.Ways[0].Way, test)
}

func (s *scenario) tableIsDocumented(context.Context) error {
	b, err := os.ReadFile(filepath.Join(hsmDocuments, "tested-tokens.md"))
	if err == nil && !bytes.Equal(b, s.tokens.table) {
		err = errors.New("tested-tokens.md is not what its results make: run `make tested-tokens`")
	}
	return err
}
