package sqlstore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"gatehouse/core/fault"
)

// prepareFile makes the database's directory (0700) and file (0600) where they
// are missing, and takes its lock. It returns the file's real path, so that two
// names of one database have one lock.
func prepareFile(path string) (string, *lock, error) {
	unavailable := func(err error) (string, *lock, error) {
		return "", nil, fault.Wrap(fault.Unavailable, err, "the database %s cannot be opened", path)
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return unavailable(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return unavailable(err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return unavailable(err)
	}
	file := filepath.Join(dir, filepath.Base(path))
	if to, err := filepath.EvalSymlinks(file); err == nil {
		file = to
	} else if !errors.Is(err, fs.ErrNotExist) {
		return unavailable(err)
	}
	held, err := takeLock(file + ".lock")
	if err != nil {
		return "", nil, err
	}
	if err := makePrivate(file); err != nil {
		_, _, err = unavailable(err)
		return "", nil, errors.Join(err, held.release())
	}
	return file, held, nil
}

// makePrivate makes the file if it is missing, and readable by its owner alone;
// SQLite gives its log the same mode.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Close())
}

// lock shows that a process has the database for itself. The kernel lets go of
// it when the process ends, however it ends; the file stays and holds the
// process's number for who is refused.
type lock struct{ f *os.File }

func takeLock(path string) (*lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the lock %s cannot be taken", path)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		if err = errors.Join(f.Truncate(0), writeAt(f, fmt.Sprintln(os.Getpid()))); err == nil {
			return &lock{f: f}, nil
		}
	}
	holder, _ := io.ReadAll(io.LimitReader(f, 20))
	err = errors.Join(err, f.Close())
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fault.Wrap(fault.Unavailable, err,
			"the database is in use by process %s, and only one at a time may use it", strings.TrimSpace(string(holder)))
	}
	return nil, fault.Wrap(fault.Unavailable, err, "the lock %s cannot be taken", path)
}

// release lets go of the lock. Closing the file alone would not, while a process
// that was forked just now still has it, until it runs its own program.
func (l *lock) release() error {
	return errors.Join(syscall.Flock(int(l.f.Fd()), syscall.LOCK_UN), l.f.Close())
}

func writeAt(f *os.File, s string) error {
	_, err := f.WriteAt([]byte(s), 0)
	return err
}
