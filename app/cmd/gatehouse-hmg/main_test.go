package main_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gatehouse/adapters/hmgclient"
	"gatehouse/adapters/tlsconf"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/simulators/lab/ports"
	"gatehouse/simulators/softtoken"
)

// patience is how long tests wait for what should take a moment.
const patience = 30 * time.Second

// program builds the program once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "gatehouse-hmg")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "gatehouse-hmg")
	out, err := exec.Command("go", "build", "-buildvcs=false", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// command is the program with nothing in its environment but env.
func command(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = env
	return cmd
}

// site is a machine with an HSM, where a gateway can be started.
type site struct {
	token  softtoken.Token
	env    []string
	ports  [3]int
	client hmgclient.Config
}

func newSite(t *testing.T) *site {
	t.Helper()
	tok, err := softtoken.SoftHSM(t.TempDir(), "production", "site-4711")
	softtoken.Need(t, err)
	dir := t.TempDir()
	for _, args := range [][]string{
		{"req", "-x509", "-newkey", "rsa:2048", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-nodes", "-subj", "/CN=127.0.0.1"},
		{"pkcs12", "-export", "-out", "cert.p12", "-inkey", "key.pem", "-in", "cert.pem", "-passout", "pass:word"},
		{"req", "-x509", "-newkey", "rsa:2048", "-keyout", "client.key", "-out", "client.pem", "-days", "2", "-nodes", "-subj", "/CN=gatehouse"},
		{"x509", "-in", "cert.pem", "-outform", "der", "-out", "cert.der"},
	} {
		cmd := exec.Command("openssl", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			if errors.Is(err, exec.ErrNotFound) {
				softtoken.Need(t, fmt.Errorf("openssl: %w", softtoken.ErrMissing))
			}
			t.Fatalf("openssl %s: %v: %s", args[0], err, out)
		}
	}
	s := &site{token: tok}
	for i := range s.ports {
		s.ports[i] = ports.For(t).Number
	}
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("word\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.env = append([]string{
		"CERT_FILE=" + filepath.Join(dir, "cert.p12"), "CERT_PASSWORD_FILE=" + password,
		"CA_FILE=" + filepath.Join(dir, "client.pem"), "PKCS11_LIB_PATH=" + tok.Lib,
		"HMG_LISTEN_ADDRESS=127.0.0.1", "HMG_LISTEN_PORT=" + strconv.Itoa(s.ports[0]),
		"HMG_HEALTH_PORT=" + strconv.Itoa(s.ports[1]), "HMG_HEALTH_TLS_PORT=" + strconv.Itoa(s.ports[2]),
	}, tok.Env...)
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(s.ports[0]))
	settings, err := tlsconf.Client(address, groups.TLS{
		Pinned: [][]byte{read("cert.der")}, ValidateHostname: true, ClientCert: read("client.pem"),
	}, secret.New(read("client.key")))
	if err != nil {
		t.Fatal(err)
	}
	s.client = hmgclient.Config{Address: address, TLS: settings, Slot: tok.Slot, PIN: secret.FromString(tok.PIN)}
	return s
}

// start starts the gateway and waits until it is healthy.
func (s *site) start(t *testing.T, args ...string) (cmd *exec.Cmd, log *bytes.Buffer) {
	t.Helper()
	cmd, log = command(t, s.env, args...), new(bytes.Buffer)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	s.await(t, http.StatusNoContent)
	return cmd, log
}

// await waits until the health check answers status.
func (s *site) await(t *testing.T, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if s.health(ctx) == status {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the health check never answered %d", status)
		case <-tick.C:
		}
	}
}

func (s *site) health(ctx context.Context) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/health", s.ports[1]), http.NoBody)
	if err != nil {
		return 0
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	answer.Body.Close()
	return answer.StatusCode
}

func (s *site) dial(t *testing.T) *hmgclient.Token {
	t.Helper()
	tok, err := hmgclient.Dial(t.Context(), s.client)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tok.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return tok
}

var key = hsm.Template{ID: []byte("key"), Label: []byte("key"), Type: keys.EC, Size: 256, Curve: keys.P256, Ops: keys.OpSign | keys.OpVerify}

var signing = operations.Sign{Hash: operations.SHA256, Input: []byte("data")}

