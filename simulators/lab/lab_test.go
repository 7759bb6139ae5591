package lab_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"gatehouse/simulators/lab"
	"gatehouse/simulators/softtoken"
)

// TestMain lets this test program stand in for the programs that a lab starts,
// and for a lab that is killed.
func TestMain(m *testing.M) {
	switch os.Getenv("LAB_TEST_ROLE") {
	case "":
		os.Exit(m.Run())
	case "gateway":
		os.Exit(standInGateway())
	case "lab":
		os.Exit(standInLab())
	}
}

// standInGateway is healthy until it is told to end.
func standInGateway() int {
	if os.Getenv("CERT_FILE") == "" || os.Getenv("CA_FILE") == "" || os.Getenv("PKCS11_LIB_PATH") == "" || os.Getenv("SOFTHSM2_CONF") == "" {
		fmt.Fprintln(os.Stderr, "something is not set")
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	healthy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("HMG_HEALTH_PORT"), Handler: healthy}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	fmt.Fprintln(os.Stderr, "pid", os.Getpid())
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// standInLab starts a gateway and waits to be killed.
func standInLab() int {
	l, err := lab.New(lab.Options{Dir: os.Getenv("LAB_TEST_DIR"), Programs: os.Getenv("LAB_TEST_PROGRAMS"), PIN: "1234", Empty: true})
	if err == nil {
		err = errors.Join(l.MakeToken(context.Background()), l.StartGateway(context.Background()))
	}
	fmt.Println(err)
	select {}
}

// programs makes a folder of programs, each a shell script.
func programs(t *testing.T, scripts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// standIn is a script that becomes this test program in a role.
func standIn(t *testing.T, role string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return "LAB_TEST_ROLE=" + role + " exec " + self
}

func gatewayLab(t *testing.T, script string) (*lab.Lab, error) {
	t.Helper()
	l, err := lab.New(lab.Options{Dir: t.TempDir(), Programs: programs(t, map[string]string{"gatehouse-hmg": script}), PIN: "1234", Empty: true})
	if err != nil {
		t.Fatal(err)
	}
	softtoken.Need(t, l.MakeToken(t.Context()))
	err = l.StartGateway(t.Context())
	return l, err
}

func TestGatewayStartsAndEnds(t *testing.T) {
	l, err := gatewayLab(t, standIn(t, "gateway"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Running(ctx); err != nil {
		t.Errorf("Running: got %v, want nil", err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("Close: got %v, want nil", err)
	}
	if answer, err := http.Get(l.Gateway.Health); err == nil {
		answer.Body.Close()
		t.Error("the gateway still answers after Close")
	}
}

func TestProgramThatEndsByItself(t *testing.T) {
	l, err := gatewayLab(t, "echo out of paper >&2; exit 3")
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "out of paper") {
		t.Errorf("start: got %v, want the exit status and the last words", err)
	}
	if err := l.Running(t.Context()); err == nil {
		t.Error("Running: got nil, want how the program ended")
	}
	if err := l.Close(); err == nil {
		t.Error("Close: got nil, want how the program ended")
	}
}

func TestProgramsThatAreMissing(t *testing.T) {
	_, err := lab.Start(t.Context(), lab.Options{Dir: t.TempDir(), Programs: t.TempDir(), PIN: "1234", Empty: true})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no program: got %v, want that it does not exist", err)
	}
}

// TestNothingOutlivesALabThatIsKilled holds a pipe that each process inherits: it ends
// with the last of them.
func TestNothingOutlivesALabThatIsKilled(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	l := exec.Command(self)
	l.Env = append(os.Environ(), "LAB_TEST_ROLE=lab", "LAB_TEST_DIR="+dir,
		"LAB_TEST_PROGRAMS="+programs(t, map[string]string{"gatehouse-hmg": standIn(t, "gateway")}))
	out, err := l.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Start(); err != nil {
		t.Fatal(err)
	}
	said, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || said != "<nil>\n" {
		softtoken.Need(t, fmt.Errorf("%w: %s", softtoken.ErrMissing, said))
	}
	log, err := os.ReadFile(filepath.Join(dir, "gateway.log"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(string(log), "pid ")))
	if err != nil {
		t.Fatalf("gateway's log: %q: %v", log, err)
	}
	gateway, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := gateway.Signal(syscall.Signal(0)); err != nil {
		t.Fatalf("the gateway does not run: %v", err)
	}
	if err := l.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = l.Wait()
	if err := untilGone(t.Context(), pid); err != nil {
		t.Errorf("the gateway outlives the lab: %v", err)
	}
}

func TestFolder(t *testing.T) {
	t.Run("somebody's folder is left alone", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "thesis"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := lab.New(lab.Options{Dir: dir}); err == nil {
			t.Error("got a lab, want a refusal")
		}
		if _, err := os.Stat(filepath.Join(dir, "thesis")); err != nil {
			t.Error(err)
		}
	})
	t.Run("one lab in a folder, and the next begins with an empty one", func(t *testing.T) {
		dir := t.TempDir()
		first, err := lab.New(lab.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(dir, "token", "tokens"), 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := lab.New(lab.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "another lab is running") {
			t.Errorf("second lab: got %v, want a refusal", err)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		next, err := lab.New(lab.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = next.Close() })
		if _, err := os.Stat(filepath.Join(dir, "token")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("what the first lab left: got %v, want nothing", err)
		}
	})
}
