package reference_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"gatehouse/adapters/cli"
	"gatehouse/adapters/cli/reference"
	"gatehouse/adapters/cli/shellwords"
)

var update = flag.Bool("update", false, "write docs/cli.md")

func parser(t *testing.T) *kong.Kong {
	t.Helper()
	k, err := cli.New(&cli.Grammar{}, kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestThePageIsWhatTheCodeSays(t *testing.T) {
	t.Parallel()
	const page = "../../../docs/cli.md"
	var want strings.Builder
	if err := reference.Markdown(&want, parser(t).Model); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(page, []byte(want.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(got)); diff != "" {
		t.Errorf("docs/cli.md is not what the code says; go test ./adapters/cli/reference -update (-want +got):\n%s", diff)
	}
}

// Every verb has an example, and every example is a command line that the
// parser understands as that verb.
func TestExamplesAreUnderstood(t *testing.T) {
	t.Parallel()
	verbs := parser(t).Model.Leaves(true)
	if len(verbs) < 70 {
		t.Fatalf("got %d verbs: where are they?", len(verbs))
	}
	var parsers []*kong.Kong // a parser remembers what a verb was given: one for each first, second … example
	for _, n := range verbs {
		if n.Help == "" || n.Group == nil {
			t.Errorf("%s has no help, or no group", n.Name)
		}
		for _, f := range n.Flags {
			if f.Help == "" {
				t.Errorf("%s --%s has no help", n.Name, f.Name)
			}
		}
		lines := cli.Examples(n.Name)
		if len(lines) == 0 {
			t.Errorf("%s has no example", n.Name)
		}
		for i, line := range lines {
			if i == len(parsers) {
				parsers = append(parsers, parser(t))
			}
			words, err := shellwords.Split(line)
			if err != nil {
				t.Errorf("%s: %v", line, err)
				continue
			}
			parsed, err := parsers[i].Parse(words[1:])
			if err != nil {
				t.Errorf("%s: %v", line, err)
			} else if parsed.Selected().Name != n.Name {
				t.Errorf("%s: got the verb %s, want %s", line, parsed.Selected().Name, n.Name)
			}
		}
	}
}

// vendors are the verbs and flags that scripts for the vendor's tool use.
var vendors = map[string]string{
	"app-login": "", "user-login": "username account-name password", "app-certificate-login": "app-id certificate-path key-path",
	"app-logout": "", "user-logout": "", "logout": "", "select-account": "account-id",
	"create-key":    "obj-type name key-size pub-exponent ec-name description group-id exportable force transient key-ops custom-metadata",
	"import-key":    "in obj-type group-id name description ec-curve der exportable force key-ops custom-metadata",
	"import-cert":   "in name description der custom-metadata",
	"import-secret": "in name group-id obj-type description custom-metadata",
	"persist-key":   "name description group-id transient-key custom-metadata",
	"rotate-key":    "name", "list-keys": "name offset limit", "list-objects": "name offset limit", "show-sobject": "kid name",
	"update-object":   "name kid description key-ops disable-export quorum custom-metadata",
	"export-object":   "kid name der quorum",
	"activate-object": "kid name", "revoke-object": "kid name code message", "delete-key": "kid",
	"encrypt": "kid name alg in out mode iv ad tag-len transient-key", "decrypt": "kid name alg in out mode iv ad tag transient-key",
	"encrypt-init": "kid alg mode iv state transient-key name", "encrypt-update": "kid out state plain transient-key name",
	"encrypt-final": "kid state out transient-key name", "decrypt-init": "kid alg mode iv state transient-key name",
	"decrypt-update": "kid out state cipher transient-key name", "decrypt-final": "kid state out transient-key name",
	"batch-encrypt": "in", "batch-decrypt": "in", "batch-sign": "in", "batch-verify": "in",
	"sign": "kid hash-alg in out quorum transient-key", "verify": "kid hash-alg in sig-in transient-key",
	"message-digest": "alg in", "hmac-digest": "kid alg in", "hmac-verify": "kid alg in digest",
	"derive-key":  "kid name key-size key-type group-id plain alg mode iv ad tag-len description exportable custom-metadata",
	"agree-key":   "private-key public-key name key-size key-type",
	"wrap-key":    "kid wrapped-key-name alg mode iv ad tag-len wrapping-kid wrapping-key-name out transient-key key-format quorum",
	"unwrap-key":  "in wrapping-kid alg mode obj-type name description iv ad tag exportable transient-key custom-metadata quorum",
	"task-result": "request-id out", "create-app": "name groups description type default-group", "list-apps": "detail offset limit",
	"delete-app": "name app-id", "show-app": "app-id", "get-app-api-key": "name app-id", "regenerate-app-api-key": "name app-id secret-size",
	"create-group": "name description", "list-groups": "", "delete-group": "name group-id", "show-group": "group-id",
	"list-accounts": "detail", "show-account": "account-id", "show-user": "user-id",
	"create-plugin": "in name group-id", "update-plugin": "id in name group-id", "delete-plugin": "id name", "invoke-plugin": "name id in out",
	"server-version": "", "server-health": "",
}

const vendorsGlobals = "api-endpoint no-verify-ssl ssl-ca-cert debug-http debug-errors prefer-user-auth prefer-app-auth proxy api-key timeout"

func TestScriptsForTheVendorsToolAreUnderstood(t *testing.T) {
	t.Parallel()
	app := parser(t).Model
	has := func(flags []*kong.Flag, name string) bool {
		for _, f := range flags {
			if f.Name == name {
				return true
			}
		}
		return false
	}
	for _, name := range strings.Fields(vendorsGlobals) {
		if !has(app.Flags, name) {
			t.Errorf("--%s is missing", name)
		}
	}
	verbs := map[string]*kong.Node{}
	for _, n := range app.Leaves(true) {
		verbs[n.Name] = n
	}
	for verb, flags := range vendors {
		n := verbs[verb]
		if n == nil {
			t.Errorf("the verb %s is missing", verb)
			continue
		}
		for _, name := range strings.Fields(flags) {
			if !has(n.Flags, name) {
				t.Errorf("%s --%s is missing", verb, name)
			}
		}
	}
}
