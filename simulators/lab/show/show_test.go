package show_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/simulators/lab/show"
)

func TestPlain(t *testing.T) {
	var b bytes.Buffer
	s := show.New(&b, false, false)
	s.Heading("The lab")
	step := s.Begin("Schlüssel")
	step.Progress("reading", 100, 0)
	step.Progress("reading", 196, 196)
	step.Progress("recording", 151, 151)
	step.Done("151 new keys\n4 objects left alone", 1234*time.Millisecond)
	s.Begin("Gateway").Done("healthy", 2500*time.Microsecond)
	s.Begin("Service").Failed(errors.New("it ended\nand said nothing"))
	want := `
The lab

    Schlüssel                     reading: 196 of 196
    Schlüssel                     recording: 151 of 151
  ✓ Schlüssel              1.2 s  151 new keys
                                  4 objects left alone
  ✓ Gateway               2.5 ms  healthy
  ✗ Service                       it ended
                                  and said nothing
`
	if diff := cmp.Diff(b.String(), want); diff != "" {
		t.Errorf("output (-got +want):\n%s", diff)
	}
}

func TestLive(t *testing.T) {
	var b bytes.Buffer
	step := show.New(&b, true, true).Begin("Sync")
	step.Progress("reading", 100, 0)
	step.Progress("recording", 75, 151)
	step.Done("151 new keys", 1500*time.Millisecond)
	lines := strings.Split(b.String(), "\r\x1b[2K")
	if got, want := lines[len(lines)-1], "  \x1b[32m✓\x1b[0m Sync                 \x1b[2m  1.5 s\x1b[0m  151 new keys\n"; got != want {
		t.Errorf("last line: got %q, want %q", got, want)
	}
	for _, want := range []string{"reading", "recording", "(75/151)"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("output does not show %q: %q", want, b.String())
		}
	}
}

func TestNoColourInAFile(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	show.For(f).Begin("Gateway").Done("healthy", time.Second)
	got, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(got), "\x1b") {
		t.Errorf("a file got escape sequences: %q", got)
	}
}
