package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"gatehouse/simulators/softtoken"
)

// HangHSM makes every call that needs the node's copy of the HSM hang, until
// ReleaseHSM: it takes the locks that SoftHSM2 waits for before it reads a file.
func (n *Node) HangHSM() error {
	if n.own == "" {
		return errShared
	}
	here, _ := n.tokens()
	for _, pattern := range []string{"generation", "*.object"} {
		files, err := filepath.Glob(filepath.Join(here, "*", pattern))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("looking for the files of the token: got %d of %s: %w", len(files), pattern, err)
		}
		for _, path := range files {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				return fmt.Errorf("locking the token: %w", err)
			}
			n.locks = append(n.locks, f)
			if err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLKW, &syscall.Flock_t{Type: syscall.F_WRLCK}); err != nil {
				return fmt.Errorf("locking the token: %w", err)
			}
		}
	}
	return nil
}

// ReleaseHSM lets the calls go on.
func (n *Node) ReleaseHSM() error {
	var errs []error
	for _, f := range n.locks {
		errs = append(errs, f.Close()) // which gives the lock up
	}
	n.locks = nil
	return errors.Join(errs...)
}

// reinitialise empties a token.
func reinitialise(ctx context.Context, t softtoken.Token) error {
	cmd := exec.CommandContext(ctx, "softhsm2-util", "--init-token", "--slot", strconv.FormatUint(uint64(t.Slot), 10),
		"--label", t.Label, "--so-pin", "so-"+t.PIN, "--pin", t.PIN)
	cmd.Env = append(os.Environ(), t.Env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initialising the token again: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
