package main_test

import (
	"bufio"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"gatehouse/simulators/lab"
	"gatehouse/simulators/lab/opensc"
	"gatehouse/simulators/softtoken"
)

// build builds gatehouse-lab, and the programs it starts beside it if asked to.
func build(t *testing.T, programs bool) string {
	t.Helper()
	_, err := opensc.New(softtoken.Token{})
	softtoken.Need(t, err)
	dir := t.TempDir()
	if programs {
		if err := lab.Build(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "gatehouse-lab")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("building gatehouse-lab: %v: %s", err, out)
	}
	return path
}

func TestHelp(t *testing.T) {
	path := build(t, false)
	for _, args := range [][]string{{"help"}, {"--help"}, nil} {
		out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "demo") || !strings.Contains(string(out), "run") {
			t.Errorf("gatehouse-lab %q: got %v, %s", args, err, out)
		}
	}
}

func TestDemoThatCannotBeTrueFails(t *testing.T) {
	path, tmp := build(t, false), t.TempDir()
	t.Setenv("TMPDIR", tmp)
	out, err := exec.CommandContext(t.Context(), path, "demo").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "✗ Gateway") || !strings.Contains(string(out), "with its logs, is in "+tmp) {
		t.Errorf("got %v, %s, want the step and where the logs are", err, out)
	}
}

// TestRunStaysUntilCtrlC goes through the tour, tries that the service is there,
// interrupts, and tries that it is not.
func TestRunStaysUntilCtrlC(t *testing.T) {
	run := exec.CommandContext(t.Context(), build(t, true), "run", "--dir", filepath.Join(t.TempDir(), "lab"))
	stdout, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaints strings.Builder
	run.Stderr = &complaints
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	var said []string
	address := ""
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		said = append(said, lines.Text())
		if m := regexp.MustCompile(`^ +address +https://(\S+)`).FindStringSubmatch(lines.Text()); m != nil {
			address = m[1]
		}
		if strings.Contains(lines.Text(), "hmg/scan") { // the last command that it suggests
			break
		}
	}
	if address == "" {
		t.Fatalf("no address in %s%s", strings.Join(said, "\n"), complaints.String())
	}
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Errorf("the service while run stays: %v", err)
	} else {
		c.Close()
	}
	if err := run.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := run.Wait(); err != nil {
		t.Errorf("exit status after Ctrl-C: %v: %s", err, complaints.String())
	}
	if c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address); err == nil {
		c.Close()
		t.Error("the service still listens after run has ended")
	}
}
