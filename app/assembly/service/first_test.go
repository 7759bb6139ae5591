package service_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/app/assembly/service"
	"gatehouse/app/assembly/settings"
	"gatehouse/core/fault"
)

func config(dir string) service.Config {
	return service.Config{
		StoreConfig: service.StoreConfig{DataDir: dir, MasterKey: "file"}, Listen: "127.0.0.1:0", Account: "main", Admin: "admin@gatehouse.example",
		RecoverEvery: time.Minute, RecoveryGrace: time.Minute, DrainWithin: time.Second,
	}
}

// start starts a service, stops it as soon as it serves, and returns what it
// printed and logged.
func start(t *testing.T, cfg service.Config) (printed, logged string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out, log bytes.Buffer
	err := service.Serve(ctx, cfg, &out, slog.New(slog.NewTextHandler(&log, nil)), func(net.Addr) { stop() })
	if err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	return out.String(), log.String()
}

func TestFirstPassword(t *testing.T) {
	t.Parallel()
	t.Run("is printed", func(t *testing.T) {
		t.Parallel()
		cfg := config(t.TempDir())
		if printed, _ := start(t, cfg); !strings.Contains(printed, "password: ") {
			t.Errorf("got %q, want a password", printed)
		}
		if printed, _ := start(t, cfg); printed != "" {
			t.Errorf("the second start prints %q", printed)
		}
	})
	t.Run("goes to a file and nowhere else", func(t *testing.T) {
		t.Parallel()
		cfg := config(t.TempDir())
		cfg.Password = filepath.Join(cfg.DataDir, "first-password")
		printed, logged := start(t, cfg)
		text, err := os.ReadFile(cfg.Password)
		if err != nil {
			t.Fatal(err)
		}
		_, after, found := strings.Cut(string(text), "\npassword: ")
		password := strings.TrimSpace(after)
		if !found || len(password) < 16 || !strings.HasPrefix(string(text), "administrator: admin@gatehouse.example\n") {
			t.Fatalf("the file holds %q", text)
		}
		if info, err := os.Stat(cfg.Password); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file's mode: got %v, %v, want 0600", info.Mode(), err)
		}
		if printed != "" || strings.Contains(logged, password) {
			t.Errorf("the password shows: %q %q", printed, logged)
		}
		if !strings.Contains(logged, cfg.Password) {
			t.Errorf("the log does not tell of the file: %s", logged)
		}
		if _, logged = start(t, cfg); !strings.Contains(logged, "delete it") {
			t.Errorf("the next start does not remind of the file: %s", logged)
		}
		if again, err := os.ReadFile(cfg.Password); err != nil || !bytes.Equal(again, text) {
			t.Errorf("the next start changes the file: got %q, %v", again, err)
		}
		if err := os.Remove(cfg.Password); err != nil {
			t.Fatal(err)
		}
		start(t, cfg)
		if _, err := os.Stat(cfg.Password); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a later start makes the file again: %v", err)
		}
	})
	t.Run("replaces what was left by a start that was cut off", func(t *testing.T) {
		t.Parallel()
		cfg := config(t.TempDir())
		cfg.Password = filepath.Join(t.TempDir(), "first-password")
		if err := os.WriteFile(cfg.Password, []byte(strings.Repeat("old ", 100)), 0o644); err != nil {
			t.Fatal(err)
		}
		start(t, cfg)
		text, err := os.ReadFile(cfg.Password)
		if err != nil || strings.Contains(string(text), "old") || !strings.Contains(string(text), "password: ") {
			t.Errorf("got %q, %v", text, err)
		}
		if info, err := os.Stat(cfg.Password); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file's mode: got %v, %v, want 0600", info.Mode(), err)
		}
	})
}

// TestTrial: one line for each wrong setting, which names it, all at once.
func TestTrial(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { busy.Close() })
	none := filepath.Join(t.TempDir(), "none")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(*service.Config)
		want   []string
	}{
		{"all good", func(*service.Config) {}, nil},
		{"a data folder that will be made", func(c *service.Config) { c.DataDir = filepath.Join(c.DataDir, "a", "b") }, nil},
		{"a file for a data folder", func(c *service.Config) { c.DataDir = file }, []string{"--data-dir: " + file + " is not a folder"}},
		{"no address", func(c *service.Config) { c.Listen = "here" }, []string{"--listen must be an address and port"}},
		{"a port in use", func(c *service.Config) { c.Listen = busy.Addr().String() }, []string{"--listen: " + busy.Addr().String() + ": address already in use"}},
		{"an address of another machine", func(c *service.Config) { c.Listen = "192.0.2.1:8443" }, []string{"--listen: this machine has no address 192.0.2.1:8443"}},
		{"a key without certificate", func(c *service.Config) { c.TLSKey = none }, []string{"--tls-cert and --tls-key are given together"}},
		{"no certificate", func(c *service.Config) { c.TLSCert, c.TLSKey = none, none }, []string{"--tls-cert: cannot read " + none}},
		{"no passphrase file named", func(c *service.Config) { c.MasterKey = "passphrase" }, []string{"--master-passphrase-file is required"}},
		{"no passphrase file", func(c *service.Config) { c.MasterKey, c.PassphraseFile = "passphrase", none }, []string{"--master-passphrase-file: " + none + " is not there"}},
		{"connections past counting", func(c *service.Config) { c.Connections = 17 }, []string{"--hmg-connections must be 1 to 16"}},
		{"connections that end at once", func(c *service.Config) { c.MaxAge = time.Millisecond }, []string{"--hmg-connection-age must be 0 or at least 1s"}},
		{"probes backwards in time", func(c *service.Config) { c.ProbeEvery = -time.Second }, []string{"--probe-every must not be negative"}},
		{"an end that is past", func(c *service.Config) { c.DrainWithin = -time.Second }, []string{"--drain-within must not be negative"}},
		{"everything", func(c *service.Config) {
			*c = service.Config{
				Listen: "here", TLSCert: none, StoreConfig: service.StoreConfig{MasterKey: "passphrase", DataDir: file},
				Links: service.Links{Connections: -1, MaxAge: -1}, ProbeEvery: -1, DrainWithin: -1,
			}
		}, []string{
			"--listen ", "--tls-cert and", "--master-passphrase-file ", "--recover-every ", "--data-dir: ",
			"--hmg-connections ", "--hmg-connection-age ", "--probe-every ", "--drain-within ",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t.TempDir())
			c.change(&cfg)
			err := cfg.Trial(t.Context())
			lines := settings.Lines(err)
			if len(lines) != len(c.want) {
				t.Errorf("got %q, want %d lines", lines, len(c.want))
			}
			for _, want := range c.want {
				if !strings.Contains("\n"+strings.Join(lines, "\n"), "\n"+want) {
					t.Errorf("got no line that begins with %q: %q", want, lines)
				}
			}
			if err != nil && !errors.Is(err, fault.Invalid) && !errors.Is(err, fault.Unavailable) {
				t.Errorf("got kind %v", fault.KindOf(err))
			}
		})
	}
}
