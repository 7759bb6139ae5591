package softtoken

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
)

// ErrNotNamed says that the environment names no token of one's own.
var ErrNotNamed = errors.New("PKCS11_LIB_PATH, PKCS11_SLOT and PKCS11_PIN_FILE name no token")

// Own returns the token that the environment names by PKCS11_LIB_PATH,
// PKCS11_SLOT, PKCS11_PIN_FILE and, for libraries that want one, PKCS11_RESERVED:
// somebody's real HSM, which is only used and not made. ErrNotNamed without them.
func Own() (Token, error) {
	t := Token{Lib: os.Getenv("PKCS11_LIB_PATH"), Reserved: os.Getenv("PKCS11_RESERVED")}
	slot, file := os.Getenv("PKCS11_SLOT"), os.Getenv("PKCS11_PIN_FILE")
	if t.Lib == "" || slot == "" || file == "" {
		return Token{}, ErrNotNamed
	}
	n, err := strconv.ParseUint(slot, 0, 0)
	if err != nil {
		return Token{}, fmt.Errorf("PKCS11_SLOT: %w", err)
	}
	pin, err := os.ReadFile(file)
	if err != nil {
		return Token{}, fmt.Errorf("PKCS11_PIN_FILE: %w", err)
	}
	line, _, _ := bytes.Cut(pin, []byte("\n"))
	t.Slot, t.PIN = uint(n), string(bytes.TrimSuffix(line, []byte("\r")))
	return t, nil
}

// NeedOwn returns the token that the environment names, and skips test t when it
// names none: in CI too, for nobody has such a token there.
func NeedOwn(t Test) Token {
	t.Helper()
	own, err := Own()
	switch {
	case errors.Is(err, ErrNotNamed):
		t.Skipf("%v: see `make conformance`", err)
	case err != nil:
		t.Fatalf("finding the token: %v", err)
	}
	return own
}
