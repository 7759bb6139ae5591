package pkcs11_test

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"time"

	raw "github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11"
	"gatehouse/core/fault"
	"gatehouse/core/healing"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/ports/token/tokentest"
	"gatehouse/simulators/softtoken"
)

// copying has keys copied as soon as they are used.
var copying = pkcs11.Options{CopyAfter: 1}

// TestCopies runs the suite with keys that are used through copies.
func TestCopies(t *testing.T) {
	s := newShim(t)
	h := harness(t, load(t, s.Token, copying), s.Token)
	h.NotApplicable["Swap"] = "see TestSoftHSM"
	h.NotApplicable["FailApplied"] = "see TestFailing"
	h.NotApplicable["Hang"] = "see TestHanging"
	h.Refuses, h.ForgetsSize = softtoken.SoftHSMRefuses(), softtoken.SoftHSMForgetsSize
	tokentest.Run(t, h)
	if s.calls(copyObject) == 0 {
		t.Error("no key was copied")
	}
}

// copied returns a token that uses its key through a copy.
func copied(t *testing.T, options pkcs11.Options) (*shim, *pkcs11.Token, hsm.Object) {
	t.Helper()
	s, tok, o := failingWith(t, options)
	useOften(t, tok, o)
	if got := s.calls(copyObject); got != 1 {
		t.Fatalf("got %d copies, want one", got)
	}
	return s, tok, o
}

func useOften(t *testing.T, tok *pkcs11.Token, o hsm.Object) {
	t.Helper()
	for range 4 {
		signed(t, tok, o)
	}
}

func signed(t *testing.T, tok *pkcs11.Token, o hsm.Object) {
	t.Helper()
	res, err := tok.Operate(t.Context(), o.Ref(), signData)
	if err != nil {
		t.Error(err)
		return
	}
	wantByKey(t, o, signData, res.Output)
}

// TestCopiedOften: a key is copied after so many uses and not before, for each
// kind of key, and never where handles are trusted.
func TestCopiedOften(t *testing.T) {
	for name, c := range map[string]struct {
		options pkcs11.Options
		uses    int
		want    uint64
	}{
		"after the first":           {copying, 2, 1},
		"not before the 33rd":       {pkcs11.Options{}, 31, 0}, // failing has used it once
		"at the 33rd":               {pkcs11.Options{}, 32, 1},
		"never":                     {pkcs11.Options{CopyAfter: -1}, 40, 0},
		"where handles are trusted": {pkcs11.Options{CopyAfter: 1, Recheck: pkcs11.RecheckNever}, 3, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, tok, o := failingWith(t, c.options)
			for range c.uses {
				signed(t, tok, o)
			}
			if got := s.calls(copyObject); got != c.want {
				t.Errorf("got %d copies, want %d", got, c.want)
			}
		})
	}
}

// TestCopiedKeyGone: what somebody else destroys is not there from then on, and
// what he forbids is forbidden.
func TestCopiedKeyGone(t *testing.T) {
	t.Run("destroyed", func(t *testing.T) {
		s, tok, o := copied(t, copying)
		foreign(t, s.Token).Remove(t, hsm.PrivateKey, o.ID)
		if _, err := tok.Operate(t.Context(), o.Ref(), signData); !errors.Is(err, fault.NotFound) {
			t.Errorf("got %v, want not found", err)
		}
	})
	t.Run("forbidden", func(t *testing.T) {
		s, tok, o := copied(t, copying)
		inSession(t, s.Token, func(c *raw.Ctx, session raw.SessionHandle) {
			h := handleOf(t, s, hsm.PrivateKey, o.ID)
			if err := c.SetAttributeValue(session, h, []*raw.Attribute{raw.NewAttribute(raw.CKA_SIGN, false)}); err != nil {
				t.Fatal(err)
			}
		})
		if _, err := tok.Operate(t.Context(), o.Ref(), signData); !errors.Is(err, fault.Denied) {
			t.Errorf("got %v, want denied", err)
		}
	})
	t.Run("forbidden by us", func(t *testing.T) {
		_, tok, o := copied(t, copying)
		none := keys.Ops(0)
		if err := tok.Update(t.Context(), o.Ref(), hsm.Change{Ops: &none}); err != nil {
			t.Fatal(err)
		}
		if _, err := tok.Operate(t.Context(), o.Ref(), signData); !errors.Is(err, fault.Denied) {
			t.Errorf("got %v, want denied", err)
		}
	})
}

