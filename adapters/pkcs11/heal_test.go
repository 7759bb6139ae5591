package pkcs11_test

import (
	"context"
	"errors"
	"testing"
	"time"

	raw "github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11"
	"gatehouse/core/fault"
	"gatehouse/core/healing"
	"gatehouse/core/hsm"
)

// healable are the steps that can be taken in this process.
var healable = []healing.Step{healing.NewSession, healing.NewLogin, healing.NewLibrary}

// TestHeal: each step leaves a token that serves, with the same keys.
func TestHeal(t *testing.T) {
	s, tok, o := failing(t)
	for _, step := range healable {
		t.Run(step.String(), func(t *testing.T) {
			logins := s.calls(login)
			if err := tok.Heal(t.Context(), step); err != nil {
				t.Fatal(err)
			}
			wantWorking(t, tok, o.Ref())
			want := uint64(1)
			if step == healing.NewSession {
				want = 0
			}
			if got := s.calls(login) - logins; got != want {
				t.Errorf("got %d logins, want %d", got, want)
			}
		})
	}
	for _, step := range []healing.Step{healing.None, healing.NewWorker} {
		if err := tok.Heal(t.Context(), step); !errors.Is(err, fault.Unsupported) {
			t.Errorf("%s: got %v, want unsupported", step, err)
		}
	}
}

// TestHealReplacesSessions: no session from before is used after a step, and none is left open.
func TestHealReplacesSessions(t *testing.T) {
	for _, step := range healable {
		t.Run(step.String(), func(t *testing.T) {
			s, tok, o := failing(t)
			for range 5 {
				if err := tok.Heal(t.Context(), step); err != nil {
					t.Fatal(err)
				}
				wantWorking(t, tok, o.Ref())
			}
			if got := s.sessions(); got > 1+4 {
				t.Errorf("got %d sessions open, want no more than the pool and the login", got)
			}
		})
	}
}

// TestHealBroken: a token whose new login failed for another reason than its PIN.
func TestHealBroken(t *testing.T) {
	for _, step := range []healing.Step{healing.NewLogin, healing.NewLibrary} {
		t.Run(step.String(), func(t *testing.T) {
			s, tok, o := failing(t)
			breakToken(t, s, tok, raw.CKR_DEVICE_ERROR)
			logins := s.calls(login)
			if _, err := tok.Check(t.Context()); !errors.Is(err, fault.Unavailable) {
				t.Fatalf("got %v, want the token broken", err)
			}
			if got := s.calls(login) - logins; got != 0 {
				t.Errorf("a broken token logged in %d times by itself, want none", got)
			}
			if err := tok.Heal(t.Context(), step); err != nil {
				t.Fatal(err)
			}
			if got := s.calls(login) - logins; got != 1 {
				t.Errorf("got %d logins, want 1", got)
			}
			wantWorking(t, tok, o.Ref())
		})
	}
}

// TestHealNeverRepeatsAPIN: after a refusal no step logs in.
func TestHealNeverRepeatsAPIN(t *testing.T) {
	for _, rv := range []uint64{raw.CKR_PIN_INCORRECT, raw.CKR_PIN_LOCKED, raw.CKR_PIN_EXPIRED} {
		s, tok, _ := failing(t)
		breakToken(t, s, tok, rv)
		logins := s.calls(login)
		for _, step := range healable {
			if err := tok.Heal(t.Context(), step); !fault.ReasonOf(err).Credential() {
				t.Errorf("%s: got %v, want the PIN's refusal", step, err)
			}
		}
		if _, err := tok.Check(t.Context()); !fault.ReasonOf(err).Credential() {
			t.Errorf("got %v, want the PIN's refusal", err)
		}
		if got := s.calls(login) - logins; got != 0 {
			t.Errorf("got %d logins after the PIN was refused, want none", got)
		}
	}
}

// TestHealIsRefusedOnce: a step that finds the PIN refused is the only one to try it.
func TestHealIsRefusedOnce(t *testing.T) {
	s, tok, _ := failing(t)
	logins := s.calls(login)
	s.tell(login, fail, 1, raw.CKR_PIN_INCORRECT)
	for range 3 {
		for _, step := range []healing.Step{healing.NewLogin, healing.NewLibrary} {
			if err := tok.Heal(t.Context(), step); !errors.Is(err, fault.PINIncorrect) {
				t.Errorf("%s: got %v, want the PIN refused", step, err)
			}
		}
	}
	if got := s.calls(login) - logins; got != 1 {
		t.Errorf("got %d logins, want 1", got)
	}
}

