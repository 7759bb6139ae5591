package seal_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"gatehouse/adapters/seal"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
	port "gatehouse/ports/seal"
	"gatehouse/ports/seal/sealtest"
)

func created(t *testing.T) (*seal.KeyFile, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "master.key")
	k, err := seal.CreateKeyFile(path)
	if err != nil {
		t.Fatalf("CreateKeyFile: %v", err)
	}
	return k, path
}

func opened(t *testing.T, path string) *seal.KeyFile {
	t.Helper()
	k, err := seal.OpenKeyFile(path)
	if err != nil {
		t.Fatalf("OpenKeyFile: %v", err)
	}
	return k
}

func TestKeyFile(t *testing.T) {
	sealtest.Run(t, sealtest.Harness{
		New: func(t *testing.T) port.Sealer {
			t.Helper()
			k, _ := created(t)
			return k.Ring()
		},
		Rotation: func(t *testing.T) (before, during, after port.Sealer) {
			t.Helper()
			_, path := created(t)
			before = opened(t, path).Ring()
			if err := opened(t, path).Begin(); err != nil {
				t.Fatalf("Begin: %v", err)
			}
			during = opened(t, path).Ring()
			last := opened(t, path)
			if err := last.Finish(); err != nil {
				t.Fatalf("Finish: %v", err)
			}
			return before, during, last.Ring()
		},
	})
}

func TestKeyFileIsPrivate(t *testing.T) {
	_, path := created(t)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatalf("Stat: %v", err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode is %04o, want 0600", got)
	}
	if leftover, _ := filepath.Glob(path + ".new*"); len(leftover) != 0 {
		t.Errorf("left behind %v", leftover)
	}
}

func TestCreateKeepsWhatIsThere(t *testing.T) {
	k, path := created(t)
	again, err := seal.CreateKeyFile(path)
	if err != nil {
		t.Fatalf("CreateKeyFile: %v", err)
	}
	if got, want := again.Ring().IDs(), k.Ring().IDs(); !slices.Equal(got, want) {
		t.Errorf("creating again gave %v, want %v", got, want)
	}
}

func TestManyFirstStartsMakeOneKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	ids := make([]string, 8)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			k, err := seal.CreateKeyFile(path)
			if err != nil {
				t.Errorf("CreateKeyFile: %v", err)
				return
			}
			ids[i] = strings.Join(k.Ring().IDs(), " ")
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] || id == "" {
			t.Fatalf("got keys %v, want one", ids)
		}
	}
}

func TestKeyFileRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(path string) error
		says  string
	}{
		"missing":        {os.Remove, "is missing: put it back from its backup"},
		"group readable": {func(p string) error { return os.Chmod(p, 0o640) }, "chmod 600"},
		"world writable": {func(p string) error { return os.Chmod(p, 0o602) }, "chmod 600"},
		"a directory": {func(p string) error {
			return errors.Join(os.Remove(p), os.Mkdir(p, 0o700))
		}, "not a regular file"},
		"a pipe": {func(p string) error {
			return errors.Join(os.Remove(p), syscall.Mkfifo(p, 0o600))
		}, "not a regular file"},
		"empty":     {func(p string) error { return os.Truncate(p, 0) }, "is damaged: put it back"},
		"cut short": {func(p string) error { return os.Truncate(p, 60) }, "is damaged: put it back"},
		"huge":      {func(p string) error { return os.Truncate(p, 1<<30) }, "name the right file"},
		"a digit changed": {func(p string) error {
			text, err := os.ReadFile(p)
			text[len(text)-10] ^= 1
			return errors.Join(err, os.WriteFile(p, text, 0o600))
		}, "is damaged: put it back"},
		"raw bytes": {func(p string) error {
			return os.WriteFile(p, bytes.Repeat([]byte{3}, 32), 0o600)
		}, "is damaged: put it back"},
	} {
		t.Run(name, func(t *testing.T) {
			_, path := created(t)
			if err := c.spoil(path); err != nil {
				t.Fatalf("spoiling the key file: %v", err)
			}
			_, err := seal.OpenKeyFile(path)
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("got error %v, want kind Invalid", err)
			}
			if got := fault.Message(err); !strings.Contains(got, c.says) || !strings.Contains(got, path) || strings.Contains(got, "\n") {
				t.Errorf("message is %q, want one line with %q and the path", got, c.says)
			}
		})
	}
}

// TestKeyFileOfAnotherUser: only root can make such a file, so only root tries.
func TestKeyFileOfAnotherUser(t *testing.T) {
	_, path := created(t)
	err := os.Chown(path, 12345, -1)
	if os.Geteuid() != 0 {
		if err == nil {
			t.Error("gave a file away without being root")
		}
		return
	}
	if err != nil {
		t.Fatalf("Chown: %v", err)
	}
	_, err = seal.OpenKeyFile(path)
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Message(err), "belongs to another user") {
		t.Errorf("got error %v, want one that tells whose it is", err)
	}
}

func TestKeyFileThroughALink(t *testing.T) {
	k, path := created(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatalf("Symlink: %v", err)
	}
	if got, want := opened(t, link).Ring().IDs(), k.Ring().IDs(); !slices.Equal(got, want) {
		t.Errorf("through the link: keys %v, want %v", got, want)
	}
}