// TestCopyOfAnotherKey: a library that copies another key than it was told to,
// and nothing shows it but the copy.
func TestCopyOfAnotherKey(t *testing.T) {
	for name, tpl := range map[string]hsm.Template{"EC": p256, "RSA": rsa2} {
		t.Run(name, func(t *testing.T) {
			s := newShim(t)
			tok := open(t, s, copying)
			first, second := twoOf(t, tok, tpl)
			s.swap(handleOf(t, s, hsm.PrivateKey, first.ID), handleOf(t, s, hsm.PrivateKey, second.ID), copyObject)
			op := signData
			if tpl.Type == keys.RSA {
				op.Mode = operations.PKCS1v15
			}
			for range 6 {
				for _, o := range []hsm.Object{first, second} {
					res, err := tok.Operate(t.Context(), o.Ref(), op)
					if err != nil {
						t.Fatal(err)
					}
					wantByKey(t, o, op, res.Output)
				}
			}
			if got := s.calls(copyObject); got != 2 {
				t.Errorf("got %d copies, want each key tried once", got)
			}
		})
	}
	t.Run("AES", func(t *testing.T) {
		s := newShim(t)
		tok := open(t, s, copying)
		tpl := aesKey
		first, second := twoOf(t, tok, tpl)
		sealed, err := tok.Operate(t.Context(), first.Ref(), encryptData)
		if err != nil {
			t.Fatal(err)
		}
		s.swap(handleOf(t, s, hsm.SecretKey, first.ID), handleOf(t, s, hsm.SecretKey, second.ID), copyObject)
		for range 4 {
			back, err := tok.Operate(t.Context(), first.Ref(), operations.Decrypt{Mode: operations.CBC, Cipher: sealed.Output, IV: sealed.IV})
			if err != nil || !bytes.Equal(back.Output, encryptData.Plain) {
				t.Fatalf("got %q and %v, want %q", back.Output, err, encryptData.Plain)
			}
		}
		if s.calls(copyObject) == 0 {
			t.Error("no copy was tried")
		}
	})
}

// TestCopyFails: what goes wrong with a copy, or with the making of one, is no
// failure of the key.
func TestCopyFails(t *testing.T) {
	for name, spoil := range map[string]func(*testing.T, *shim, *pkcs11.Token){
		"in use": func(_ *testing.T, s *shim, _ *pkcs11.Token) { s.tell(signInit, fail, 1, raw.CKR_FUNCTION_FAILED) },
		"with the login": func(t *testing.T, _ *shim, tok *pkcs11.Token) {
			t.Helper()
			if err := tok.Heal(t.Context(), healing.NewLogin); err != nil {
				t.Fatal(err)
			}
		},
		"with the library": func(t *testing.T, _ *shim, tok *pkcs11.Token) {
			t.Helper()
			if err := tok.Heal(t.Context(), healing.NewLibrary); err != nil {
				t.Fatal(err)
			}
		},
		"by its removal": func(t *testing.T, s *shim, _ *pkcs11.Token) {
			t.Helper()
			inSession(t, s.Token, func(c *raw.Ctx, session raw.SessionHandle) { removeSessionObjects(t, c, session) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, tok, o := copied(t, copying)
			spoil(t, s, tok)
			useOften(t, tok, o)
			if got := s.calls(copyObject); got != 2 {
				t.Errorf("got %d copies, want another one", got)
			}
		})
	}
	t.Run("in the making", func(t *testing.T) {
		s, tok, o := failingWith(t, copying)
		s.tell(copyObject, fail, always, raw.CKR_ACTION_PROHIBITED)
		useOften(t, tok, o)
		if got := s.calls(copyObject); got != 1 {
			t.Errorf("got %d attempts, want one", got)
		}
	})
}

func removeSessionObjects(t *testing.T, c *raw.Ctx, session raw.SessionHandle) {
	t.Helper()
	if err := c.FindObjectsInit(session, []*raw.Attribute{raw.NewAttribute(raw.CKA_TOKEN, false), raw.NewAttribute(raw.CKA_CLASS, raw.CKO_PRIVATE_KEY)}); err != nil {
		t.Fatal(err)
	}
	found, _, err := c.FindObjects(session, 10)
	if err != nil || len(found) != 1 {
		t.Fatalf("got %d private keys of a session and %v, want one", len(found), err)
	}
	if err := errors.Join(c.FindObjectsFinal(session), c.DestroyObject(session, found[0])); err != nil {
		t.Fatal(err)
	}
}

// TestCopiesEnd: a copy does not outlive its key by more than its life, and
// another one is made for who goes on.
func TestCopiesEnd(t *testing.T) {
	s, tok, o := copied(t, pkcs11.Options{CopyAfter: 1, CopyLife: 20 * time.Millisecond})
	for end := time.Now().Add(10 * time.Second); s.calls(destroyObject) == 0; {
		if time.Now().After(end) {
			t.Fatal("the copy was not destroyed")
		}
		<-time.After(time.Millisecond)
	}
	useOften(t, tok, o)
	if got := s.calls(copyObject); got < 2 {
		t.Errorf("got %d copies, want another one", got)
	}
}

// TestCopiesUnderLoad: many use keys while their copies end all the time.
func TestCopiesUnderLoad(t *testing.T) {
	s := newShim(t)
	tok := open(t, s, pkcs11.Options{CopyAfter: 1, CopyLife: 5 * time.Millisecond})
	first, second := twoOf(t, tok, p256)
	var users sync.WaitGroup
	for i := range 8 {
		o := []hsm.Object{first, second}[i%2]
		users.Go(func() {
			for s.calls(copyObject) < 20 {
				res, err := tok.Operate(t.Context(), o.Ref(), signData)
				if err != nil {
					t.Error(err)
					return
				}
				wantByKey(t, o, signData, res.Output)
			}
		})
	}
	users.Wait()
}
