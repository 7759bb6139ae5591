package hmgclient_test

import (
	"context"
	"path/filepath"
	"testing"

	"gatehouse/adapters/hmgclient"
	"gatehouse/adapters/pkcs11"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
	"gatehouse/ports/token/tokentest"
	"gatehouse/simulators/softtoken"
	"gatehouse/simulators/tokensim"
	"gatehouse/simulators/tokensim/tokensimtest"
)

// TestConformance runs the suite through client, server and gateway, over
// mutual TLS, with all that the simulator can do to a token.
func TestConformance(t *testing.T) {
	t.Parallel()
	slot := tokensim.New(tokensim.Options{PIN: secret.FromString(tokensimtest.PIN), Label: "simulated"})
	w := newWorld(t)
	tokentest.Run(t, tokensimtest.Harness(slot, func(t *testing.T, slot *tokensim.Slot, pin secret.Value) (token.Token, error) {
		t.Helper()
		w.open = func(ctx context.Context, _ uint, pin secret.Value) (token.Token, error) {
			return opened(slot.Open(ctx, pin))
		}
		cfg := w.config()
		cfg.PIN = pin
		return opened(hmgclient.Dial(t.Context(), cfg))
	}))
	w.stop()
	tokensimtest.Check(t, slot)
}

// opened returns a token as its interface, which is nil when it is.
func opened[T token.Token](t T, err error) (token.Token, error) {
	if err != nil {
		return nil, err
	}
	return t, nil
}

// TestSoftHSM and TestNSS run it over real tokens: two vendors' libraries.
// They are not parallel: libraries read the environment.

func TestSoftHSM(t *testing.T) {
	st, err := softtoken.SoftHSM(t.TempDir(), "suite", "correct PIN")
	softtoken.Need(t, err)
	st, err = st.CopyLib(filepath.Join(t.TempDir(), "libsofthsm2.so"))
	softtoken.Need(t, err)
	h := through(t, st)
	h.NotApplicable["Swap"] = throughSimulator
	h.Refuses, h.ForgetsSize = softtoken.SoftHSMRefuses(), softtoken.SoftHSMForgetsSize
	tokentest.Run(t, h)
}

func TestNSS(t *testing.T) {
	st, err := softtoken.NSS(t.TempDir(), "correct PIN")
	softtoken.Need(t, err)
	h := through(t, st)
	h.NotApplicable["Swap"] = "the database is the token: it cannot be taken out"
	h.Refuses = softtoken.NSSRefuses()
	tokentest.Run(t, h)
}

const throughSimulator = "the hop is tried with this over the simulator, the library in adapters/pkcs11"

// through is a harness for a real token behind a gateway.
func through(t *testing.T, st softtoken.Token) tokentest.Harness {
	t.Helper()
	if err := st.Setenv(); err != nil {
		t.Fatal(err)
	}
	m, err := pkcs11.Load(st.Lib, pkcs11.Options{Reserved: st.Reserved})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("closing the library: %v", err)
		}
	})
	w := newWorld(t)
	w.open = func(ctx context.Context, slot uint, pin secret.Value) (token.Token, error) {
		return opened(m.Open(ctx, slot, pin))
	}
	cfg := w.config()
	cfg.Slot = st.Slot
	return tokentest.Harness{
		Open: func(t *testing.T) token.Token {
			t.Helper()
			cfg.PIN = secret.FromString(st.PIN)
			tok, err := hmgclient.Dial(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			return tok
		},
		OpenWrongPIN: func(t *testing.T) (token.Token, error) {
			t.Helper()
			cfg.PIN = secret.FromString("wrong PIN")
			return opened(hmgclient.Dial(t.Context(), cfg))
		},
		Reinitialise: func(t *testing.T) {
			t.Helper()
			if err := m.Reinitialise(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
		NotApplicable: map[string]string{
			"Foreign": throughSimulator, "FailApplied": throughSimulator, "Hang": throughSimulator,
		},
	}
}
