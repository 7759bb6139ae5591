// Package killat kills a program, as kill -9 does, at a chosen step of writing
// its SQLite database: in the middle of the n-th commit from now on, or when
// that is complete in the write-ahead log and the program does not know it yet.
//
// It guarantees that the program dies there and nowhere else, each time again:
// a shim in front of the C library counts what the program itself writes, so no
// clock is involved. The crash tests use it on the programs as they ship. A Trap
// is for one goroutine and one program at a time.
package killat

import (
	"context"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrMissing is wrapped by the error that says that there is no C compiler.
var ErrMissing = errors.New("not installed")

//go:embed src/shim.c
var shim []byte

// Trap is what a program runs into.
type Trap struct {
	library string
	file    *os.File
}

// The fields of the file that the trap and the program share, of 8 bytes each.
const (
	written = 8 * iota
	before
	after
	size
)

// New makes a trap in the folder dir, which must be there. Close lets it go.
func New(ctx context.Context, dir string) (*Trap, error) {
	t := &Trap{library: filepath.Join(dir, "killat.so")}
	source := filepath.Join(dir, "killat.c")
	if err := os.WriteFile(source, shim, 0o600); err != nil {
		return nil, fmt.Errorf("writing the shim: %w", err)
	}
	cc, err := exec.LookPath("gcc")
	if err != nil {
		return nil, fmt.Errorf("gcc: %w", ErrMissing)
	}
	cmd := exec.CommandContext(ctx, cc, "-std=gnu11", "-O1", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror", "-shared", "-o", t.library, source, "-ldl")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compiling the shim: %w: %s", err, strings.TrimSpace(string(out)))
	}
	if t.file, err = os.OpenFile(filepath.Join(dir, "killat.trap"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, fmt.Errorf("making the trap: %w", err)
	}
	if err := t.file.Truncate(size); err != nil {
		return nil, errors.Join(err, t.file.Close())
	}
	return t, nil
}

// Env is the environment that a program has to be started with.
func (t *Trap) Env() []string {
	return []string{"LD_PRELOAD=" + t.library, "KILLAT=" + t.file.Name()}
}

// Commits returns how many commits the programs have written since the trap was made.
func (t *Trap) Commits() (int64, error) {
	var b [8]byte
	_, err := t.file.ReadAt(b[:], written)
	return int64(binary.NativeEndian.Uint64(b[:])), err
}

// Within arms the trap: the program dies in the middle of its n-th commit from now on.
func (t *Trap) Within(n int64) error { return t.arm(before, n) }

// After arms the trap: the program dies when its n-th commit from now on is
// written, and has not been told so.
func (t *Trap) After(n int64) error { return t.arm(after, n) }

func (t *Trap) arm(at, n int64) error {
	now, err := t.Commits()
	if err != nil {
		return err
	}
	if err := t.Disarm(); err != nil {
		return err
	}
	return t.set(at, now+n)
}

// Disarm lets programs live.
func (t *Trap) Disarm() error { return errors.Join(t.set(before, 0), t.set(after, 0)) }

func (t *Trap) set(at, to int64) error {
	_, err := t.file.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(to)), at)
	return err
}

// Close lets the trap go, when its programs have ended.
func (t *Trap) Close() error { return t.file.Close() }
