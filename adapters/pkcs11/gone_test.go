package pkcs11_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/adapters/pkcs11"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
)

// TestTokenVanishes: SoftHSM2 whose directory is gone finds nothing and calls
// that a success. It must not look like an empty token.
func TestTokenVanishes(t *testing.T) {
	st := softHSM(t)
	m := load(t, st, pkcs11.Options{})
	tok, err := m.Open(t.Context(), st.Slot, secret.FromString(st.PIN))
	if err != nil {
		t.Fatal(err)
	}
	o, err := tok.Generate(t.Context(), aesKey)
	if err != nil {
		t.Fatal(err)
	}
	tokens := filepath.Join(filepath.Dir(strings.TrimPrefix(st.Env[0], "SOFTHSM2_CONF=")), "tokens")
	rename(t, tokens, tokens+".gone")
	fresh := aesKey
	fresh.ID = []byte("fresh")
	for name, do := range map[string]func() error{
		"check":     func() error { _, err := tok.Check(t.Context()); return err },
		"inventory": func() error { return tok.Inventory(t.Context(), hsm.Filter{}, func(hsm.Object) error { return nil }) },
		"operate":   func() error { _, err := tok.Operate(t.Context(), o.Ref(), encryptData); return err },
		"generate":  func() error { _, err := tok.Generate(t.Context(), fresh); return err },
		"destroy":   func() error { return tok.Destroy(t.Context(), o.Ref()) },
	} {
		if err := do(); !errors.Is(err, fault.Unavailable) {
			t.Errorf("%s: got %v, want unavailable", name, err)
		}
	}
	rename(t, tokens+".gone", tokens)
	if err := m.Reinitialise(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := tok.Operate(t.Context(), o.Ref(), encryptData); err != nil {
		t.Errorf("after it has come back: %v", err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}
