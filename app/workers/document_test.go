package workers_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"gatehouse/app/workers"
	"gatehouse/core/fault"
	"gatehouse/core/healing"
)

var update = flag.Bool("update", false, "write the tables of docs/healing.md")

// TestDocument holds the tables of docs/healing.md to the code.
func TestDocument(t *testing.T) {
	t.Parallel()
	const path = "../../docs/healing.md"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	document := string(b)
	for name, table := range map[string]string{"steps": steps(), "errors": errorTable(), "deadlines": deadlines()} {
		head, rest, ok := strings.Cut(document, "<!-- "+name+":")
		comment, body, ok2 := strings.Cut(rest, "-->\n")
		_, tail, ok3 := strings.Cut(body, "<!-- end -->")
		if !ok || !ok2 || !ok3 {
			t.Fatalf("the document has no place for the table of %s", name)
		}
		document = head + "<!-- " + name + ":" + comment + "-->\n" + table + "<!-- end -->" + tail
	}
	switch {
	case document == string(b):
	case *update:
		if err := os.WriteFile(path, []byte(document), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Error("docs/healing.md is not what the code does: run go test ./app/workers -run TestDocument -update")
	}
}

func steps() string {
	what := map[healing.Step]string{
		healing.NewSession: "C_CloseSession, C_OpenSession | the worker, within the call",
		healing.NewLogin:   "C_CloseAllSessions, C_OpenSession, C_Login | the worker, within the call",
		healing.NewLibrary: "C_Finalize, C_Initialize, C_OpenSession, C_Login | the worker, told by the gateway",
		healing.NewWorker:  "the worker process is killed and another one started | the gateway",
	}
	var b strings.Builder
	b.WriteString("| step | what is done | by whom |\n| --- | --- | --- |\n")
	for _, s := range healing.Steps() {
		fmt.Fprintf(&b, "| %s | %s |\n", s, what[s])
	}
	return b.String()
}

func errorTable() string {
	var b strings.Builder
	b.WriteString("| reason of the error | first step |\n| --- | --- |\n")
	for _, r := range append(fault.Reasons(), fault.Unspecified) {
		err := fault.New(fault.Unavailable, "out of service").Because(r)
		switch r { // a worker's pipe has none of these
		case fault.Refused, fault.Unreachable, fault.TLSRefused, fault.Incompatible:
			continue
		default:
		}
		name, step := string(r), healing.First(err).String()
		if r == fault.Unspecified {
			name = "none: the worker broke"
		}
		if healing.Refused(err) {
			step = "none, ever"
		}
		fmt.Fprintf(&b, "| %s | %s |\n", name, step)
	}
	b.WriteString("| any error about the request | none |\n")
	return b.String()
}

func deadlines() string {
	d := workers.Deadlines{}.WithDefaults()
	var b strings.Builder
	b.WriteString("| call | may take | then |\n| --- | --- | --- |\n")
	for _, row := range []struct {
		call string
		d    any
		then string
	}{
		{"an operation with a key", d.Doubt, "the worker gets no more to do until it has been asked whether it serves"},
		{"an operation with a key", d.Operate, "the worker is killed"},
		{"asking whether it serves", d.Check, "the worker is killed"},
		{"an inventory", d.Search, "the worker is killed"},
		{"generate, import, update, destroy", d.Change, "the worker is killed"},
		{"a step of the ladder, or starting a worker", d.Heal, "it has not helped"},
		{"waiting for a slot without any worker that serves", d.Repair, "the request is refused"},
	} {
		fmt.Fprintf(&b, "| %s | %v | %s |\n", row.call, row.d, row.then)
	}
	return b.String()
}
