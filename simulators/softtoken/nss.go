package softtoken

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// nssSlot is the slot of the key database; slot 1 is for session objects only.
const nssSlot = 2

// NSS makes an NSS database in dir, whose password is the user PIN, behind
// NSS's software token softokn.
func NSS(dir, pin string) (t Token, err error) {
	lib, err := library("/usr/lib/x86_64-linux-gnu/libsoftokn3.so", "/usr/lib/aarch64-linux-gnu/libsoftokn3.so",
		"/usr/lib/x86_64-linux-gnu/nss/libsoftokn3.so")
	if err != nil {
		return Token{}, err
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return Token{}, fmt.Errorf("finding the database directory: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Token{}, fmt.Errorf("making the database directory: %w", err)
	}
	pwfile := filepath.Join(dir, "password")
	if err := os.WriteFile(pwfile, []byte(pin+"\n"), 0o600); err != nil {
		return Token{}, fmt.Errorf("writing the password file: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(pwfile)) }()
	if _, err := run(nil, "certutil", "-N", "-d", "sql:"+dir, "-f", pwfile); err != nil {
		return Token{}, err
	}
	return Token{
		Lib: lib, Slot: nssSlot, Label: "NSS Certificate DB", PIN: pin,
		Reserved: fmt.Sprintf("configdir='sql:%s' certPrefix='' keyPrefix='' secmod='secmod.db' flags=", dir),
	}, nil
}
