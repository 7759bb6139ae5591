package softtoken_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"gatehouse/simulators/softtoken"
)

func TestSoftHSMTokensInOneDirectory(t *testing.T) {
	dir := t.TempDir()
	first, err := softtoken.SoftHSM(dir, "first", "1234")
	softtoken.Need(t, err)
	second, err := softtoken.SoftHSM(dir, "second", "5678")
	softtoken.Need(t, err)
	if first.Slot == second.Slot {
		t.Fatalf("both tokens are in slot %d", first.Slot)
	}
	// A library of its own, because other tests of this process load the original.
	copied, err := first.CopyLib(filepath.Join(t.TempDir(), "copy.so"))
	if err != nil {
		t.Fatal(err)
	}
	if err := copied.Setenv(); err != nil {
		t.Fatal(err)
	}
	login(t, copied.Lib, "", first, second)
}

func TestNSSDatabase(t *testing.T) {
	dir := t.TempDir()
	token, err := softtoken.NSS(dir, "correct horse")
	softtoken.Need(t, err)
	if _, err := os.Stat(filepath.Join(dir, "password")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("password file: got %v, want none left", err)
	}
	login(t, token.Lib, token.Reserved, token)
}

func TestNeed(t *testing.T) {
	for _, c := range []struct {
		name, ci, want string
		err            error
	}{
		{"nothing missing", "", "", nil},
		{"missing", "", "skip", softtoken.ErrMissing},
		{"missing in ci", "true", "fatal", softtoken.ErrMissing},
		{"broken", "", "fatal", errors.New("broken")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("CI", c.ci)
			var r recorder
			softtoken.Need(&r, c.err)
			if r.did != c.want {
				t.Errorf("got %q, want %q", r.did, c.want)
			}
		})
	}
}

type recorder struct{ did string }

func (*recorder) Helper()                 {}
func (r *recorder) Skipf(string, ...any)  { r.did = "skip" }
func (r *recorder) Fatalf(string, ...any) { r.did = "fatal" }

func login(t *testing.T, lib, reserved string, tokens ...softtoken.Token) {
	t.Helper()
	c := pkcs11.New(lib)
	if c == nil {
		t.Fatalf("loading %s", lib)
	}
	defer c.Destroy()
	if err := c.Initialize(reservedOption(t, reserved)...); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Finalize(); err != nil {
			t.Error(err)
		}
	}()
	for _, token := range tokens {
		info, err := c.GetTokenInfo(token.Slot)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimRight(info.Label, "\x00 "); got != token.Label {
			t.Errorf("label: got %q, want %q", got, token.Label)
		}
		s, err := c.OpenSession(token.Slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Login(s, pkcs11.CKU_USER, token.PIN+"x"); !errors.Is(err, pkcs11.Error(pkcs11.CKR_PIN_INCORRECT)) {
			t.Errorf("login with a wrong PIN: got %v, want CKR_PIN_INCORRECT", err)
		}
		if err := c.Login(s, pkcs11.CKU_USER, token.PIN); err != nil {
			t.Errorf("login: %v", err)
		}
	}
}

func reservedOption(t *testing.T, s string) []pkcs11.InitializeOption {
	t.Helper()
	if s == "" {
		return nil
	}
	b := append([]byte(s), 0)
	return []pkcs11.InitializeOption{pkcs11.InitializeWithReserved(pin(t, b))}
}
