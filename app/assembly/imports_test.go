package assembly_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
)

// An edge is an import that must not be, directly or through other packages.
// Patterns are import paths; "/..." at the end includes everything below, and *
// is any one element.
type edge struct {
	from   string
	except []string // patterns of packages under from that may
	to     []string
	reason string
}

// edges is the table of ARCHITECTURE.md, "who may import whom", from the other
// end: what would show that a boundary has been crossed, and why it matters.
// The linter (.golangci.yml) refuses direct imports by allow-list; this table
// also sees what comes in through a third package.
var edges = []edge{
	{
		from:   "gatehouse/core/...",
		to:     []string{"gatehouse/ports/...", "gatehouse/app/...", "gatehouse/adapters/...", "gatehouse/simulators/...", "gatehouse/features/...", "gatehouse/bench/..."},
		reason: "the domain knows nobody, so that it can be read, and proved, alone",
	},
	{
		from:   "gatehouse/core/...",
		to:     []string{"net", "net/http", "crypto/tls", "database/sql", "os/exec", "os/signal", "log", "log/slog", "github.com/...", "golang.org/x/..."},
		reason: "the domain is values in, values out: no I/O, no logging, no library",
	},
	{
		from:   "gatehouse/core/...",
		to:     []string{"testing", "testing/...", "crypto/rand"},
		reason: "randomness is passed in; test helpers live in tests",
	},
	{
		from:   "gatehouse/ports/...",
		to:     []string{"gatehouse/app/...", "gatehouse/adapters/...", "gatehouse/simulators/...", "gatehouse/features/...", "gatehouse/bench/..."},
		reason: "a port belongs to those who need it and knows none of those who provide it",
	},
	{
		from:   "gatehouse/ports/...",
		except: []string{suites},
		to:     []string{"net", "net/http", "database/sql", "os/exec", "log", "log/slog", "testing", "github.com/...", "golang.org/x/..."},
		reason: "a port names no technology; whoever implements it must be free to choose",
	},
	{
		from:   "gatehouse/app/...",
		except: []string{wiring, mains, fixtures},
		to:     []string{"gatehouse/adapters/...", "gatehouse/app/assembly/...", "gatehouse/app/cmd/..."},
		reason: "a use case reaches the outside through ports; which technology is behind one is assembly's choice",
	},
	{
		from:   "gatehouse/app/...",
		except: []string{wiring, mains, fixtures},
		to:     []string{"net/http", "database/sql", "os/exec", "github.com/...", "golang.org/x/..."},
		reason: "a use case is tried over simulators, without network, database or processes",
	},
	{
		from:   "gatehouse/app/...",
		except: []string{fixtures},
		to:     []string{"gatehouse/simulators/...", "gatehouse/features/...", "gatehouse/bench/...", "testing", "testing/..."},
		reason: "what is delivered holds nothing that is for tests",
	},
	{
		from:   "gatehouse/app/assembly/...",
		to:     []string{"gatehouse/app/cmd/..."},
		reason: "features and benchmarks wire as mains do; what only a main can do they cannot",
	},
	{
		from: "gatehouse/app/cmd/gatehouse-hmg",
		to: []string{
			"gatehouse/adapters/sqlstore/...", "gatehouse/adapters/restapi/...", "gatehouse/adapters/seal/...", "gatehouse/adapters/softkeys/...",
			"gatehouse/app/keyring/...", "gatehouse/app/sessions/...", "database/sql",
			"github.com/jmoiron/sqlx/...", "github.com/mattn/go-sqlite3/...", "github.com/pressly/goose/...", "github.com/danielgtaylor/huma/...",
		},
		reason: "the gateway stands beside the HSM: it keeps nothing, serves one protocol, and is as small as what it guards asks for",
	},
	{
		from: "gatehouse/app/cmd/gatehouse-cli",
		to: []string{
			"gatehouse/adapters/sqlstore/...", "gatehouse/adapters/restapi/...", "gatehouse/adapters/pkcs11/...", "gatehouse/adapters/hmgclient/...",
			"gatehouse/app/keyring/...", "database/sql",
		},
		reason: "the command line is a user of the service like any other: what it can do, a client can do",
	},
	{
		from:   "gatehouse/app/cmd/gatehouse",
		to:     []string{"gatehouse/adapters/pkcs11/...", "gatehouse/adapters/hmgserver/...", "github.com/miekg/pkcs11/..."},
		reason: "a vendor's library that crashes or hangs must not take the service with it; it runs in the gateway",
	},
	{
		from:   "gatehouse/adapters/...",
		to:     []string{"gatehouse/app/assembly/...", "gatehouse/app/cmd/...", "gatehouse/simulators/...", "gatehouse/features/...", "gatehouse/bench/...", "testing", "testing/..."},
		reason: "an adapter is wired by others and delivered in programs",
	},
	{
		from:   "gatehouse/adapters/...",
		except: driving,
		to:     []string{"gatehouse/app/..."},
		reason: "a driven adapter serves a port and knows nobody who calls it; only driving ones call use cases",
	},
	{
		from:   "gatehouse/adapters/...",
		except: []string{"gatehouse/adapters/sqlstore"},
		to:     []string{"database/sql", "github.com/jmoiron/sqlx/...", "github.com/mattn/go-sqlite3/...", "github.com/pressly/goose/..."},
		reason: "SQL is the store's, so that another store is one package",
	},
	{
		from:   "gatehouse/adapters/...",
		except: []string{"gatehouse/adapters/pkcs11/..."},
		to:     []string{"github.com/miekg/pkcs11/..."},
		reason: "PKCS#11 is behind the Token port, so that where a token is makes no difference",
	},
	{
		from:   "gatehouse/adapters/...",
		except: []string{"gatehouse/adapters/metrics"},
		to:     []string{"github.com/prometheus/..."},
		reason: "whoever counts knows no monitoring system; which one reads the numbers is one package",
	},
	{
		from:   "gatehouse/simulators/...",
		except: []string{"gatehouse/simulators/lab/...", "gatehouse/simulators/cmd/...", "gatehouse/simulators/campaign"},
		to:     []string{"gatehouse/app/...", "gatehouse/adapters/..."},
		reason: "a simulator stands in for what is behind a port, and must not share its mistakes",
	},
	{
		from:   "gatehouse/simulators/...",
		except: []string{"gatehouse/simulators/lab/...", "gatehouse/simulators/cmd/...", "gatehouse/simulators/softtoken", "gatehouse/simulators/campaign"},
		to:     []string{"github.com/miekg/pkcs11/..."},
		reason: "what stands in for a token uses none",
	},
	{
		from: "gatehouse/simulators/...",
		to: []string{
			"gatehouse/features/...", "gatehouse/bench/...", "gatehouse/app/assembly/service/...", "gatehouse/adapters/restapi/...", "gatehouse/adapters/sqlstore/...",
		},
		reason: "the lab drives the service as its users do, from outside",
	},
	{
		from:   "gatehouse/features/...",
		to:     []string{"gatehouse/bench/...", "gatehouse/app/cmd/..."},
		reason: "scenarios stand on simulators and assembly, not on each other's tools",
	},
	{
		from:   "gatehouse/...",
		except: []string{"gatehouse/features/agreement", "gatehouse/features/agreement/circl"},
		to:     []string{"github.com/cloudflare/circl/..."},
		reason: "a second implementation to compare with is worth something only while the product does not use it",
	},
	{
		from:   "gatehouse/bench/...",
		to:     []string{"gatehouse/features/...", "gatehouse/app/cmd/..."},
		reason: "benchmarks stand on simulators and assembly, not on each other's tools",
	},
}

