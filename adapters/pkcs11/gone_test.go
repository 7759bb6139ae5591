package pkcs11_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	raw "github.com/miekg/pkcs11"

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

// TestTokenBusy: a token that for a moment fails when it is asked who it is, or tells
// no label, as SoftHSM2 does while another process logs in, is there all the same.
func TestTokenBusy(t *testing.T) {
	s, tok, _ := failing(t)
	fresh := aesKey
	for name, action := range map[string]int32{"fails": fail, "tells no label": corrupt} {
		for what, do := range map[string]func() error{
			"check": func() error { _, err := tok.Check(t.Context()); return err },
			"generate": func() error {
				fresh.ID = []byte("made while it " + name)
				_, err := tok.Generate(t.Context(), fresh)
				return err
			},
		} {
			calls := s.calls(getTokenInfo)
			s.tell(getTokenInfo, action, 3, raw.CKR_GENERAL_ERROR)
			if err := do(); err != nil {
				t.Errorf("%s of a token that %s: %v", what, name, err)
			}
			if got := s.calls(getTokenInfo) - calls; got < 4 {
				t.Errorf("%s: a token that %s was asked %d times, want 4 at least", what, name, got)
			}
		}
	}
	for name, action := range map[string]int32{"fails": fail, "tells no label": corrupt} {
		s.tell(getTokenInfo, action, always, raw.CKR_GENERAL_ERROR)
		if _, err := tok.Check(t.Context()); !errors.Is(err, fault.Unavailable) {
			t.Errorf("a token that always %s: got %v, want unavailable", name, err)
		}
	}
	s.tell(getTokenInfo, pass, 0, 0)
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}
