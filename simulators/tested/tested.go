// Package tested makes the table of tested tokens out of runs of the conformance
// suite: nobody writes it by hand.
//
// A Result is read from what `go test -json` prints, kept as a file for each
// token, and shown in docs/hsm/tested-tokens.md, which a test compares with the
// files. The program tested-tokens uses it. Functions only.
package tested

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gatehouse/ports/token/tokentest"
)

// Result is how the suite ended with one token, by all ways.
type Result struct {
	Name         string   `json:"name"` // given by who ran it
	Manufacturer string   `json:"manufacturer"`
	Model        string   `json:"model"`
	Firmware     string   `json:"firmware"`
	Library      string   `json:"library"` // description and version
	Platform     string   `json:"platform"`
	Gatehouse    string   `json:"gatehouse"` // version
	Date         string   `json:"date"`      // of the run, UTC
	Ways         []Way    `json:"ways"`
	Refuses      []string `json:"refuses"` // cases of the suite that the token does not do
}

// Way is how the suite ended by one way to the token.
type Way struct {
	Name    string   `json:"name"`
	Passed  int      `json:"passed"` // subtests that hold no others
	Skipped int      `json:"skipped"`
	Failed  []string `json:"failed,omitempty"` // names of subtests
}

// Ways are the packages that run the suite, and the ways that they go.
var Ways = []struct{ Package, Way string }{
	{"gatehouse/adapters/pkcs11", "in process"},
	{"gatehouse/app/assembly/hmg", "through workers"},
	{"gatehouse/adapters/hmgclient", "through a gateway"},
}

// event is what test2json writes.
type event struct {
	Action, Package, Test, Key, Value string
}

// Read reads what `go test -json` printed of the packages in Ways, and returns a
// Result for each top-level test, by its name, that reached a token. What the
// tests cannot know (Name, Platform, Gatehouse, Date) is left to the caller.
func Read(in io.Reader) (map[string]*Result, error) {
	type key struct{ pkg, test string }
	ended := map[key]string{} // action by test
	results := map[string]*Result{}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Test == "" {
			continue // what the go command itself says
		}
		top, _, _ := strings.Cut(e.Test, "/")
		switch e.Action {
		case "pass", "fail", "skip":
			ended[key{e.Package, e.Test}] = e.Action
		case "attr":
			r := results[top]
			if r == nil {
				r = &Result{Refuses: []string{}}
				results[top] = r
			}
			r.attribute(e.Key, e.Value)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading what go test printed: %w", err)
	}
	inner := map[key]bool{} // has subtests
	for k := range ended {
		for i, c := range k.test {
			if c == '/' {
				inner[key{k.pkg, k.test[:i]}] = true
			}
		}
	}
	for top, r := range results {
		for _, w := range Ways {
			way := Way{Name: w.Way}
			for k, action := range ended {
				if k.pkg != w.Package || inner[k] || !strings.HasPrefix(k.test, top+"/") {
					continue
				}
				switch action {
				case "pass":
					way.Passed++
				case "skip":
					way.Skipped++
				case "fail":
					way.Failed = append(way.Failed, strings.TrimPrefix(k.test, top+"/"))
				}
			}
			slices.Sort(way.Failed)
			if way.Passed+way.Skipped+len(way.Failed) > 0 {
				r.Ways = append(r.Ways, way)
			}
		}
		slices.Sort(r.Refuses)
		r.Refuses = slices.Compact(r.Refuses)
	}
	return results, nil
}

func (r *Result) attribute(key, value string) {
	switch key {
	case tokentest.AttrManufacturer:
		r.Manufacturer = value
	case tokentest.AttrModel:
		r.Model = value
	case tokentest.AttrFirmware:
		r.Firmware = value
	case tokentest.AttrLibrary:
		r.Library = value
	case tokentest.AttrRefuses:
		r.Refuses = append(r.Refuses, value)
	}
}

// Good reports whether every way passed.
func (r *Result) Good() bool {
	return len(r.Ways) > 0 && !slices.ContainsFunc(r.Ways, func(w Way) bool { return len(w.Failed) > 0 || w.Passed == 0 })
}

// Load reads the results in a folder, one file for each token, in the order of
// their names.
func Load(dir string) ([]Result, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("finding results: %w", err)
	}
	if len(files) == 0 {
		return nil, errors.New("there are no results in " + dir)
	}
	var all []Result
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("reading a result: %w", err)
		}
		var r Result
		if err := json.Unmarshal(b, &r); err != nil {
			return nil, fmt.Errorf("reading %s: %w", f, err)
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b Result) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// Save writes the result to its file in a folder, and returns its path.
func (r *Result) Save(dir string) (string, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", fmt.Errorf("writing a result: %w", err)
	}
	path := filepath.Join(dir, slug(r.Name)+".json")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", fmt.Errorf("writing a result: %w", err)
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
		return "", fmt.Errorf("writing a result: %w", err)
	}
	return path, nil
}

// slug makes a file name of a token's name.
func slug(name string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' {
			return r
		}
		return '-'
	}, strings.ToLower(name)), "-.")
}

// Table returns docs/hsm/tested-tokens.md.
func Table(all []Result) []byte {
	var b strings.Builder
	b.WriteString(`# Tested tokens

<!-- Made by ` + "`make tested-tokens`" + ` from the files in results/: do not edit. -->

The tokens with which the conformance suite of Gatehouse was run. A way is how the suite reached the token; the numbers are tests passed, and those skipped because they need something that the token or the way has not. How to add an HSM: [README](README.md).

| token | manufacturer | model | firmware | PKCS#11 library | platform | way | passed | skipped | failed | Gatehouse | date |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
`)
	for _, r := range all {
		for _, w := range r.Ways {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %d | %d | %d | %s | %s |\n", cell(r.Name), cell(r.Manufacturer), cell(r.Model),
				cell(r.Firmware), cell(r.Library), cell(r.Platform), w.Name, w.Passed, w.Skipped, len(w.Failed), cell(r.Gatehouse), cell(r.Date))
		}
	}
	b.WriteString("\n## What they refuse\n\nCases of the suite that a token does not do; Gatehouse then answers that the HSM does not support it.\n")
	for _, r := range all {
		fmt.Fprintf(&b, "\n**%s**: %s.\n", r.Name, listOf(r.Refuses))
	}
	failed := map[string]bool{}
	for _, r := range all {
		for _, w := range r.Ways {
			for _, f := range w.Failed {
				failed[r.Name+", "+w.Name+": "+f] = true
			}
		}
	}
	if len(failed) > 0 {
		b.WriteString("\n## What failed\n\n")
		for _, f := range slices.Sorted(maps.Keys(failed)) {
			b.WriteString("- " + f + "\n")
		}
	}
	return []byte(b.String())
}

func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

func listOf(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, "; ")
}
