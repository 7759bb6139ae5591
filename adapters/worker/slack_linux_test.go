package worker_test

import (
	"bytes"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/adapters/worker"
)

// TestSlack: the process has the slack, and the thread that started it has its own again.
func TestSlack(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	mine := func() string {
		ns, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		return strconv.Itoa(ns)
	}
	before := mine()
	for _, c := range []struct {
		slack time.Duration
		want  string
	}{{0, before}, {5 * time.Millisecond, "5000000"}, {0, before}} {
		var said bytes.Buffer
		p, err := worker.Start(worker.Program{Path: "cat", Args: []string{"/proc/self/timerslack_ns"}, Stderr: &said, Slack: c.slack})
		if err != nil {
			t.Fatal(err)
		}
		p.Stop(time.Minute)
		if got := strings.TrimSpace(said.String()); got != c.want {
			t.Errorf("got a slack of %q ns, want %q", got, c.want)
		}
	}
	if after := mine(); after != before {
		t.Errorf("got a slack of %s ns, want %s", after, before)
	}
}
