package hmg_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"gatehouse/app/assembly/hmg"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
	"gatehouse/ports/token/tokentest"
	"gatehouse/simulators/softtoken"
)

// TestMain makes this program a worker when it is told to be one.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "worker" {
		if err := work(); err != nil {
			fmt.Fprintln(os.Stderr, "worker:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func work() error {
	var c hmg.LibraryConfig
	parser, err := kong.New(&c)
	if err != nil {
		return err
	}
	if _, err := parser.Parse(nil); err != nil {
		return err
	}
	return hmg.Work(context.Background(), c, slog.New(slog.DiscardHandler))
}

// TestSoftHSM and TestNSS run the suite of the token port through worker
// processes. They are not parallel: libraries read the environment.

func TestSoftHSM(t *testing.T) {
	st, err := softtoken.SoftHSM(t.TempDir(), "suite", "correct PIN")
	softtoken.Need(t, err)
	st, err = st.CopyLib(filepath.Join(t.TempDir(), "libsofthsm2.so"))
	softtoken.Need(t, err)
	h := through(t, st)
	h.Refuses, h.ForgetsSize = softtoken.SoftHSMRefuses(), softtoken.SoftHSMForgetsSize
	tokentest.Run(t, h)
}

func TestNSS(t *testing.T) {
	st, err := softtoken.NSS(t.TempDir(), "correct PIN")
	softtoken.Need(t, err)
	h := through(t, st)
	h.Refuses = softtoken.NSSRefuses()
	tokentest.Run(t, h)
}

// through is a harness for a real token behind worker processes.
func through(t *testing.T, st softtoken.Token) tokentest.Harness {
	t.Helper()
	if err := st.Setenv(); err != nil {
		t.Fatal(err)
	}
	lib := workers(t, hmg.LibraryConfig{Library: st.Lib, Reserved: st.Reserved, Sessions: 4})
	return tokentest.Harness{
		Open: func(t *testing.T) token.Token {
			t.Helper()
			tok, err := lib.Open(t.Context(), st.Slot, secret.FromString(st.PIN))
			if err != nil {
				t.Fatal(err)
			}
			return tok
		},
		OpenWrongPIN: func(t *testing.T) (token.Token, error) {
			t.Helper()
			return lib.Open(t.Context(), st.Slot, secret.FromString("wrong PIN"))
		},
		NotApplicable: map[string]string{
			"Foreign": throughSimulator, "Reinitialise": throughSimulator, "FailApplied": throughSimulator,
			"Hang": throughSimulator, "Swap": throughSimulator,
		},
	}
}

const throughSimulator = "workers are tried with this over the simulator in app/workers, the library in adapters/pkcs11"

// workers is a library in worker processes of this program.
func workers(t *testing.T, c hmg.LibraryConfig) hmg.Library {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := hmg.WorkerProgram{Path: os.Args[0], Args: []string{"worker"}, Stderr: os.Stderr}
	lib, err := hmg.LoadWorkers(ctx, c, 2, p, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lib.Close(); err != nil {
			t.Errorf("closing the library: %v", err)
		}
	})
	return lib
}