// Places that the tables name more than once.
const (
	wiring   = "gatehouse/app/assembly/..."
	mains    = "gatehouse/app/cmd/..."
	fixtures = "gatehouse/app/internal/apptest" // for the tests of use cases
)

// driving are the adapters that call use cases; the others are called through ports.
var driving = []string{"gatehouse/adapters/health", "gatehouse/adapters/hmgserver", "gatehouse/adapters/metrics", "gatehouse/adapters/restapi"}

// suites are the conformance suites beside the ports: libraries that import
// testing, and so can be in no program that is delivered.
const suites = "gatehouse/ports/*/*test"

// revealers are all packages that may read a secret, each with the thing that
// it hands it to. A package is added here with the line that reads, and taken
// out when it no longer does.
var revealers = map[string]string{
	"gatehouse/core/secret":            "defines what the permit opens",
	"gatehouse/adapters/cli/disclose":  "secrets that were asked for, to the terminal or a file",
	"gatehouse/adapters/cli/tokenfile": "tokens of sessions, to the file that keeps them",
	"gatehouse/adapters/dsmclient":     "credentials, to the service that it calls",
	"gatehouse/adapters/dsmwire":       "secrets, to the bodies that hand them over",
	"gatehouse/adapters/hmgclient":     "key material, to the gateway that imports it",
	"gatehouse/adapters/hmgwire":       "the PIN, to the message that opens a slot",
	"gatehouse/adapters/passwords":     "a password, to the hash",
	"gatehouse/adapters/pkcs11":        "PIN and key material, to the token",
	"gatehouse/adapters/seal":          "what is to be sealed, to the cipher; the master key, to its file",
	"gatehouse/adapters/softkeys":      "key material, to the cipher",
	"gatehouse/adapters/tlsconf":       "private keys and passwords of certificates, to TLS",
	"gatehouse/app/assembly/service":   "the first administrator's password, to the terminal, once",
	"gatehouse/simulators/lab/tour":    "the lab's credentials, to the terminal",
	"gatehouse/simulators/softtoken":   "PINs, to the tools that make tokens",
	"gatehouse/simulators/tokensim":    "key material, to the token in memory",
}

