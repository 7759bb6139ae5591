//go:build packages

package installed_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// cli returns the package of the command line in a format.
func cli(t *testing.T, format string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dist(t), `gatehouse-cli[_\-][0-9]*.`+format))
	if err != nil || len(files) != 1 {
		t.Fatalf("got %q, %v, want one %s", files, err, format)
	}
	return files[0]
}

// TestCommandLine looks at both packages of the command line, and uses it from
// the unpacked one: nothing is configured, and nothing runs by itself.
func TestCommandLine(t *testing.T) {
	want := []string{
		"/usr/bin/gatehouse-cli", "/usr/share/bash-completion/completions/gatehouse-cli",
		"/usr/share/doc/gatehouse-cli/changelog.gz", "/usr/share/doc/gatehouse-cli/copyright",
		"/usr/share/fish/vendor_completions.d/gatehouse-cli.fish", "/usr/share/man/man1/gatehouse-cli.1.gz",
		"/usr/share/zsh/site-functions/_gatehouse-cli",
	}
	rpm := cli(t, "rpm")
	got := strings.Fields(command(t, "rpm", "-qp", "--list", rpm))
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files of the rpm (-want +got):\n%s", diff)
	}
	for line := range strings.Lines(command(t, "rpm", "-qp", "--requires", rpm)) {
		if !regexp.MustCompile(`^(libc\.so\.6(\(GLIBC_2\.[0-9.]+\)|\(\))\(64bit\)|rpmlib\(.*)`).MatchString(line) {
			t.Errorf("the rpm requires %q", strings.TrimSpace(line))
		}
	}
	if scripts := command(t, "rpm", "-qp", "--scripts", rpm); strings.TrimSpace(scripts) != "" {
		t.Errorf("the rpm has scripts:\n%s", scripts)
	}

	deb := cli(t, "deb")
	if out := command(t, "lintian", "--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0", deb); strings.TrimSpace(out) != "" {
		t.Errorf("lintian:\n%s", out)
	}
	dir := t.TempDir()
	command(t, "dpkg-deb", "-x", deb, dir)
	if _, err := os.Stat(filepath.Join(dir, "usr/share/zsh/vendor-completions/_gatehouse-cli")); err != nil {
		t.Error(err)
	}
	page := filepath.Join(dir, "gatehouse-cli.1")
	command(t, "sh", "-euc", "gunzip -c "+filepath.Join(dir, "usr/share/man/man1/gatehouse-cli.1.gz")+" >"+page)
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{`create\-key`, `\-\-ssl\-ca\-cert`, "FORTANIX_API_KEY"} {
		if !strings.Contains(string(text), word) {
			t.Errorf("the manual lacks %s", word)
		}
	}
	if out := command(t, "mandoc", "-T", "lint", "-W", "warning", page); out != "" {
		t.Errorf("mandoc: %s", out)
	}
	program := filepath.Join(dir, "usr/bin/gatehouse-cli")
	if out := command(t, program, "--version"); !strings.Contains(out, "0.") {
		t.Errorf("--version: got %q", out)
	}
	completed := command(t, "bash", "-euc", ". "+filepath.Join(dir, "usr/share/bash-completion/completions/gatehouse-cli")+
		`; COMP_WORDS=(gatehouse-cli create-k) COMP_CWORD=1; _gatehouse_cli; echo "${COMPREPLY[*]}"`)
	if completed != "create-key\n" {
		t.Errorf("completion of create-k: got %q", completed)
	}
}
