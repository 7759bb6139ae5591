package faultp11_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gatehouse/simulators/softtoken"
)

// The C sanitizers find what Go's race detector does not see: they watch the
// module while threads use it and its rules change.
func TestSanitized(t *testing.T) {
	for _, sanitize := range []string{"address,undefined", "thread"} {
		t.Run(sanitize, func(t *testing.T) {
			token, err := softtoken.SoftHSM(t.TempDir(), "token", "1234")
			softtoken.Need(t, err)
			dir := t.TempDir()
			built, err := exec.Command("make", "sanitized", "DIR="+dir, "SANITIZE="+sanitize).CombinedOutput()
			if err != nil {
				t.Fatalf("building: %v\n%s", err, built)
			}
			log := filepath.Join(dir, "log")
			rules := filepath.Join(dir, "rules")
			cmd := exec.Command(filepath.Join(dir, "stress"), filepath.Join(dir, "faultp11.so"),
				strconv.FormatUint(uint64(token.Slot), 10), token.PIN, rules, "28")
			cmd.Env = append(append(os.Environ(), token.Env...), "FAULTP11_MODULE="+token.Lib,
				"FAULTP11_RULES="+rules, "FAULTP11_LOG="+log, "FAULTP11_COUNTS="+filepath.Join(dir, "counts"))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			text, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(string(text), " fault "); got < 20 {
				t.Errorf("got %d faults, want more to have been tried", got)
			}
		})
	}
}