// shipped are the programs that are delivered: everything under app/cmd.
var shipped = []string{
	"gatehouse/app/cmd/gatehouse",
	"gatehouse/app/cmd/gatehouse-cli",
	"gatehouse/app/cmd/gatehouse-hmg",
}

// wires are the packages under adapters that other adapters may import: wire
// formats and settings that both ends share.
var wires = []string{
	"gatehouse/adapters/dsmclient", // the REST API's client: for the command line, and the keys of another service
	"gatehouse/adapters/dsmwire",   // the REST API's bodies: server and client
	"gatehouse/adapters/hmgwire",   // the gateway's protocol: server and client
}

// TestImports walks the table of forbidden edges.
func TestImports(t *testing.T) {
	t.Parallel()
	pkgs := load(t)
	for _, e := range edges {
		from := pkgs.matching(e.from)
		if len(from) == 0 {
			t.Errorf("the table names %s, and there is no such package: has it moved?", e.from)
		}
		for _, p := range e.except {
			if len(pkgs.matching(p)) == 0 {
				t.Errorf("the table excepts %s, and there is no such package: has it moved?", p)
			}
		}
		for _, p := range from {
			if matchesAny(p.ImportPath, e.except) {
				continue
			}
			for _, dep := range p.Deps {
				if matchesAny(dep, e.to) {
					t.Errorf("%s must not import %s: %s\n\tby way of %s",
						p.ImportPath, dep, e.reason, strings.Join(pkgs.chain(p.ImportPath, dep), " → "))
				}
			}
		}
	}
}

// TestRevealIsImportedByTheListedOnly keeps secrets readable by named packages only.
// Tests and conformance suites may read what they check.
func TestRevealIsImportedByTheListedOnly(t *testing.T) {
	t.Parallel()
	const reveal = "gatehouse/core/secret/reveal"
	pkgs := load(t)
	if pkgs.named(reveal) == nil {
		t.Fatalf("%s is gone: has it moved?", reveal)
	}
	for r := range revealers {
		p := pkgs.named(r)
		if p == nil {
			t.Errorf("%s is listed as a reader of secrets, and there is no such package: has it moved?", r)
		} else if !slices.Contains(p.Imports, reveal) {
			t.Errorf("%s is listed as a reader of secrets and reads none: take it off the list", r)
		}
	}
	for _, p := range pkgs.all {
		if slices.Contains(p.Imports, reveal) && revealers[p.ImportPath] == "" && !matches(p.ImportPath, suites) {
			t.Errorf("%s imports %s and is not on the list of those who may read secrets", p.ImportPath, reveal)
		}
	}
}

