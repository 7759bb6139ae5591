package pkcs11_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	raw "github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/token/tokentest"
	"gatehouse/simulators/softtoken"
)

var hanging = map[tokentest.Call]int{
	tokentest.Check: generateRandom, tokentest.Inventory: findObjectsInit, tokentest.Generate: generateKey,
	tokentest.Import: createObject, tokentest.Operate: encryptInit, tokentest.Update: setAttributeValue,
	tokentest.Destroy: destroyObject,
	tokentest.Wrap:    wrapKey, tokentest.Unwrap: unwrapKey, tokentest.Derive: deriveKey,
}

// TestHanging runs the suite with a token that can hang.
func TestHanging(t *testing.T) {
	s := newShim(t)
	h := harness(t, load(t, s.Token, pkcs11.Options{}), s.Token)
	h.Hang = func(t *testing.T, c tokentest.Call) (<-chan struct{}, func()) {
		t.Helper()
		return s.hangNext(t, hanging[c])
	}
	h.Refuses, h.ForgetsSize = softtoken.SoftHSMRefuses(), softtoken.SoftHSMForgetsSize
	h.NotApplicable["Swap"] = "see TestSoftHSM"
	h.NotApplicable["FailApplied"] = "what a failed call made is removed again: see TestFailing"
	tokentest.Run(t, h)
}

// failing opens the shim's token and makes a P-256 key in it.
func failing(t *testing.T) (*shim, *pkcs11.Token, hsm.Object) {
	t.Helper()
	return failingWith(t, pkcs11.Options{})
}

