package assembly_test

import (
	"bytes"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/app/assembly"
)

func TestReady(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = manager.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	assembly.Ready(slog.New(slog.DiscardHandler))
	if err := manager.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 100)
	n, err := manager.Read(got)
	if err != nil || string(got[:n]) != "READY=1" {
		t.Errorf("got %q, %v, want READY=1", got[:n], err)
	}
}

func TestReadyTellsNobody(t *testing.T) {
	for _, c := range []struct {
		name, path string
		log        bool
	}{
		{"no service manager", "", false},
		{"one that is gone", filepath.Join(t.TempDir(), "gone"), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("NOTIFY_SOCKET", c.path)
			var log bytes.Buffer
			assembly.Ready(slog.New(slog.NewTextHandler(&log, nil)))
			if got := log.Len() > 0; got != c.log {
				t.Errorf("logged: got %t, want %t: %s", got, c.log, &log)
			}
		})
	}
}
