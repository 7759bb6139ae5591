// Package faultp11 wraps a PKCS#11 library in the fault-injecting module of this
// folder, whose README describes rules, counts and log. What an Injector has set
// is in force for every call that begins after Set has returned, in all processes
// that have loaded the wrapped library.
//
// Tests, features and the lab use it. An Injector may be used by several
// goroutines at once.
package faultp11

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Injector is one wrapped library.
type Injector struct {
	Lib string // path of the wrapped library, to be loaded in the place of the real one

	dir string
	mu  sync.Mutex
}

// Wrap wraps the library at path real. The wrapped one, its rules, counts and
// log are made in dir, which must be the Injector's own. Env are KEY=VALUE pairs
// that the real library reads, such as SOFTHSM2_CONF: the wrapped one sets them
// when it is loaded, so that a process that is given no more than Lib works.
func Wrap(dir, real string, env ...string) (*Injector, error) {
	module, err := Module()
	if err != nil {
		return nil, err
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("finding the directory of faults: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the directory of faults: %w", err)
	}
	in := &Injector{dir: dir, Lib: filepath.Join(dir, "faultp11.so")}
	if err := copyFile(in.Lib, module); err != nil {
		return nil, fmt.Errorf("copying the module: %w", err)
	}
	settings := append([]string{
		"FAULTP11_MODULE=" + real,
		"FAULTP11_RULES=" + in.path("rules"),
		"FAULTP11_COUNTS=" + in.path("counts"),
		"FAULTP11_LOG=" + in.path("log"),
	}, env...)
	if err := os.WriteFile(in.Lib+".conf", []byte(strings.Join(settings, "\n")+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("writing the module's settings: %w", err)
	}
	if err := os.WriteFile(in.path("counts"), make([]byte, countsSize), 0o600); err != nil {
		return nil, fmt.Errorf("making the counts: %w", err)
	}
	if err := in.Set(); err != nil {
		return nil, err
	}
	return in, nil
}

// Set puts these rules, one each, in the place of all others. Their own counts
// (nth, times …) start anew. A rule that cannot be read is not found out here
// but by the module, which says so in the log and on its standard error.
func (in *Injector) Set(rules ...string) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	f, err := os.CreateTemp(in.dir, "rules-*")
	if err != nil {
		return fmt.Errorf("making the rule file: %w", err)
	}
	_, err = io.WriteString(f, strings.Join(rules, "\n")+"\n")
	if err := errors.Join(err, f.Close(), os.Rename(f.Name(), in.path("rules"))); err != nil {
		return fmt.Errorf("writing the rule file: %w", err)
	}
	return in.announce()
}

// Clear takes all rules away.
func (in *Injector) Clear() error { return in.Set() }

// Log returns the lines of the log: the faults that were injected, and problems
// with the rules.
func (in *Injector) Log() ([]string, error) {
	text, err := os.ReadFile(in.path("log"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("reading the log of faults: %w", err)
	}
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' }), nil
}

func (in *Injector) path(name string) string { return filepath.Join(in.dir, name) }

func copyFile(to, from string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Close())
}