// TestAdaptersDoNotImportEachOther lets adapters share wire packages and nothing else,
// so that each can be replaced, or left out of a program, alone. Tests may: a client
// is proved through its server.
func TestAdaptersDoNotImportEachOther(t *testing.T) {
	t.Parallel()
	const adapters = "gatehouse/adapters/"
	pkgs := load(t)
	for _, w := range wires {
		if pkgs.named(w) == nil {
			t.Errorf("%s is listed as shared by adapters, and there is no such package: has it moved?", w)
		}
	}
	adapter := func(importPath string) string {
		rest, ok := strings.CutPrefix(importPath, adapters)
		if !ok {
			return ""
		}
		name, _, _ := strings.Cut(rest, "/")
		return adapters + name
	}
	users := map[string]map[string]bool{} // of each wire package
	for _, p := range pkgs.matching(adapters + "...") {
		for _, imp := range p.Imports {
			from, to := adapter(p.ImportPath), adapter(imp)
			switch {
			case to == "" || to == from:
			case !slices.Contains(wires, to):
				t.Errorf("%s must not import %s: an adapter knows its own technology only; "+
					"what two share on the wire is a package of its own, listed in wires", p.ImportPath, imp)
			case users[to] == nil:
				users[to] = map[string]bool{from: true}
			default:
				users[to][from] = true
			}
		}
	}
	for _, w := range wires {
		if len(users[w]) < 2 {
			t.Errorf("%s is listed as shared by adapters, and %d of them use it: take it off the list", w, len(users[w]))
		}
	}
}

// TestShippedProgramsHoldNothingOfTheSimulators looks at everything that is linked
// into the programs that are delivered.
func TestShippedProgramsHoldNothingOfTheSimulators(t *testing.T) {
	t.Parallel()
	pkgs := load(t)
	var found []string
	for _, p := range pkgs.matching("gatehouse/app/cmd/...") {
		if p.Name != "main" {
			continue
		}
		found = append(found, p.ImportPath)
		for _, dep := range p.Deps {
			if matchesAny(dep, []string{"gatehouse/simulators/...", "gatehouse/features/...", "gatehouse/bench/...", "testing", "testing/..."}) {
				t.Errorf("%s is delivered and holds %s\n\tby way of %s",
					p.ImportPath, dep, strings.Join(pkgs.chain(p.ImportPath, dep), " → "))
			}
		}
	}
	if !slices.Equal(found, shipped) {
		t.Errorf("programs under app/cmd: got %q, want those listed in shipped, %q", found, shipped)
	}
}

// A listed package is what `go list -json` says of one package. Imports and Deps
// leave out what only its tests import.
type listed struct {
	ImportPath string
	Name       string
	Imports    []string
	Deps       []string
}

type module struct {
	all []*listed // of this module
	by  map[string]*listed
}

// load asks the go command once for all tests.
func load(t *testing.T) module {
	t.Helper()
	m, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var loaded = sync.OnceValues(func() (module, error) {
	// -deps, so that the path to a forbidden package can be shown. Without version
	// control, which go list would otherwise ask about each program.
	var stderr bytes.Buffer
	cmd := exec.Command("go", "list", "-buildvcs=false", "-deps", "-json=ImportPath,Name,Imports,Deps", "gatehouse/...")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return module{}, errors.Join(err, errors.New(stderr.String()))
	}
	m := module{by: make(map[string]*listed)}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(listed)
		if err := dec.Decode(p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return module{}, err
		}
		m.by[p.ImportPath] = p
		if matches(p.ImportPath, "gatehouse/...") {
			m.all = append(m.all, p)
		}
	}
	slices.SortFunc(m.all, func(a, b *listed) int { return cmp.Compare(a.ImportPath, b.ImportPath) })
	return m, nil
})

// named returns the package of this module with that import path, or nil.
func (m module) named(importPath string) *listed {
	if !matches(importPath, "gatehouse/...") {
		return nil
	}
	return m.by[importPath]
}

func (m module) matching(pattern string) []*listed {
	var ps []*listed
	for _, p := range m.all {
		if matches(p.ImportPath, pattern) {
			ps = append(ps, p)
		}
	}
	return ps
}

// chain returns a shortest chain of imports between two packages, both ends included.
func (m module) chain(from, to string) []string {
	cameFrom := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at == to {
			var steps []string
			for ; at != ""; at = cameFrom[at] {
				steps = append(steps, at)
			}
			slices.Reverse(steps)
			return steps
		}
		p := m.by[at]
		if p == nil {
			continue
		}
		for _, imp := range p.Imports {
			if _, seen := cameFrom[imp]; !seen {
				cameFrom[imp] = at
				queue = append(queue, imp)
			}
		}
	}
	return []string{from, "…", to}
}

func matches(importPath, pattern string) bool {
	if below, ok := strings.CutSuffix(pattern, "/..."); ok {
		return importPath == below || strings.HasPrefix(importPath, below+"/")
	}
	ok, err := path.Match(pattern, importPath)
	return ok && err == nil
}

func matchesAny(importPath string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(importPath, p) })
}
