package tested_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/app/assembly/version"
	"gatehouse/simulators/tested"
)

// docs is where the table and its results are.
var docs = filepath.Join("..", "..", "docs", "hsm")

// TestTable: the table in the documents is the one that its results make.
func TestTable(t *testing.T) {
	t.Parallel()
	all, err := tested.Load(filepath.Join(docs, "results"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(docs, "tested-tokens.md"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(tested.Table(all)), string(got)); diff != "" {
		t.Errorf("tested-tokens.md is not what its results make: run `make tested-tokens` (-want +got):\n%s", diff)
	}
}

// TestSoftwareTokens: the tokens that every machine has were run by every way,
// with this version.
func TestSoftwareTokens(t *testing.T) {
	t.Parallel()
	all, err := tested.Load(filepath.Join(docs, "results"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]tested.Result{}
	for _, r := range all {
		found[r.Name] = r
	}
	for _, name := range []string{"SoftHSM2", "NSS softokn"} {
		r, ok := found[name]
		if !ok {
			t.Errorf("there is no result for %s: run `make tested-tokens`", name)
			continue
		}
		if !r.Good() || len(r.Ways) != len(tested.Ways) {
			t.Errorf("%s did not pass by all %d ways: %+v", name, len(tested.Ways), r.Ways)
		}
		if r.Gatehouse != version.Number {
			t.Errorf("%s was tested with Gatehouse %s, and this is %s: run `make tested-tokens`", name, r.Gatehouse, version.Number)
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	const pkg = `"Package":"gatehouse/adapters/pkcs11"`
	got, err := tested.Read(strings.NewReader(`# building
{"Action":"attr",` + pkg + `,"Test":"TestOne/open","Key":"token.manufacturer","Value":"maker"}
{"Action":"attr",` + pkg + `,"Test":"TestOne/open","Key":"token.refuses","Value":"b"}
{"Action":"attr",` + pkg + `,"Test":"TestOne/open","Key":"token.refuses","Value":"a"}
{"Action":"attr",` + pkg + `,"Test":"TestOne/open","Key":"token.refuses","Value":"b"}
{"Action":"pass",` + pkg + `,"Test":"TestOne/open/sign"}
{"Action":"skip",` + pkg + `,"Test":"TestOne/open/swap"}
{"Action":"fail",` + pkg + `,"Test":"TestOne/open/mac"}
{"Action":"fail",` + pkg + `,"Test":"TestOne/open"}
{"Action":"fail",` + pkg + `,"Test":"TestOne"}
{"Action":"skip",` + pkg + `,"Test":"TestTwo"}
{"Action":"fail",` + pkg + `}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]*tested.Result{"TestOne": {
		Manufacturer: "maker", Refuses: []string{"a", "b"},
		Ways: []tested.Way{{Name: "in process", Passed: 1, Skipped: 1, Failed: []string{"open/mac"}}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got["TestOne"].Good() {
		t.Error("a failed run is good")
	}
	table := string(tested.Table([]tested.Result{*want["TestOne"]}))
	for _, line := range []string{"| maker |", "open/mac", "a; b"} {
		if !strings.Contains(table, line) {
			t.Errorf("the table lacks %q:\n%s", line, table)
		}
	}
}
