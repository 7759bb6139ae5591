//go:build packages

package installed_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	debian "gatehouse/packaging/machine"
)

// patience is how long tests wait for what should take a moment.
const patience = 60 * time.Second

// dist is the folder of the packages.
func dist(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("GATEHOUSE_DIST")
	if dir == "" {
		t.Fatal("GATEHOUSE_DIST is not set: make test-packages")
	}
	return dir
}

// packages returns the files in dist of a format, by package.
func packages(t *testing.T, format string) map[string]string {
	t.Helper()
	found, err := debian.Find(dist(t), format)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// command runs a program here and returns what it prints.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := debian.Command(t.Context(), name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A machine is a Debian of its own, on this machine's network.
type machine struct{ *debian.Machine }

// unpack makes a machine that does not run yet.
func unpack(t *testing.T) *machine {
	t.Helper()
	base, err := debian.Base(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m, err := debian.Unpack(t.Context(), base, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &machine{m}
}

// boot starts the machine's systemd, and stops it when the test ends.
func boot(t *testing.T) *machine {
	t.Helper()
	m := unpack(t)
	var log bytes.Buffer
	cmd := exec.Command("systemd-nspawn", "--quiet", "--directory="+m.Root, "--boot", "--register=no", "--keep-unit", "--console=pipe",
		"--machine=gatehouse-"+strconv.Itoa(os.Getpid()), "--resolv-conf=off", "--timezone=off")
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // nspawn ends with its machine
		if m.Leader != 0 {
			_ = exec.Command("kill", "-s", "RTMIN+4", strconv.Itoa(m.Leader)).Run() // power off
		}
		select {
		case <-ended:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			<-ended
		}
	})
	m.await(t, "the machine runs", func() error {
		select {
		case <-ended:
			return fmt.Errorf("systemd-nspawn ended: %s", &log)
		default:
		}
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", cmd.Process.Pid))
		if err != nil {
			return err
		}
		for pid := range strings.FieldsSeq(string(children)) {
			if m.Leader, err = strconv.Atoi(pid); err == nil {
				if out, _ := m.try("systemctl", "is-system-running"); strings.HasPrefix(out, "running") || strings.HasPrefix(out, "degraded") {
					return nil
				}
			}
		}
		return errors.New("it does not")
	})
	return m
}

// try runs a program in the machine and returns what it prints.
func (m *machine) try(name string, args ...string) (string, error) {
	return m.Try(context.Background(), name, args...)
}

// run is try for what must succeed.
func (m *machine) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := m.try(name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// sh runs a script.
func (m *machine) sh(t *testing.T, script string) string {
	t.Helper()
	return m.run(t, "sh", "-euc", script)
}

// await waits until check finds nothing wrong.
func (m *machine) await(t *testing.T, what string, check func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, err)
		case <-tick.C:
		}
	}
}

// write writes a file in the machine.
func (m *machine) write(t *testing.T, path, text string) {
	t.Helper()
	if err := m.Write(path, text); err != nil {
		t.Fatal(err)
	}
}

// read reads a file of the machine.
func (m *machine) read(t *testing.T, path string) string {
	t.Helper()
	text, err := m.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// set sets variables in a file of settings, as an operator does.
func (m *machine) set(t *testing.T, path string, values map[string]string) {
	t.Helper()
	if err := m.Set(path, values); err != nil {
		t.Fatal(err)
	}
}

// property returns a property of a unit.
func (m *machine) property(t *testing.T, unit, name string) string {
	t.Helper()
	return strings.TrimSpace(m.run(t, "systemctl", "show", "--value", "-p", name, unit))
}

// volatile are the places that change by themselves.
var volatile = regexp.MustCompile(`^/(proc|sys|run|tmp|dev|root)/|^/var/(cache|log|tmp|lib/dpkg|lib/systemd|lib/apt|backups)/|^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|^/etc/ld\.so\.cache$|^/etc/\.pwd\.lock$|^/var/lib/private$`)

// inventory lists files and users.
func (m *machine) inventory(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	err := filepath.WalkDir(m.Root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // it went meanwhile
		}
		if name := strings.TrimPrefix(path, m.Root); !volatile.MatchString(name+"/") && !volatile.MatchString(name) {
			all[name] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, base := range []string{"etc/passwd", "etc/group"} {
		for line := range strings.Lines(m.read(t, base)) {
			name, _, _ := strings.Cut(line, ":")
			all[base+": "+name] = true
		}
	}
	return all
}

// added returns what is in after and not in before.
func added(before, after map[string]bool) []string {
	var list []string
	for name := range after {
		if !before[name] {
			list = append(list, name)
		}
	}
	return list
}
