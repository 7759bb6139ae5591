package hmg_test

import (
	"log/slog"
	"path/filepath"
	"runtime"
	"testing"

	"gatehouse/app/assembly/hmg"
	"gatehouse/core/secret"
	"gatehouse/simulators/softtoken"
)

// TestProcessors: calls that wait for an HSM have a processor of Go's each, and
// SoftHSM2, which computes, has none besides. It is not parallel: the number is the
// process's.
func TestProcessors(t *testing.T) {
	const sessions = 3
	for name, c := range map[string]struct {
		make func(dir string) (softtoken.Token, error)
		more int
	}{
		"SoftHSM2":      {func(dir string) (softtoken.Token, error) { return softtoken.SoftHSM(dir, "processors", "1234") }, 0},
		"another token": {func(dir string) (softtoken.Token, error) { return softtoken.NSS(dir, "1234") }, sessions},
	} {
		t.Run(name, func(t *testing.T) {
			st, err := c.make(t.TempDir())
			softtoken.Need(t, err)
			st, err = st.CopyLib(filepath.Join(t.TempDir(), filepath.Base(st.Lib)))
			softtoken.Need(t, err)
			if err := st.Setenv(); err != nil {
				t.Fatal(err)
			}
			before := runtime.GOMAXPROCS(0)
			defer runtime.GOMAXPROCS(before)
			lib, err := hmg.Load(hmg.LibraryConfig{Library: st.Lib, Reserved: st.Reserved, Sessions: sessions}, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			defer lib.Close() //nolint:errcheck // it is done with
			for range 2 {     // opened anew it is no more than before
				tok, err := lib.Open(t.Context(), st.Slot, secret.FromString(st.PIN))
				if err != nil {
					t.Fatal(err)
				}
				if got := runtime.GOMAXPROCS(0) - before; got != c.more {
					t.Errorf("got %d processors more, want %d", got, c.more)
				}
				if err := tok.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
