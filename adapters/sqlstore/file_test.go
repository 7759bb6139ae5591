package sqlstore_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/adapters/sqlstore"
	"gatehouse/core/fault"
)

func TestFiles(t *testing.T) {
	t.Parallel()

	t.Run("are for their owner alone", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "new", "dir")
		s, _ := openAt(t, filepath.Join(dir, "odd name? 100% #1.db"))
		if err := s.AppendAudit(t.Context(), signed()); err != nil {
			t.Fatal(err)
		}
		files := 0
		err := filepath.WalkDir(filepath.Dir(dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			want := fs.FileMode(0o600)
			if d.IsDir() {
				want = 0o700
			} else {
				files++
			}
			if got := info.Mode().Perm(); got != want {
				t.Errorf("%s: got mode %o, want %o", path, got, want)
			}
			return nil
		})
		if err != nil || files != 4 { // database, -wal, -shm, lock
			t.Errorf("got %d files and %v, want 4", files, err)
		}
	})

	t.Run("that others could read are closed to them", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "gatehouse.db")
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		openAt(t, path)
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("got mode %o and %v, want 600", info.Mode().Perm(), err)
		}
	})

	t.Run("that cannot be opened are told plainly", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, []byte("this is no database, though it is long enough to be taken for one by its length"), 0o600); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]struct {
			o    sqlstore.Options
			kind fault.Kind
		}{
			"no path":              {sqlstore.Options{}, fault.Invalid},
			"negative patience":    {sqlstore.Options{Path: "x", Patience: -1}, fault.Invalid},
			"negative readers":     {sqlstore.Options{Path: "x", Readers: -1}, fault.Invalid},
			"a directory":          {sqlstore.Options{Path: t.TempDir()}, fault.Unavailable},
			"below a file":         {sqlstore.Options{Path: filepath.Join(file, "x")}, fault.Unavailable},
			"something else":       {sqlstore.Options{Path: file}, fault.Internal},
			"a file of the system": {sqlstore.Options{Path: "/proc/self/status"}, fault.Unavailable},
		} {
			_, err := sqlstore.Open(t.Context(), want.o)
			wantKind(t, name, err, want.kind)
		}
	})
}

func TestLock(t *testing.T) {
	t.Parallel()

	t.Run("keeps a second store out, by any name, until the first is closed", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		path := filepath.Join(dir, "gatehouse.db")
		s, _ := openAt(t, path)
		link, linked := filepath.Join(dir, "link.db"), filepath.Join(t.TempDir(), "linked")
		if err := os.Symlink(path, link); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(dir, linked); err != nil {
			t.Fatal(err)
		}
		names := []string{path, link, filepath.Join(linked, "gatehouse.db")}
		for _, name := range names {
			_, err := sqlstore.Open(t.Context(), sqlstore.Options{Path: name})
			wantKind(t, "Open", err, fault.Unavailable)
			if want := fmt.Sprintf("in use by process %d,", os.Getpid()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want a message with %q", err, want)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			again, err := sqlstore.Open(t.Context(), sqlstore.Options{Path: name})
			if err != nil {
				t.Fatalf("Open after Close: %v", err)
			}
			if err := again.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})

	t.Run("keeps another process out", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "gatehouse.db")
		s, _ := openAt(t, path)
		told := killed(t, path, 1)
		if want := fmt.Sprintf("in use by process %d,", os.Getpid()); len(told) != 1 || !strings.Contains(told[0], want) {
			t.Errorf("got %q from the other process, want a line with %q", told, want)
		}
		if err := s.AppendAudit(t.Context(), signed()); err != nil {
			t.Errorf("AppendAudit afterwards: %v", err)
		}
	})

	t.Run("is given back when opening fails", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "gatehouse.db")
		if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := sqlstore.Open(t.Context(), sqlstore.Options{Path: path})
		wantKind(t, "Open of no database", err, fault.Internal)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		openAt(t, path)
	})
}
