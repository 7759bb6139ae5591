package service_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/app/assembly/service"
	"gatehouse/simulators/lab/simgateway"
)

// TestCertificateIsRenewed replaces the certificate of a service that runs.
func TestCertificateIsRenewed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pki, err := simgateway.NewPKI(filepath.Join(dir, "pki"), "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "tls.pem")
	put := func(content []byte) {
		t.Helper()
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	issue := func(name string) []byte {
		t.Helper()
		both, _, err := pki.Server(simgateway.Server{Name: name, Hosts: []string{"127.0.0.1"}})
		if err != nil {
			t.Fatal(err)
		}
		return both
	}
	put(issue("first"))
	hangup, ready, ended := make(chan os.Signal), make(chan net.Addr, 1), make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	var log bytes.Buffer // read when the service has ended
	cfg := service.Config{
		StoreConfig: service.StoreConfig{DataDir: filepath.Join(dir, "data"), MasterKey: "file"},
		Listen:      "127.0.0.1:0", TLSCert: file, TLSKey: file, Account: "main", Admin: "admin@example.com",
		RecoverEvery: time.Minute, RecoveryGrace: time.Minute, DrainWithin: time.Minute, Hangup: hangup,
	}
	if err := os.Mkdir(cfg.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	go func() {
		ended <- service.Serve(ctx, cfg, io.Discard, slog.New(slog.NewTextHandler(&log, nil)), func(a net.Addr) { ready <- a })
	}()
	var address net.Addr
	select {
	case address = <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	shown := func(version uint16) string {
		t.Helper()
		c, err := tls.Dial("tcp", address.String(), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: version})
		if err != nil {
			return err.Error()
		}
		defer c.Close()
		if version == 0 && c.ConnectionState().Version != tls.VersionTLS13 {
			t.Errorf("got version %x, want TLS 1.3", c.ConnectionState().Version)
		}
		return c.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	reload := func() {
		for range 2 { // the second one is taken when the first has been dealt with
			hangup <- syscall.SIGHUP
		}
	}
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"at the start", nil, "first"},
		{"a new one", issue("second"), "second"},
		{"half a file", issue("third")[:200], "second"},
		{"mended", issue("third"), "third"},
	} {
		if c.content != nil {
			put(c.content)
			reload()
		}
		if got := shown(0); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	if got := shown(tls.VersionTLS12); got != "third" {
		t.Errorf("TLS 1.2: got %q, want it spoken", got)
	}
	if got := shown(tls.VersionTLS11); !strings.Contains(got, "protocol version") {
		t.Errorf("TLS 1.1: got %q, want it refused", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if text := log.String(); strings.Count(text, "cannot be used") == 0 || !strings.Contains(text, "--tls-cert") {
		t.Errorf("the log does not tell of the broken file:\n%s", text)
	}
}
