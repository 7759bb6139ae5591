package pkcs11_test

import (
	"errors"
	"testing"

	raw "github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11"
	"gatehouse/adapters/pkcs11/internal/ckr"
	"gatehouse/core/fault"
	"gatehouse/core/healing"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
)

// rows are the whole table, and what is in no table.
func rows() []ckr.Value {
	return append(ckr.Values(), ckr.Of(0x7777), ckr.Of(ckr.VendorDefined+7))
}

// TestReturnValues has a real token's library return each value, and looks at
// what the caller is told, what is done about it, and that it serves afterwards.
func TestReturnValues(t *testing.T) {
	s, tok, o := failingWith(t, pkcs11.Options{CopyAfter: -1}) // a copy's failure is nobody's
	sign := func(t *testing.T) error {
		t.Helper()
		_, err := tok.Operate(t.Context(), o.Ref(), signData)
		return err
	}
	for _, v := range rows() {
		t.Run(v.Name, func(t *testing.T) {
			t.Run("always from an operation", func(t *testing.T) {
				s.tell(signInit, fail, always, uint64(v.Code))
				err := sign(t)
				s.tell(signInit, pass, 0, 0)
				if stale(v) { // of a key that is found each time
					wantRow(t, err, ckr.Value{Kind: fault.Unavailable, Reason: fault.TokenFailed})
					return
				}
				wantRow(t, err, v)
			})
			t.Run("once from an operation", func(t *testing.T) {
				logins := s.calls(login)
				s.tell(signInit, fail, 1, uint64(v.Code))
				err := sign(t)
				if repeats(v) && err != nil {
					t.Errorf("got %v, want the operation repeated", err)
				}
				if !repeats(v) {
					wantRow(t, err, v)
				}
				if got := s.sessions(); got > 1+4 {
					t.Errorf("got %d sessions, want no more than the pool and the login", got)
				}
				if got := s.calls(login) - logins; got != 0 {
					t.Errorf("got %d logins of a token that is logged in, want none", got)
				}
			})
			t.Run("keeps or drops the session", func(t *testing.T) {
				closed := s.calls(closeSession)
				s.tell(signInit, fail, 1, uint64(v.Code))
				_ = sign(t)
				if dropped := s.calls(closeSession) != closed; dropped == v.Keeps {
					t.Errorf("the session was dropped: %t, want %t", dropped, !v.Keeps)
				}
			})
			t.Run("always from a search", func(t *testing.T) {
				s.tell(findObjectsInit, fail, always, uint64(v.Code))
				err := tok.Inventory(t.Context(), hsm.Filter{}, func(hsm.Object) error { return nil })
				s.tell(findObjectsInit, pass, 0, 0)
				if v.Kind == fault.NotFound {
					v = ckr.Value{Kind: fault.Unavailable, Reason: fault.TokenFailed}
				}
				wantRow(t, err, v)
			})
			wantWorking(t, tok, o.Ref())
		})
	}
}

// stale reports whether v says that a handle means nothing.
func stale(v ckr.Value) bool {
	switch v.Code {
	case raw.CKR_KEY_HANDLE_INVALID, raw.CKR_OBJECT_HANDLE_INVALID, raw.CKR_WRAPPING_KEY_HANDLE_INVALID, raw.CKR_UNWRAPPING_KEY_HANDLE_INVALID:
		return true
	}
	return false
}

// repeats reports whether an operation that got v once is done all the same.
func repeats(v ckr.Value) bool {
	again := v.Class == ckr.Session || v.Class == ckr.Login || v.Class == ckr.Unclear || v.Class == ckr.Library
	return stale(v) || again && v.Health == ckr.Ask
}

// TestReturnValuesOfSessions: a value that C_OpenSession returns is never the
// fault of what was asked for.
func TestReturnValuesOfSessions(t *testing.T) {
	s, tok, o := failing(t)
	readOnly := map[uint]bool{raw.CKR_TOKEN_WRITE_PROTECTED: true, raw.CKR_SESSION_READ_ONLY: true}
	for _, v := range rows() {
		t.Run(v.Name, func(t *testing.T) {
			if err := tok.Heal(t.Context(), healing.NewSession); err != nil {
				t.Fatal(err)
			}
			// Each session is replaced when it is next used.
			s.tell(openSession, fail, always, uint64(v.Code))
			_, err := tok.Operate(t.Context(), o.Ref(), signData)
			s.tell(openSession, pass, 0, 0)
			if v.Code == raw.CKR_SESSION_COUNT {
				if err != nil {
					t.Errorf("got %v, want the session with the login to do it", err)
				}
				return
			}
			wantToken(t, err, v)
			wantWorking(t, tok, o.Ref())

			s.tell(openSession, fail, 1, uint64(v.Code))
			_ = tok.Heal(t.Context(), healing.NewSession)
			_, err = tok.Operate(t.Context(), o.Ref(), signData)
			if err != nil && (repeats(v) || readOnly[v.Code]) {
				t.Errorf("once: got %v, want the call done in another session", err)
			}
			wantWorking(t, tok, o.Ref())
		})
	}
}

// TestReturnValuesOfLogins: each login is tried once, and a refused PIN never again.
func TestReturnValuesOfLogins(t *testing.T) {
	s := newShim(t)
	m := load(t, s.Token, pkcs11.Options{})
	for _, v := range rows() {
		t.Run(v.Name, func(t *testing.T) {
			logins := s.calls(login)
			s.tell(login, fail, always, uint64(v.Code))
			tok, err := m.Open(t.Context(), s.Slot, secret.FromString(s.PIN))
			s.tell(login, pass, 0, 0)
			if err == nil {
				_ = tok.Close()
			}
			wantToken(t, err, v)
			want := uint64(1)
			if v.Code == raw.CKR_USER_ALREADY_LOGGED_IN {
				want = 2 // the first has not looked at the PIN
			}
			if got := s.calls(login) - logins; got != want {
				t.Errorf("got %d logins, want %d", got, want)
			}
			if s.sessions() != 0 {
				t.Errorf("got %d sessions left, want none", s.sessions())
			}
		})
	}
	t.Run("again", func(t *testing.T) {
		tok, err := m.Open(t.Context(), s.Slot, secret.FromString(s.PIN))
		if err != nil {
			t.Fatal(err)
		}
		if err := tok.Close(); err != nil {
			t.Error(err)
		}
	})
}

// wantRow fails unless err says what the row does.
func wantRow(t *testing.T, err error, v ckr.Value) {
	t.Helper()
	if err == nil || fault.KindOf(err) != v.Kind || fault.ReasonOf(err) != v.Reason {
		t.Errorf("got kind %q, reason %q (%v), want %q, %q", fault.KindOf(err), fault.ReasonOf(err), err, v.Kind, v.Reason)
	}
	if v.Message != "" && v.Kind != fault.Internal && fault.Message(err) != v.Message {
		t.Errorf("got message %q, want %q", fault.Message(err), v.Message)
	}
	if v.Untried && !errors.Is(err, fault.Untried) {
		t.Errorf("got %v, want it to say that nothing was tried", err)
	}
}

// wantToken fails unless err blames the token: no request has a part in it.
func wantToken(t *testing.T, err error, v ckr.Value) {
	t.Helper()
	want := v.Reason
	if v.Kind != fault.Unavailable {
		want = fault.TokenFailed
	}
	if !errors.Is(err, fault.Unavailable) || fault.ReasonOf(err) != want {
		t.Errorf("got kind %q, reason %q (%v), want unavailable, %q", fault.KindOf(err), fault.ReasonOf(err), err, want)
	}
}
