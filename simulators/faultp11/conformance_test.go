package faultp11_test

import (
	"path/filepath"
	"testing"

	"gatehouse/adapters/pkcs11"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
	"gatehouse/ports/token/tokentest"
	"gatehouse/simulators/faultp11"
	"gatehouse/simulators/softtoken"
)

// Without rules the module changes nothing: a token behind it is the same token.
func TestConformance(t *testing.T) {
	st, err := softtoken.SoftHSM(t.TempDir(), "suite", "correct PIN")
	softtoken.Need(t, err)
	if st, err = st.CopyLib(filepath.Join(t.TempDir(), "real.so")); err != nil {
		t.Fatal(err)
	}
	in, err := faultp11.Wrap(t.TempDir(), st.Lib, st.Env...)
	if err != nil {
		t.Fatal(err)
	}
	m, err := pkcs11.Load(in.Lib, pkcs11.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("closing the library: %v", err)
		}
	})
	open := func(t *testing.T, pin string) (token.Token, error) {
		t.Helper()
		tok, err := m.Open(t.Context(), st.Slot, secret.FromString(pin))
		if err != nil {
			return nil, err
		}
		return tok, nil
	}
	const elsewhere = "adapters/pkcs11 runs it with the real module"
	tokentest.Run(t, tokentest.Harness{
		Open: func(t *testing.T) token.Token {
			t.Helper()
			tok, err := open(t, st.PIN)
			if err != nil {
				t.Fatal(err)
			}
			return tok
		},
		OpenWrongPIN: func(t *testing.T) (token.Token, error) {
			t.Helper()
			return open(t, "wrong PIN")
		},
		Reinitialise: func(t *testing.T) {
			t.Helper()
			if err := m.Reinitialise(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
		RefusesUnknown: true,
		Refuses:        softtoken.SoftHSMRefuses(),
		ForgetsSize:    softtoken.SoftHSMForgetsSize,
		NotApplicable:  map[string]string{"Foreign": elsewhere, "Swap": elsewhere, "FailApplied": elsewhere, "Hang": elsewhere},
	})
	counts, err := in.Counts()
	if err != nil {
		t.Fatal(err)
	}
	if got := counts.Faults(); got != 0 {
		t.Errorf("faults without rules: got %d, want none", got)
	}
	if counts["C_Sign"].Reached == 0 {
		t.Error("no C_Sign went through the module")
	}
}
