package shellwords_test

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/adapters/cli/shellwords"
	"gatehouse/core/fault"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		"":                           nil,
		"  \t\n":                     nil,
		"# --in a":                   nil,
		"--kid a --in b # c":         {"--kid", "a", "--in", "b"},
		`--in 'a b' --out "c d"`:     {"--in", "a b", "--out", "c d"},
		`a\ b "x\"y" 'it'\''s' ""`:   {"a b", `x"y`, "it's", ""},
		`--ad=00#1 "$HOME" '$HOME' `: {"--ad=00#1", "$HOME", "$HOME"},
	} {
		got, err := shellwords.Split(line)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v (-want +got):\n%s", line, err, diff)
		}
	}
	for _, line := range []string{`'a`, `"a`, `a\`} {
		if _, err := shellwords.Split(line); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: got %v, want a refusal", line, err)
		}
	}
}

// Quoted by the rules of the shell, any words come back.
func TestQuotedWordsComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.String(), 1, 5).Draw(t, "words")
		var line []string
		for _, w := range words {
			line = append(line, "'"+strings.ReplaceAll(w, "'", `'\''`)+"'")
		}
		got, err := shellwords.Split(strings.Join(line, " "))
		if diff := cmp.Diff(words, got); err != nil || diff != "" {
			t.Fatalf("%v (-want +got):\n%s", err, diff)
		}
	})
}

// As a real shell splits.
func TestAsBash(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{`a 'b c' "d e" f\ g`, `"a\b" "a\\b" "a\"b" 'a\b' a\b`, `--x=' y 'z""w`, `a #b`, `a#b`} {
		out, err := exec.Command(bash, "-c", `for w in `+line+"\ndo printf '%s\\n' \"$w\"; done").Output()
		if err != nil {
			t.Fatal(err)
		}
		got, err := shellwords.Split(line)
		if want := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n"); err != nil || !cmp.Equal(want, got) {
			t.Errorf("%s: got %q, %v, want %q", line, got, err, want)
		}
	}
}
