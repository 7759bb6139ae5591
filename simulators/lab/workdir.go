package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lockName is the file that marks a folder as a lab's, and is locked while the
// lab is there.
const lockName = "gatehouse-lab.lock"

// claim makes dir the folder of this lab alone and empties it. It refuses a
// folder that holds anything and was not made by a lab, and one in which another
// lab is running. Closing the file gives dir up.
func claim(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the lab's folder: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("looking into the lab's folder: %w", err)
	}
	path := filepath.Join(dir, lockName)
	if _, err := os.Lstat(path); err != nil && len(entries) > 0 {
		return nil, fmt.Errorf("%s holds something and was not made by a lab: name an empty folder", dir)
	}
	lock, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lab's lock: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another lab is running in %s: end it, or name another folder", dir), lock.Close())
	}
	for _, e := range entries {
		if e.Name() == lockName {
			continue
		}
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("clearing the lab's folder: %w", err), lock.Close())
	}
	return lock, nil
}
