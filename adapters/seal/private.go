package seal

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"gatehouse/core/fault"
)

// maxPrivate bounds the files that are read here, in bytes.
const maxPrivate = 64 * 1024

// readPrivate reads a small file that nobody but its owner may read. A link to
// such a file will do, as container platforms mount secrets; what counts is
// what was opened. Invalid, saying what to do, when it is not such a file.
func readPrivate(path, what string) ([]byte, error) {
	// O_NONBLOCK: opening a pipe must not wait for its writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(fault.Invalid, err, "%s %s is missing: put it back from its backup, or name another source of the master key", what, path)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%s %s cannot be opened: make it readable for the user that runs the service", what, path)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	info, err := f.Stat()
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "looking at %s %s", what, path)
	}
	if !info.Mode().IsRegular() {
		return nil, fault.New(fault.Invalid, "%s %s is not a regular file: name the file itself", what, path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.Invalid, "%s %s can be read or changed by other users (mode %04o): run `chmod 600 %s`, and make a new master key if others may have read it", what, path, info.Mode().Perm(), path)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() && st.Uid != 0 {
		return nil, fault.New(fault.Invalid, "%s %s belongs to another user: run this as that user, or give the file to the user that runs the service", what, path)
	}
	if info.Size() > maxPrivate {
		return nil, fault.New(fault.Invalid, "%s %s is longer than %d bytes: name the right file", what, path, maxPrivate)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPrivate))
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "reading %s %s", what, path)
	}
	return text, nil
}

// replacePrivate makes path hold text, readable by its owner alone. Whatever
// interrupts it, path holds either what it held before or text, whole and on
// the disk. The caller holds the lock of path.
func replacePrivate(path string, text []byte, step func(string) error) error {
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // what an interrupted call left behind, and nobody has used
	}
	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // closing again after Sync is a formality
	if err := step("made"); err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := step("written"); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := step("synced"); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	if err := step("renamed"); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // nothing was written
	return d.Sync()
}

// lock keeps other processes and callers from changing path until unlock; the
// kernel releases it when the process ends, however it ends.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}
