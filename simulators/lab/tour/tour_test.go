package tour_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/simulators/lab"
	"gatehouse/simulators/lab/opensc"
	"gatehouse/simulators/lab/show"
	"gatehouse/simulators/lab/tour"
	"gatehouse/simulators/softtoken"
)

// TestTour goes through the whole tour with the programs as they are delivered.
func TestTour(t *testing.T) {
	_, err := opensc.New(softtoken.Token{})
	softtoken.Need(t, err)
	programs := t.TempDir()
	if err := lab.Build(t.Context(), programs); err != nil {
		t.Fatal(err)
	}
	const pin = "7319-is-the-PIN"
	l, err := lab.New(lab.Options{Dir: t.TempDir(), Programs: programs, PIN: pin})
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	defer func() {
		if !closed {
			t.Log(l.Close())
		}
	}()
	var out bytes.Buffer
	trip := tour.New(l)
	steps, err := trip.Run(t.Context(), show.New(&out, false, false), time.Now)
	t.Log(out.String())
	if err != nil {
		for _, log := range []string{l.Service.Log, l.Gateway.Log} {
			if b, err := os.ReadFile(log); err == nil {
				t.Logf("%s:\n%s", log, b)
			}
		}
		t.Fatal(err)
	}
	want := 0
	for _, p := range tour.Parts() {
		want += len(p.Steps)
	}
	if steps != want {
		t.Errorf("steps: got %d, want %d", steps, want)
	}
	if !strings.Contains(out.String(), "151 new keys") {
		t.Error(`the output does not say "151 new keys"`)
	}
	t.Run("what is suggested works as it is", func(t *testing.T) {
		commands, err := trip.Next()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range commands {
			cmd := exec.CommandContext(t.Context(), "sh", "-c", c.Line)
			if b, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s", c.What, err, b)
			}
		}
	})
	closed = true
	if err := l.Close(); err != nil {
		t.Errorf("Close: got %v, want nil", err)
	}
	t.Run("no secret lies about", func(t *testing.T) {
		searched := 0
		for _, root := range []string{l.Service.Log, l.Gateway.Log, l.Service.Data} {
			searched += search(t, root, pin, l.Service.Password)
		}
		if searched < 3 {
			t.Errorf("searched %d files, want the logs and the database at least", searched)
		}
	})
}

// search fails t when a file at or below root holds one of the secrets, and
// returns how many files it searched.
func search(t *testing.T, root string, secrets ...string) (files int) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for i, s := range secrets {
			if s == "" || bytes.Contains(b, []byte(s)) {
				t.Errorf("%s holds secret %d", path, i)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return files
}

func TestTourEndsAtAStepThatIsNotTrue(t *testing.T) {
	l, err := lab.New(lab.Options{Dir: t.TempDir(), Programs: t.TempDir(), PIN: "1234", Empty: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Errorf("Close: got %v, want nil", err)
		}
	}()
	var out bytes.Buffer
	steps, err := tour.New(l).Run(t.Context(), show.New(&out, false, false), time.Now)
	if errors.Is(err, softtoken.ErrMissing) {
		softtoken.Need(t, err)
	}
	if steps != 1 || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a lab without programs: got %d steps and %v, want 1 and that there is no such file", steps, err)
	}
	if !strings.Contains(out.String(), "✗ Gateway") {
		t.Errorf("output does not mark the step: %s", out.String())
	}
}

func TestTourEndsWithItsContext(t *testing.T) {
	l, err := lab.New(lab.Options{Dir: t.TempDir(), Programs: t.TempDir(), PIN: "1234"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Errorf("Close: got %v, want nil", err)
		}
	}()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = tour.New(l).Run(ctx, show.New(&bytes.Buffer{}, false, false), time.Now)
	if errors.Is(err, softtoken.ErrMissing) {
		softtoken.Need(t, err)
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that the context was cancelled", err)
	}
}