// TestHealDuringAHang: a step ends with its context, and changes nothing that a call still uses.
func TestHealDuringAHang(t *testing.T) {
	s, tok, o := failing(t)
	reached, release := s.hangNext(t, generateRandom)
	result := make(chan error, 1)
	go func() {
		_, err := tok.Check(t.Context())
		result <- err
	}()
	<-reached
	for _, step := range []healing.Step{healing.NewLogin, healing.NewLibrary} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if err := tok.Heal(ctx, step); !errors.Is(err, fault.TimedOut) {
			t.Errorf("%s: got %v, want it timed out", step, err)
		}
		cancel()
		wantWorking(t, tok, o.Ref())
	}
	release()
	if err := <-result; err != nil {
		t.Errorf("the call that hung: %v", err)
	}
	if err := tok.Heal(t.Context(), healing.NewLogin); err != nil {
		t.Error(err)
	}
}

// TestLibraryThatHangsInFinalize: calls are refused at once, and the library is
// not called beside it.
func TestLibraryThatHangsInFinalize(t *testing.T) {
	s, tok, o := failing(t)
	reached, release := s.hangNext(t, finalize)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- tok.Heal(ctx, healing.NewLibrary) }()
	<-reached
	cancel()
	if err := <-result; !errors.Is(err, fault.TimedOut) {
		t.Errorf("got %v, want it timed out", err)
	}
	_, err := tok.Operate(t.Context(), o.Ref(), signData)
	if !errors.Is(err, fault.Unavailable) || !errors.Is(err, fault.Untried) {
		t.Errorf("got %v, want unavailable and untried", err)
	}
	release()
	wantSoon(t, func() error {
		_, err := tok.Operate(t.Context(), o.Ref(), signData)
		return err
	})
}

// TestHealClosed: nothing heals a token that was closed.
func TestHealClosed(t *testing.T) {
	s := newShim(t)
	tok := open(t, s, pkcs11.Options{})
	if err := tok.Close(); err != nil {
		t.Fatal(err)
	}
	for _, step := range healable {
		if err := tok.Heal(t.Context(), step); !errors.Is(err, fault.Unavailable) {
			t.Errorf("%s: got %v, want unavailable", step, err)
		}
	}
}

// breakToken has the login end and the new one fail.
func breakToken(t *testing.T, s *shim, tok *pkcs11.Token, rv uint64) {
	t.Helper()
	inSession(t, s.Token, func(c *raw.Ctx, h raw.SessionHandle) {
		if err := c.Logout(h); err != nil {
			t.Fatal(err)
		}
	})
	s.tell(login, fail, 1, rv)
	if err := tok.Inventory(t.Context(), hsm.Filter{}, func(hsm.Object) error { return nil }); !errors.Is(err, fault.Unavailable) {
		t.Fatalf("got %v, want the login to fail", err)
	}
}

// wantSoon waits until do succeeds.
func wantSoon(t *testing.T, do func() error) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		err := do()
		if err == nil {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("still fails after 20 s: %v", err)
		case <-tick.C:
		}
	}
}

// TestSessionsAreCounted: what a call mends by itself is told.
func TestSessionsAreCounted(t *testing.T) {
	s, tok, o := failing(t)
	told := func() hsm.Sessions {
		t.Helper()
		info, err := tok.Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if info.Sessions.Open != s.sessions() {
			t.Errorf("got %d sessions open, the library has %d", info.Sessions.Open, s.sessions())
		}
		return info.Sessions
	}
	first := told()
	s.tell(sign, fail, 1, raw.CKR_DEVICE_ERROR)
	wantWorking(t, tok, o.Ref())
	renewed := told()
	if renewed.Renewed == first.Renewed || renewed.Logins != first.Logins {
		t.Errorf("after a device error: got %+v after %+v, want another session", renewed, first)
	}
	inSession(t, s.Token, func(c *raw.Ctx, h raw.SessionHandle) {
		if err := c.Logout(h); err != nil {
			t.Fatal(err)
		}
	})
	wantWorking(t, tok, o.Ref())
	if again := told(); again.Logins == renewed.Logins {
		t.Errorf("after a logout: got %+v after %+v, want another login", again, renewed)
	}
}