func TestCreateWhereNobodyMayWrite(t *testing.T) {
	_, err := seal.CreateKeyFile(filepath.Join(t.TempDir(), "absent", "master.key"))
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Message(err), "may write") {
		t.Errorf("got error %v, want one that says where to make it", err)
	}
}

// TestRotationInterrupted ends a rotation after every step of every change of
// the file: a secret sealed at any time opens at every later time, and the
// rotation, begun again, completes.
func TestRotationInterrupted(t *testing.T) {
	ended := errors.New("ended here")
	steps := []string{"made", "written", "synced", "renamed"}
	for _, at := range steps {
		t.Run("begin ended when "+at, func(t *testing.T) {
			k, path := created(t)
			sealed := sealPIN(t, k.Ring())
			k.Interrupt(endAt(at, ended))
			if err := k.Begin(); !errors.Is(err, ended) {
				t.Fatalf("Begin: %v, want an interruption", err)
			}
			after := opened(t, path)
			wantPIN(t, after.Ring(), sealed)
			wantPIN(t, after.Ring(), sealPIN(t, k.Ring()))
			completeRotation(t, path, sealed)
		})
		t.Run("finish ended when "+at, func(t *testing.T) {
			k, path := created(t)
			sealed := sealPIN(t, k.Ring())
			if err := k.Begin(); err != nil {
				t.Fatalf("Begin: %v", err)
			}
			sealed, _, err := k.Ring().Reseal(port.ConnectionPIN, "owner", sealed)
			if err != nil {
				t.Fatalf("Reseal: %v", err)
			}
			k.Interrupt(endAt(at, ended))
			if err := k.Finish(); !errors.Is(err, ended) {
				t.Fatalf("Finish: %v, want an interruption", err)
			}
			wantPIN(t, opened(t, path).Ring(), sealed)
			completeRotation(t, path, sealed)
		})
	}
}

func endAt(at string, err error) func(string) error {
	return func(step string) error {
		if step == at {
			return err
		}
		return nil
	}
}

func completeRotation(t *testing.T, path string, sealed secret.Sealed) {
	t.Helper()
	k := opened(t, path)
	if err := k.Begin(); err != nil {
		t.Fatalf("Begin again: %v", err)
	}
	if got := len(k.Ring().IDs()); got != 2 {
		t.Fatalf("the ring holds %d keys, want 2", got)
	}
	sealed, _, err := k.Ring().Reseal(port.ConnectionPIN, "owner", sealed)
	if err != nil {
		t.Fatalf("Reseal: %v", err)
	}
	if err := k.Finish(); err != nil {
		t.Fatalf("Finish again: %v", err)
	}
	last := opened(t, path)
	if last.Rotating() {
		t.Error("a rotation is still under way")
	}
	wantPIN(t, last.Ring(), sealed)
}

func TestRotationsAtOnceJoin(t *testing.T) {
	first, path := created(t)
	sealed := make([]secret.Sealed, 8)
	var wg sync.WaitGroup
	for i := range sealed {
		wg.Go(func() {
			k, err := seal.OpenKeyFile(path)
			if err != nil {
				t.Errorf("OpenKeyFile: %v", err)
				return
			}
			if err := k.Begin(); err != nil {
				t.Errorf("Begin: %v", err)
				return
			}
			sealed[i] = sealPIN(t, k.Ring())
		})
	}
	wg.Wait()
	if err := first.Reload(); err != nil {
		t.Fatalf("Reload: %v", err)
	}
	if got := len(first.Ring().IDs()); got != 2 {
		t.Errorf("the file holds %d keys, want 2", got)
	}
	for _, s := range sealed {
		wantPIN(t, first.Ring(), s)
	}
}

func TestReloadKeepsTheRingOnError(t *testing.T) {
	k, path := created(t)
	sealed := sealPIN(t, k.Ring())
	if err := os.Remove(path); err != nil {
		t.Fatalf("Remove: %v", err)
	}
	if err := k.Reload(); err == nil {
		t.Error("Reload of a missing file succeeded")
	}
	wantPIN(t, k.Ring(), sealed)
}

func sealPIN(t *testing.T, s port.Sealer) secret.Sealed {
	t.Helper()
	sealed, err := s.Seal(port.ConnectionPIN, "owner", secret.FromString("1234"))
	if err != nil {
		t.Errorf("Seal: %v", err)
	}
	return sealed
}

func wantPIN(t *testing.T, s port.Sealer, sealed secret.Sealed) {
	t.Helper()
	v, err := s.Open(port.ConnectionPIN, "owner", sealed)
	if err != nil || !v.Equal(secret.FromString("1234")) {
		t.Errorf("opening what was sealed: %v", err)
	}
}

func FuzzParseKeys(f *testing.F) {
	text, err := seal.FormatKeys([]secret.Value{key(1), key(2)})
	if err != nil {
		f.Fatalf("FormatKeys: %v", err)
	}
	f.Add(text)
	f.Add([]byte("gatehouse master keys 1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		keys, err := seal.ParseKeys(b)
		if err != nil {
			return
		}
		again, err := seal.FormatKeys(keys)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("what parsed is written as %q, error %v", again, err)
		}
	})
}
