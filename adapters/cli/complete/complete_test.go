package complete_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"gatehouse/adapters/cli"
	"gatehouse/adapters/cli/complete"
)

func script(t *testing.T, shell string) string {
	t.Helper()
	k, err := cli.New(&cli.Grammar{}, kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := complete.Write(&b, shell, k.Model); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// bash itself completes what has been typed.
func TestBash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "completion")
	if err := os.WriteFile(path, []byte(script(t, "bash")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for typed, want := range map[string]string{
		"create-k":                         "create-key",
		"rotate-":                          "rotate-key",
		"--ssl":                            "--ssl-ca-cert",
		"create-key --obj":                 "--obj-type",
		"create-key --name a --trans":      "--transient",
		"--json list-keys --gr":            "--group-id",
		"revoke-object --code Key":         "KeyCompromise",
		"update-group --hmg-redundancy P":  "PriorityFailover",
		"import-key --in key.p":            "key.pem",
		"list-groups --ssl-ca-cert key.":   "key.pem",
		"create-key --name ":               "",
		"completion ":                      "bash zsh fish",
		"--api-endpoint https://h list-gr": "list-groups",
	} {
		words := strings.Split(typed, " ")
		var quoted []string
		for _, w := range words {
			quoted = append(quoted, "'"+w+"'")
		}
		cmd := exec.CommandContext(t.Context(), "bash", "-euc", ". ./completion; COMP_WORDS=(gatehouse-cli "+strings.Join(quoted, " ")+
			`); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=(); _gatehouse_cli; printf '%s\n' "${COMPREPLY[@]}"`)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %s", typed, err, out)
			continue
		}
		got := strings.Fields(string(out))
		if want == "bash zsh fish" {
			got = slices.DeleteFunc(got, func(w string) bool { return strings.HasPrefix(w, "--") })
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %q, want %q", typed, got, want)
		}
	}
}

// The scripts of the other shells know every verb and flag too.
func TestEveryVerbIsInEveryScript(t *testing.T) {
	t.Parallel()
	k, err := cli.New(&cli.Grammar{}, kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	for _, shell := range complete.Shells {
		text := script(t, shell)
		for _, n := range k.Model.Leaves(true) {
			if !strings.Contains(text, n.Name) {
				t.Errorf("%s: %s is missing", shell, n.Name)
			}
			for _, f := range n.Flags {
				if !strings.Contains(text, "-"+f.Name) && !strings.Contains(text, "-l "+f.Name) {
					t.Errorf("%s: %s --%s is missing", shell, n.Name, f.Name)
				}
			}
		}
		for line := range strings.Lines(text) { // a word of its own if a blank follows it
			if i := strings.Index(line, ` \ `); i >= 0 && shell == "zsh" {
				t.Errorf("zsh: a line goes on after its end: %s", line)
			}
		}
		if path, err := exec.LookPath(shell); err == nil {
			cmd := exec.CommandContext(t.Context(), path, "-n", "/dev/stdin")
			cmd.Stdin = strings.NewReader(text)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s -n: %v: %s", shell, err, out)
			}
		}
	}
}
