package lab

import (
	"os/exec"
	"runtime"
	"syscall"
	"testing"
)

func TestStandsStill(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells")
	}
	c := exec.CommandContext(t.Context(), "sh", "-c", "sleep 600 & sleep 600; wait")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	group := c.Process.Pid
	defer func() {
		_ = syscall.Kill(-group, syscall.SIGKILL)
		_ = c.Wait()
	}()
	for range 2 {
		if standsStill(group) {
			t.Fatal("processes that go on are said to stand still")
		}
		if err := syscall.Kill(-group, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		if !standsStill(group) {
			t.Fatal("processes that are stopped are said to go on")
		}
		if err := syscall.Kill(-group, syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMoves(t *testing.T) {
	t.Parallel()
	for stat, want := range map[string]bool{
		"1 (sh) S 0 1": true, "1 (sh) R 0 1": true, "1 (sh) D 0 1": true,
		"1 (sh) T 0 1": false, "1 (sh) t 0 1": false, "1 (sh) Z 0 1": false, "1 (sh) X 0 1": false,
		"1 (a) T b) S 0 1": true, "": false,
	} {
		if got := moves([]byte(stat)); got != want {
			t.Errorf("%q: got %t, want %t", stat, got, want)
		}
	}
}