func failingWith(t *testing.T, options pkcs11.Options) (*shim, *pkcs11.Token, hsm.Object) {
	t.Helper()
	s := newShim(t)
	tok := open(t, s, options)
	o, err := tok.Generate(t.Context(), hsm.Template{
		ID: []byte("key"), Label: []byte("key"), Type: keys.EC, Curve: keys.P256, Size: 256, Ops: keys.OpSign | keys.OpVerify,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tok.Operate(t.Context(), o.Ref(), signData); err != nil {
		t.Fatal(err)
	}
	return s, tok, o
}

func open(t *testing.T, s *shim, o pkcs11.Options) *pkcs11.Token {
	t.Helper()
	return openOn(t, load(t, s.Token, o), s)
}

func openOn(t *testing.T, m *pkcs11.Module, s *shim) *pkcs11.Token {
	t.Helper()
	tok, err := m.Open(t.Context(), s.Slot, secret.FromString(s.PIN))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

var (
	signData    = operations.Sign{Hash: operations.SHA256, Input: []byte("data")}
	encryptData = operations.Encrypt{Mode: operations.CBC, Plain: []byte("plain")}
	aesKey      = hsm.Template{ID: []byte("aes"), Label: []byte("aes"), Type: keys.AES, Size: 256, Ops: keys.OpEncrypt | keys.OpDecrypt}
)

func wantWorking(t *testing.T, tok *pkcs11.Token, ref hsm.Ref) {
	t.Helper()
	if _, err := tok.Operate(t.Context(), ref, signData); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

func list(t *testing.T, tok *pkcs11.Token, f hsm.Filter) []hsm.Object {
	t.Helper()
	var all []hsm.Object
	if err := tok.Inventory(t.Context(), f, func(o hsm.Object) error { all = append(all, o); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestFailing(t *testing.T) {
	s, tok, o := failing(t)
	for _, c := range []struct {
		name     string
		function int
		action   int32
		count    int32
		rv       uint64
		want     fault.Kind
		reason   fault.Reason
	}{
		{"device error", sign, fail, always, raw.CKR_DEVICE_ERROR, fault.Unavailable, fault.TokenFailed},
		{"device error after the signature", sign, failAfter, always, raw.CKR_DEVICE_ERROR, fault.Unavailable, fault.TokenFailed},
		{"general error", sign, fail, always, raw.CKR_GENERAL_ERROR, fault.Internal, ""},
		{"vendor's own error", signInit, fail, always, raw.CKR_VENDOR_DEFINED + 7, fault.Internal, ""},
		{"no mechanism", signInit, fail, 1, raw.CKR_MECHANISM_INVALID, fault.Unsupported, ""},
		{"not permitted", signInit, fail, 1, raw.CKR_KEY_FUNCTION_NOT_PERMITTED, fault.Denied, ""},
		{"absurd length", sign, absurdLength, always, 0, fault.Internal, ""},
		{"operation left active", signInit, failAfter, always, raw.CKR_FUNCTION_FAILED, fault.Internal, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.tell(c.function, c.action, c.count, c.rv)
			_, err := tok.Operate(t.Context(), o.Ref(), signData)
			s.tell(c.function, pass, 0, 0)
			if got := fault.KindOf(err); err == nil || got != c.want || fault.ReasonOf(err) != c.reason {
				t.Errorf("got kind %q, reason %q (%v), want %q, %q", got, fault.ReasonOf(err), err, c.want, c.reason)
			}
			wantWorking(t, tok, o.Ref())
		})
	}
	t.Run("general error of a token that answers nothing", func(t *testing.T) {
		s.tell(generateRandom, fail, 1, raw.CKR_DEVICE_ERROR)
		s.tell(sign, fail, 1, raw.CKR_GENERAL_ERROR)
		_, err := tok.Operate(t.Context(), o.Ref(), signData)
		if !errors.Is(err, fault.Unavailable) || !errors.Is(err, fault.TokenFailed) {
			t.Errorf("got %v, want unavailable", err)
		}
		wantWorking(t, tok, o.Ref())
	})
	t.Run("session lost", func(t *testing.T) {
		s.tell(signInit, fail, 1, raw.CKR_SESSION_HANDLE_INVALID)
		wantWorking(t, tok, o.Ref())
	})
	t.Run("handle gone stale", func(t *testing.T) {
		s.tell(signInit, fail, 1, raw.CKR_KEY_HANDLE_INVALID)
		wantWorking(t, tok, o.Ref())
	})
	t.Run("search fails once", func(t *testing.T) {
		s.tell(findObjectsInit, fail, 1, raw.CKR_GENERAL_ERROR)
		if n := len(list(t, tok, hsm.Filter{})); n != 2 {
			t.Errorf("got %d objects, want 2", n)
		}
	})
	t.Run("no session left", func(t *testing.T) {
		s.tell(sign, fail, 4, raw.CKR_DEVICE_ERROR) // each costs a session
		for range 4 {
			_, _ = tok.Operate(t.Context(), o.Ref(), signData)
		}
		s.tell(openSession, fail, 2, raw.CKR_SESSION_COUNT)
		for range 3 {
			wantWorking(t, tok, o.Ref())
		}
	})
}

func TestFailedGenerateLeavesNothing(t *testing.T) {
	s, tok, _ := failing(t)
	for name, rv := range map[string]uint64{"device error": raw.CKR_DEVICE_ERROR, "general error": raw.CKR_GENERAL_ERROR} {
		t.Run(name, func(t *testing.T) {
			s.tell(generateKey, failAfter, 1, rv)
			if _, err := tok.Generate(t.Context(), aesKey); err == nil {
				t.Error("got no error")
			}
			if left := list(t, tok, hsm.Filter{ID: aesKey.ID}); len(left) != 0 {
				t.Errorf("%d objects are left, want none", len(left))
			}
		})
	}
	t.Run("second half of a pair", func(t *testing.T) {
		s.tell(createObject, failAfter, 1, raw.CKR_DEVICE_MEMORY)
		_, err := tok.Import(t.Context(), aesKey, secret.New(bytes.Repeat([]byte{1}, 32)))
		if !errors.Is(err, fault.Exhausted) {
			t.Errorf("got %v, want exhausted", err)
		}
		if left := list(t, tok, hsm.Filter{ID: aesKey.ID}); len(left) != 0 {
			t.Errorf("%d objects are left, want none", len(left))
		}
	})
	if _, err := tok.Generate(t.Context(), aesKey); err != nil {
		t.Errorf("generating after all that: %v", err)
	}
}

func TestLyingSizes(t *testing.T) {
	s, tok, _ := failing(t)
	o, err := tok.Generate(t.Context(), aesKey)
	if err != nil {
		t.Fatal(err)
	}
	s.tell(encrypt, tooSmallOnce, 1, 0)
	plain := []byte("plain")
	e, err := tok.Operate(t.Context(), o.Ref(), operations.Encrypt{Mode: operations.GCM, Plain: plain})
	if err != nil {
		t.Fatal(err)
	}
	d, err := tok.Operate(t.Context(), o.Ref(), operations.Decrypt{Mode: operations.GCM, Cipher: e.Output, IV: e.IV, Tag: e.Tag})
	if err != nil || !bytes.Equal(d.Output, plain) {
		t.Errorf("got %q and %v, want %q", d.Output, err, plain)
	}
}

func TestNonsenseIsSurvived(t *testing.T) {
	s, tok, o := failing(t)
	want := list(t, tok, hsm.Filter{})
	t.Run("more objects found than asked for", func(t *testing.T) {
		s.tell(findObjects, absurdLength, 2, 0)
		err := tok.Inventory(t.Context(), hsm.Filter{}, func(hsm.Object) error { return nil })
		if !errors.Is(err, fault.Internal) {
			t.Errorf("got %v, want internal", err)
		}
	})
	t.Run("attributes of absurd length", func(t *testing.T) {
		s.tell(getAttributeValue, absurdLength, always, 0)
		for _, o := range list(t, tok, hsm.Filter{}) {
			if o.Unreadable == "" {
				t.Errorf("got %+v, want it unreadable", o)
			}
		}
		s.tell(getAttributeValue, pass, 0, 0)
	})
	t.Run("library that stops at the first attribute that is not there", func(t *testing.T) {
		s.tell(getAttributeValue, stopAtFirst, always, 0)
		if diff := cmp.Diff(want, list(t, tok, hsm.Filter{})); diff != "" {
			t.Errorf("inventory differs (-want +got):\n%s", diff)
		}
		s.tell(getAttributeValue, pass, 0, 0)
	})
	wantWorking(t, tok, o.Ref())
}

func TestAbsurdSlotList(t *testing.T) {
	s := newShim(t)
	m := load(t, s.Token, pkcs11.Options{})
	s.tell(getSlotList, absurdLength, 1, 0)
	if _, err := m.Slots(t.Context()); err == nil {
		t.Error("got no error from a list of absurd length")
	}
	slots, err := m.Slots(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, slot := range slots {
		if slot.ID == s.Slot && slot.Initialised && slot.Label == s.Label && slot.Serial != "" {
			return
		}
	}
	t.Errorf("slot %d is not among %+v", s.Slot, slots)
}

func TestLoginRefused(t *testing.T) {
	for name, c := range map[string]struct {
		rv   uint64
		want fault.Reason
	}{
		"locked":          {raw.CKR_PIN_LOCKED, fault.PINLocked},
		"expired":         {raw.CKR_PIN_EXPIRED, fault.PINExpired},
		"not initialised": {raw.CKR_USER_PIN_NOT_INITIALIZED, fault.PINUnset},
		"device error":    {raw.CKR_DEVICE_ERROR, fault.TokenFailed},
		"general error":   {raw.CKR_GENERAL_ERROR, fault.TokenFailed},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShim(t)
			m := load(t, s.Token, pkcs11.Options{})
			s.tell(login, fail, 1, c.rv)
			_, err := m.Open(t.Context(), s.Slot, secret.FromString(s.PIN))
			if !errors.Is(err, fault.Unavailable) || fault.ReasonOf(err) != c.want {
				t.Errorf("got %v, reason %q, want %q", err, fault.ReasonOf(err), c.want)
			}
			tok, err := m.Open(t.Context(), s.Slot, secret.FromString(s.PIN))
			if err != nil {
				t.Fatalf("the slot is not free after a failed login: %v", err)
			}
			if err := tok.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPINIsTriedOnce: after the session is lost and the PIN refused, no call
// tries it again.
func TestPINIsTriedOnce(t *testing.T) {
	s := newShim(t)
	m := load(t, s.Token, pkcs11.Options{})
	tok, err := m.Open(t.Context(), s.Slot, secret.FromString(s.PIN))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Reinitialise(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.tell(login, fail, 1, raw.CKR_PIN_INCORRECT)
	for range 3 {
		if _, err := tok.Check(t.Context()); fault.ReasonOf(err) != fault.PINIncorrect {
			t.Errorf("got %v, want the PIN refused", err)
		}
	}
}

// TestHungCallsAreBounded: calls that hang take sessions, and no more.
func TestHungCallsAreBounded(t *testing.T) {
	s := newShim(t)
	tok := open(t, s, pkcs11.Options{Sessions: 2})
	reached, release := s.hangNext(t, generateRandom)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() {
		_, err := tok.Check(ctx)
		result <- err
	}()
	<-reached
	cancel()
	if err := <-result; !errors.Is(err, fault.TimedOut) {
		t.Errorf("got %v, want it timed out", err)
	}
	if _, err := tok.Check(t.Context()); err != nil {
		t.Errorf("a call beside the one that hangs: %v", err)
	}
	release()
}

// TestSecondOpen: one Token per slot.
func TestSecondOpen(t *testing.T) {
	s := newShim(t)
	m := load(t, s.Token, pkcs11.Options{})
	tok, err := m.Open(t.Context(), s.Slot, secret.FromString(s.PIN))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Open(t.Context(), s.Slot, secret.FromString(s.PIN)); !errors.Is(err, fault.Conflict) {
		t.Errorf("got %v, want conflict", err)
	}
	if err := tok.Close(); err != nil {
		t.Fatal(err)
	}
	for pin, want := range map[string]fault.Reason{"": fault.PINMissing, "wrong": fault.PINIncorrect} {
		if _, err := m.Open(t.Context(), s.Slot, secret.FromString(pin)); fault.ReasonOf(err) != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, err := m.Open(t.Context(), s.Slot+1, secret.FromString(s.PIN)); fault.ReasonOf(err) != fault.WrongSlot {
		t.Errorf("got %v, want %q", err, fault.WrongSlot)
	}
}

// TestTokenWithOneSession: the session that holds the login has to do all.
func TestTokenWithOneSession(t *testing.T) {
	s := newShim(t)
	tok := open(t, s, pkcs11.Options{})
	s.tell(openSession, fail, always, raw.CKR_SESSION_COUNT)
	refs := aesKeys(t, tok, 2)
	useAll(t, tok, refs)
	s.tell(generateKey, failAfter, 1, raw.CKR_DEVICE_ERROR)
	if _, err := tok.Generate(t.Context(), aesKey); !errors.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want unavailable", err)
	}
	s.tell(openSession, pass, 0, 0)
	useAll(t, tok, refs)
}

// TestCloseDuringAHang: the slot is free again once the call has ended.
func TestCloseDuringAHang(t *testing.T) {
	s := newShim(t)
	m := load(t, s.Token, pkcs11.Options{Drain: 10 * time.Millisecond})
	tok, err := m.Open(t.Context(), s.Slot, secret.FromString(s.PIN))
	if err != nil {
		t.Fatal(err)
	}
	reached, release := s.hangNext(t, generateRandom)
	result := make(chan error, 1)
	go func() {
		_, err := tok.Check(t.Context())
		result <- err
	}()
	<-reached
	if err := tok.Close(); !errors.Is(err, fault.TimedOut) {
		t.Errorf("closing: got %v, want it timed out", err)
	}
	if err := m.Reinitialise(t.Context()); !errors.Is(err, fault.TimedOut) {
		t.Errorf("reinitialising: got %v, want it timed out", err)
	}
	if _, err := m.Open(t.Context(), s.Slot, secret.FromString(s.PIN)); !errors.Is(err, fault.Conflict) {
		t.Errorf("opening: got %v, want conflict", err)
	}
	release()
	if err := <-result; err != nil {
		t.Errorf("the call that hung: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		tok, err := m.Open(ctx, s.Slot, secret.FromString(s.PIN))
		if err == nil {
			if err := tok.Close(); err != nil {
				t.Error(err)
			}
			return
		}
		if !errors.Is(err, fault.Conflict) {
			t.Fatal(err)
		}
		runtime.Gosched()
	}
	t.Error("the slot is not free 20 s after the call has ended")
}

// TestLoginEndedByTheToken: without a login private keys are not there, and
// nobody is told so. It must not look as if they were gone.
func TestLoginEndedByTheToken(t *testing.T) {
	for name, do := range map[string]func(*testing.T, *pkcs11.Token, hsm.Ref) error{
		"inventory": func(t *testing.T, tok *pkcs11.Token, _ hsm.Ref) error {
			t.Helper()
			if n := len(list(t, tok, hsm.Filter{})); n != 2 {
				t.Errorf("got %d objects, want both halves", n)
			}
			return nil
		},
		"operate": func(t *testing.T, tok *pkcs11.Token, ref hsm.Ref) error {
			t.Helper()
			_, err := tok.Operate(t.Context(), ref, signData)
			return err
		},
		"update": func(t *testing.T, tok *pkcs11.Token, ref hsm.Ref) error {
			t.Helper()
			return tok.Update(t.Context(), ref, hsm.Change{Label: &ref.Label})
		},
		"generate": func(t *testing.T, tok *pkcs11.Token, _ hsm.Ref) error {
			t.Helper()
			_, err := tok.Generate(t.Context(), aesKey)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, tok, o := failing(t)
			inSession(t, s.Token, func(c *raw.Ctx, h raw.SessionHandle) {
				if err := c.Logout(h); err != nil {
					t.Fatal(err)
				}
			})
			if err := do(t, tok, o.Ref()); err != nil {
				t.Error(err)
			}
		})
	}
}
