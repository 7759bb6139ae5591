package softtoken

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

var softHSMSlot = regexp.MustCompile(`(?:reassigned to slot|Slot) (\d+)`)

// SoftHSM makes a SoftHSM2 token with the given label and user PIN. Its objects
// are in dir/tokens, its configuration in dir/softhsm2.conf. Further calls with
// the same dir add tokens beside the first; they share one Env.
func SoftHSM(dir, label, pin string) (Token, error) {
	lib, err := library("/usr/lib/softhsm/libsofthsm2.so",
		"/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so")
	if err != nil {
		return Token{}, err
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return Token{}, fmt.Errorf("finding the token directory: %w", err)
	}
	tokens := filepath.Join(dir, "tokens")
	if err := os.MkdirAll(tokens, 0o700); err != nil {
		return Token{}, fmt.Errorf("making the token directory: %w", err)
	}
	conf := filepath.Join(dir, "softhsm2.conf")
	text := fmt.Sprintf("directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n", tokens)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return Token{}, fmt.Errorf("writing the configuration: %w", err)
	}
	env := []string{"SOFTHSM2_CONF=" + conf}
	out, err := run(env, "softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "so-"+pin, "--pin", pin)
	if err != nil {
		return Token{}, err
	}
	slots := softHSMSlot.FindAllStringSubmatch(out, -1)
	if len(slots) == 0 {
		return Token{}, fmt.Errorf("softhsm2-util names no slot: %q", out)
	}
	slot, err := strconv.ParseUint(slots[len(slots)-1][1], 10, 0)
	if err != nil {
		return Token{}, fmt.Errorf("reading the slot: %w", err)
	}
	return Token{Lib: lib, Slot: uint(slot), Label: label, PIN: pin, Env: env}, nil
}