func TestServesAndDrains(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	cmd, log := s.start(t)
	tok := s.dial(t)
	made, err := tok.Generate(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tok.Operate(t.Context(), made.Ref(), signing); err != nil {
		t.Error(err)
	}
	var answered, failed atomic.Int64
	stopped := make(chan struct{})
	go func() { // the signal comes in the middle of this
		defer close(stopped)
		for failed.Load() == 0 {
			if _, err := tok.Operate(t.Context(), made.Ref(), signing); err != nil {
				failed.Add(1)
			} else if answered.Add(1) == 20 {
				_ = cmd.Process.Signal(syscall.SIGTERM)
			}
		}
	}()
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM the program ends with %v\n%s", err, log)
	}
	<-stopped
	if strings.Contains(log.String(), s.token.PIN) || strings.Contains(log.String(), "word") {
		t.Errorf("the log holds a secret:\n%s", log)
	}
}

// TestKilledUnderLoad: kill -9 costs the requests in flight, and when the
// gateway is back, its clients are too.
func TestKilledUnderLoad(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	cmd, _ := s.start(t)
	tok := s.dial(t)
	made, err := tok.Generate(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	const callers = 8
	var broken, other atomic.Int64 // failed in flight; failed as nobody listens
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	back := make(chan struct{})
	var load sync.WaitGroup
	started := make(chan struct{}, callers)
	for range callers {
		load.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				_, err := tok.Operate(ctx, made.Ref(), signing)
				switch {
				case err == nil:
					if n == 10 {
						started <- struct{}{}
					}
				case ctx.Err() != nil:
				case !errors.Is(err, fault.Unavailable):
					t.Errorf("got %v, want unavailable", err)
				case fault.ReasonOf(err) == fault.Unspecified:
					broken.Add(1)
				default: // refused: it is down; wait as a service would
					other.Add(1)
					select {
					case <-back:
					case <-ctx.Done():
					}
				}
			}
		})
	}
	for range callers {
		<-started
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	s.start(t)
	close(back)
	again := make(chan error, 1)
	go func() { _, err := tok.Operate(t.Context(), made.Ref(), signing); again <- err }()
	if err := <-again; err != nil {
		t.Errorf("when the gateway is back: %v", err)
	}
	stop()
	load.Wait()
	if n := broken.Load(); n > callers {
		t.Errorf("%d requests failed in flight, with %d callers", n, callers)
	}
	if n := other.Load(); n > callers {
		t.Errorf("%d requests were refused, with %d callers that wait", n, callers)
	}
}

func TestHealthOverHTTPS(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(t)
	settings := s.client.TLS.Clone()
	settings.Certificates = nil // a load balancer has none
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: settings}}
	defer client.CloseIdleConnections()
	answer, err := client.Get(fmt.Sprintf("https://127.0.0.1:%d/health", s.ports[2]))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		t.Errorf("got %d, want 204", answer.StatusCode)
	}
	bare := s.client
	bare.TLS = settings
	if _, err := hmgclient.Dial(t.Context(), bare); fault.ReasonOf(err) != fault.TLSRefused {
		t.Errorf("the service's port without a client certificate: got %v, want TLS refused", err)
	}
}

func TestConfigFile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	file := filepath.Join(t.TempDir(), "gatehouse-hmg")
	text := "# the gateway\n\n; really\n" + strings.Join(s.env, "\n") + "\nCERT_PASSWORD=\nHMG_LOG_LEVEL='debug'\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := command(t, nil, "--config-file", file, "config", "check").CombinedOutput(); err != nil || !strings.Contains(string(out), "good") {
		t.Errorf("a good file: got %v: %s", err, out)
	}
	if out, err := command(t, []string{"CERT_FILE=/no/such/file"}, "--config-file", file, "config", "check").CombinedOutput(); err == nil || !strings.Contains(string(out), "/no/such/file") {
		t.Errorf("what is set must count for more than the file: got %v: %s", err, out)
	}
	s.env = []string{}
	s.start(t, "--config-file", file)
}

func TestHelp(t *testing.T) {
	t.Parallel()
	out, err := command(t, nil, "--help").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"/etc/default/gatehouse-hmg", "PKCS11_LIB_PATH=", "openssl pkcs12 -export", "slots", "config check"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the help lacks %q", want)
		}
	}
	if out, err := command(t, nil, "--version").CombinedOutput(); err != nil || strings.TrimSpace(string(out)) == "" {
		t.Errorf("--version: got %v: %q", err, out)
	}
}
