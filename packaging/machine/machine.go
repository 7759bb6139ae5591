// Package machine is a Debian in a folder of its own, in which packages are
// installed, looked at and removed, and what the packages must hold.
//
// It guarantees that nothing of this machine is touched but the folder. The proof
// of the packages boots one with systemd; the features install into one that
// does not run. It needs root, for chroot. A Machine is for one goroutine at a time.
package machine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ErrMissing is wrapped by the errors that say what is not installed here, or
// not permitted.
var ErrMissing = errors.New("missing here")

// Machine is a Debian.
type Machine struct {
	Root   string
	Leader int // its first process, as this machine counts; 0: it does not run
}

// include are the packages that a machine has beside the smallest Debian.
const include = "ca-certificates,softhsm2,systemd,systemd-sysv,openssl,procps"

var making sync.Mutex

// Base returns the Debian that machines start from, a tar file: the one that
// GATEHOUSE_BASE names, or the one in the user's cache. That one is made when it
// is not there, with mmdebstrap, which takes half a minute and the network.
func Base(ctx context.Context) (string, error) {
	if file := os.Getenv("GATEHOUSE_BASE"); file != "" {
		_, err := os.Stat(file)
		return file, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache: %w", err)
	}
	file := filepath.Join(cache, "gatehouse", "base-bookworm.tar")
	making.Lock()
	defer making.Unlock()
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	if err := needs("mmdebstrap"); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return "", err
	}
	part := file + "." + strconv.Itoa(os.Getpid()) // several processes may make it
	_, err = Command(ctx, "mmdebstrap", "--quiet", "--variant=minbase", "--format=tar", "--include="+include, "bookworm", part)
	if err == nil {
		err = os.Rename(part, file)
	}
	return file, err
}

// needs makes sure that this process is root's and these programs are there.
func needs(programs ...string) error {
	if os.Getuid() != 0 {
		return fmt.Errorf("%w: root's permissions", ErrMissing)
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			return fmt.Errorf("%w: %s", ErrMissing, p)
		}
	}
	return nil
}

// Unpack makes a machine, which does not run, of a Base in the folder root.
func Unpack(ctx context.Context, base, root string) (*Machine, error) {
	if err := needs("tar", "chroot"); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, err
	}
	_, err := Command(ctx, "tar", "-C", root, "--numeric-owner", "-xf", base)
	return &Machine{Root: root}, err
}

// Command runs a program here and returns what it prints.
func Command(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}

// within is how long a program in a machine may take.
const within = 2 * time.Minute

// Try runs a program in the machine and returns what it prints: among its
// processes, or in its folder when it does not run.
func (m *Machine) Try(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	enter := []string{"chroot", m.Root}
	if m.Leader != 0 {
		enter = []string{"nsenter", "-t", strconv.Itoa(m.Leader), "-m", "-u", "-i", "-p", "-r", "-w", "--"}
	}
	cmd := exec.CommandContext(ctx, enter[0], append(append(enter[1:], name), args...)...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Read reads a file of the machine.
func (m *Machine) Read(path string) (string, error) {
	text, err := os.ReadFile(filepath.Join(m.Root, path))
	return string(text), err
}

// Write writes a file in the machine.
func (m *Machine) Write(path, text string) error {
	return os.WriteFile(filepath.Join(m.Root, path), []byte(text), 0o644)
}

// Set sets variables in a file of settings, as an operator does: each has its
// line there already.
func (m *Machine) Set(path string, values map[string]string) error {
	text, err := m.Read(path)
	if err != nil {
		return err
	}
	for name, value := range values {
		line := regexp.MustCompile(`(?m)^#?` + name + `=.*$`)
		if !line.MatchString(text) {
			return fmt.Errorf("%s has no line for %s", path, name)
		}
		text = line.ReplaceAllLiteralString(text, name+"="+value)
	}
	return m.Write(path, text)
}
