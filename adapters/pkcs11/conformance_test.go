package pkcs11_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"gatehouse/adapters/pkcs11"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
	"gatehouse/ports/token/tokentest"
	"gatehouse/simulators/softtoken"
)

// loadOnly initialises a token's library.
func loadOnly(tb testing.TB, st softtoken.Token, o pkcs11.Options) *pkcs11.Module {
	tb.Helper()
	if err := st.Setenv(); err != nil {
		tb.Fatal(err)
	}
	o.Reserved = st.Reserved
	m, err := pkcs11.Load(st.Lib, o)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// load initialises a token's library and finalises it with the test.
func load(tb testing.TB, st softtoken.Token, o pkcs11.Options) *pkcs11.Module {
	tb.Helper()
	m := loadOnly(tb, st, o)
	tb.Cleanup(func() {
		if err := m.Close(); err != nil {
			tb.Errorf("closing the library: %v", err)
		}
	})
	return m
}

// softHSM makes a SoftHSM2 token behind a copy of the library, so that each test
// has a library of its own.
func softHSM(tb testing.TB) softtoken.Token {
	tb.Helper()
	st, err := softtoken.SoftHSM(tb.TempDir(), "suite", "correct PIN")
	softtoken.Need(tb, err)
	st, err = st.CopyLib(filepath.Join(tb.TempDir(), "libsofthsm2.so"))
	softtoken.Need(tb, err)
	return st
}

func nss(tb testing.TB) softtoken.Token {
	tb.Helper()
	st, err := softtoken.NSS(tb.TempDir(), "correct PIN")
	softtoken.Need(tb, err)
	return st
}

// harness tells the suite of a software token.
func harness(t *testing.T, m *pkcs11.Module, st softtoken.Token) tokentest.Harness {
	t.Helper()
	return tokentest.Harness{
		Open: func(t *testing.T) token.Token {
			t.Helper()
			tok, err := m.Open(t.Context(), st.Slot, secret.FromString(st.PIN))
			if err != nil {
				t.Fatal(err)
			}
			return tok
		},
		OpenWrongPIN: func(t *testing.T) (token.Token, error) {
			t.Helper()
			tok, err := m.Open(t.Context(), st.Slot, secret.FromString("wrong PIN"))
			if err != nil {
				return nil, err
			}
			return tok, nil
		},
		Foreign: foreign(t, st),
		Reinitialise: func(t *testing.T) {
			t.Helper()
			if err := m.Reinitialise(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
		NotApplicable: map[string]string{},
	}
}

func TestSoftHSM(t *testing.T) {
	st := softHSM(t)
	h := harness(t, load(t, st, pkcs11.Options{}), st)
	h.Swap = func(t *testing.T) {
		t.Helper()
		cmd := exec.Command("softhsm2-util", "--init-token", "--slot", strconv.FormatUint(uint64(st.Slot), 10),
			"--label", "another", "--so-pin", "so-"+st.PIN, "--pin", "another PIN")
		cmd.Env = append(os.Environ(), st.Env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("making another token: %v: %s", err, out)
		}
	}
	h.NotApplicable["FailApplied"] = "what a failed call made is removed again: see TestFailing"
	h.NotApplicable["Hang"] = "see TestHanging"
	h.Refuses, h.ForgetsSize = softtoken.SoftHSMRefuses(), softtoken.SoftHSMForgetsSize
	tokentest.Run(t, h)
}

func TestNSS(t *testing.T) {
	st := nss(t)
	h := harness(t, load(t, st, pkcs11.Options{}), st)
	h.Foreign.OnePerID = "NSS replaces a key when another of its class and CKA_ID is made"
	h.Foreign.Cannot = map[hsm.Class]string{hsm.Data: "NSS keeps no data objects"}
	h.NotApplicable["Swap"] = "the database is the token: it cannot be taken out"
	h.NotApplicable["FailApplied"] = "what a failed call made is removed again: see TestFailing"
	h.NotApplicable["Hang"] = "see TestHanging"
	h.Refuses = softtoken.NSSRefuses()
	tokentest.Run(t, h)
}
