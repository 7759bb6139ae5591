package faultp11_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/pkcs11"
)

// child is another process with the library: it opens a session, waits for the end
// of its input, tries to log in with a wrong PIN, and exits with 0 whatever the answer, with 3 if it could
// not try.
func child() int {
	c := pkcs11.New(os.Getenv("FAULTP11_TEST_LIB"))
	slot, err := strconv.ParseUint(os.Getenv("FAULTP11_TEST_SLOT"), 10, 0)
	if c == nil || err != nil {
		fmt.Println("the module was not loaded", err)
		return 3
	}
	if err := c.Initialize(); err != nil {
		fmt.Println("initialising:", err)
		return 3
	}
	s, err := c.OpenSession(uint(slot), pkcs11.CKF_SERIAL_SESSION)
	if err != nil {
		fmt.Println("opening a session:", err)
		return 3
	}
	fmt.Println("ready")
	if _, err := io.ReadAll(os.Stdin); err != nil {
		return 3
	}
	var code pkcs11.Error
	err = c.Login(s, pkcs11.CKU_USER, "wrong")
	if !errors.As(err, &code) {
		fmt.Println("logging in:", err)
		return 3
	}
	fmt.Printf("%d", uint(code))
	return 0
}

// command is a child that has not started.
func (c *client) command() *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "FAULTP11_TEST_LIB="+c.Lib, "FAULTP11_TEST_SLOT="+strconv.FormatUint(uint64(c.slot), 10))
	return cmd
}

// start runs a child and returns the CKR of its C_Login, or how it died.
func (c *client) start() (uint, *exec.ExitError) {
	out, err := c.command().Output()
	var died *exec.ExitError
	if errors.As(err, &died) {
		if died.ExitCode() == 3 {
			c.t.Errorf("a child could not try: %s", out)
		}
		return 0, died
	}
	code, err := strconv.ParseUint(strings.TrimPrefix(string(out), "ready\n"), 10, 0)
	if err != nil {
		c.t.Errorf("a child said %q", out)
	}
	return uint(code), nil
}

func TestCountsOfSeveralProcesses(t *testing.T) {
	c := wrapped(t)
	before, err := c.Counts()
	c.must(err)
	c.set("C_Login nth 3 -> return CKR_PIN_LOCKED", "C_Login nth 4 -> call, return CKR_DEVICE_ERROR")
	// All are ready before the first tries: SoftHSM writes the token's file after a
	// wrong PIN, and a process that starts at that moment finds no token.
	type waiting struct {
		*exec.Cmd
		in  io.WriteCloser
		out *bufio.Reader
	}
	var children []waiting
	for range 5 {
		cmd := c.command()
		in, err := cmd.StdinPipe()
		c.must(err)
		out, err := cmd.StdoutPipe()
		c.must(err)
		c.must(cmd.Start())
		ready := bufio.NewReader(out)
		line, err := ready.ReadString('\n')
		c.must(err)
		if line != "ready\n" {
			t.Fatalf("a child said %q", line)
		}
		children = append(children, waiting{cmd, in, ready})
	}
	for _, w := range children {
		c.must(w.in.Close())
	}
	told := map[uint]uint64{}
	for _, w := range children {
		said, err := io.ReadAll(w.out)
		c.must(err)
		code, err := strconv.ParseUint(string(said), 10, 0)
		c.must(err)
		told[uint(code)]++
		c.must(w.Wait())
	}
	now, err := c.Counts()
	c.must(err)
	got := now.Since(before)["C_Login"]
	// The second rule sees only what the first leaves: its fourth is the fifth.
	if got.Calls != 5 || got.Reached != 4 || got.Faults != 2 || got.Pending() != 0 ||
		got.Told[pkcs11.CKR_PIN_LOCKED] != 1 || got.Told[pkcs11.CKR_DEVICE_ERROR] != 1 || got.Real[pkcs11.CKR_PIN_INCORRECT] == 0 {
		t.Errorf("counts of C_Login: got %+v", got)
	}
	if !maps.Equal(got.Told, told) {
		t.Errorf("counts of what the callers were told: got %v, want %v", got.Told, told)
	}
}

func TestProcessOfARule(t *testing.T) {
	c := wrapped(t)
	for _, run := range []struct {
		rule string
		want [3]uint
	}{
		{"C_Login process first -> return CKR_DEVICE_ERROR", [3]uint{pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_PIN_INCORRECT, pkcs11.CKR_PIN_INCORRECT}},
		{"C_Login process each once -> return CKR_DEVICE_ERROR", [3]uint{pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_DEVICE_ERROR}},
		{"C_Login times 2 -> return CKR_DEVICE_ERROR", [3]uint{pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_PIN_INCORRECT}},
	} {
		c.set(run.rule)
		for i, want := range run.want {
			if got, died := c.start(); died != nil || got != want {
				t.Errorf("%s: process %d: got %#x, %v, want %#x", run.rule, i+1, got, died, want)
			}
		}
	}
}

func TestFreeze(t *testing.T) {
	c := wrapped(t)
	c.set("C_Login -> freeze, return CKR_DEVICE_ERROR")
	cmd := c.command()
	out, err := cmd.StdoutPipe()
	c.must(err)
	c.must(cmd.Start())
	var status syscall.WaitStatus
	_, err = syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
	c.must(err)
	if !status.Stopped() {
		t.Fatalf("the process did not stop: %v", status)
	}
	c.must(cmd.Process.Signal(syscall.SIGCONT))
	said, err := io.ReadAll(out)
	c.must(err)
	if got, want := strings.TrimPrefix(string(said), "ready\n"), strconv.Itoa(pkcs11.CKR_DEVICE_ERROR); got != want {
		t.Errorf("awake again: got %q, want %q", got, want)
	}
	c.must(cmd.Wait())
}

func TestCrash(t *testing.T) {
	c := wrapped(t)
	for _, run := range []struct {
		action string
		signal syscall.Signal
		status int
	}{
		{"crash", syscall.SIGABRT, -1},
		{"crash segv", syscall.SIGSEGV, -1},
		{"crash kill", syscall.SIGKILL, -1},
		{"crash exit 7", 0, 7},
		{"call, crash kill", syscall.SIGKILL, -1},
	} {
		t.Run(run.action, func(t *testing.T) {
			before, err := c.Counts()
			c.must(err)
			c.set("C_Login once -> " + run.action)
			_, died := c.start()
			if died == nil {
				t.Fatal("the process lived")
			}
			status, known := died.Sys().(syscall.WaitStatus)
			if !known || died.ExitCode() != run.status || (run.signal != 0 && status.Signal() != run.signal) {
				t.Errorf("got %v", died)
			}
			now, err := c.Counts()
			c.must(err)
			if got := now.Since(before)["C_Login"].Pending(); got != 1 {
				t.Errorf("calls without an end: got %d, want 1", got)
			}
			if _, died := c.start(); died != nil {
				t.Errorf("the next process died too: %v", died)
			}
		})
	}
}
