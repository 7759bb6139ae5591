package main_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestTimerSlack: all threads of gateway and workers have it, those too that Go
// started before main.
func TestTimerSlack(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	cmd, _ := s.start(t)
	s.dial(t)
	read := func(pattern string) map[string]string {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for _, file := range files {
			b, err := os.ReadFile(file)
			switch {
			case errors.Is(err, fs.ErrPermission):
				t.Skip("only root may ask for the timer slack of others")
			case errors.Is(err, fs.ErrNotExist): // a thread that has ended
			case err != nil:
				t.Fatal(err)
			default:
				found[file] = strings.TrimSpace(string(b))
			}
		}
		return found
	}
	process := func(pid string) {
		threads, err := filepath.Glob(filepath.Join("/proc", pid, "task", "*"))
		if err != nil || len(threads) < 3 {
			t.Fatalf("got %d threads and %v", len(threads), err)
		}
		for _, thread := range threads {
			for file, slack := range read(filepath.Join("/proc", filepath.Base(thread), "timerslack_ns")) {
				if slack != "5000000" {
					t.Errorf("got %s in %s, want 5 ms", slack, file)
				}
			}
		}
	}
	gateway := strconv.Itoa(cmd.Process.Pid)
	process(gateway)
	workers := 0
	for _, children := range read(filepath.Join("/proc", gateway, "task", "*", "children")) {
		for _, pid := range strings.Fields(children) {
			workers++
			process(pid)
		}
	}
	if workers != 2 {
		t.Errorf("got %d workers, want 2", workers)
	}
}
