package pkcs11_test

import (
	"errors"
	"testing"

	raw "github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11"
	"gatehouse/core/fault"
	"gatehouse/core/healing"
	"gatehouse/core/hsm"
)

// refuse has all calls of functions fail.
func refuse(s *shim, rv uint64, functions ...int) {
	for _, f := range functions {
		s.tell(f, fail, always, rv)
	}
}

// TestCheckDoesRealWork: a token that tells who it is and gives random numbers,
// and does nothing else, or does it wrong, does not serve.
func TestCheckDoesRealWork(t *testing.T) {
	s, tok, o := failing(t)
	for name, c := range map[string]struct {
		function int
		action   int32
		rv       uint64
	}{
		"device error":                  {encryptInit, fail, raw.CKR_DEVICE_ERROR},
		"general error":                 {encrypt, fail, raw.CKR_GENERAL_ERROR},
		"wrong result":                  {encrypt, corrupt, 0},
		"no random numbers":             {generateRandom, fail, raw.CKR_DEVICE_ERROR},
		"done, and reported as failed":  {encrypt, failAfter, raw.CKR_FUNCTION_FAILED},
		"session that is always closed": {encryptInit, fail, raw.CKR_SESSION_HANDLE_INVALID},
	} {
		t.Run(name, func(t *testing.T) {
			s.tell(c.function, c.action, always, c.rv)
			_, err := tok.Check(t.Context())
			s.tell(c.function, pass, 0, 0)
			if !errors.Is(err, fault.Unavailable) || fault.ReasonOf(err) != fault.TokenFailed {
				t.Errorf("got %v, want unavailable, %q", err, fault.TokenFailed)
			}
			if _, err := tok.Check(t.Context()); err != nil {
				t.Errorf("afterwards: %v", err)
			}
			wantWorking(t, tok, o.Ref())
		})
	}
}

// TestCheckOfPoorTokens: one that can do little is healthy, and is not asked again
// for what it has refused.
func TestCheckOfPoorTokens(t *testing.T) {
	for _, c := range []struct {
		name    string
		rv      uint64
		refused []int
	}{
		{"no objects of a session", raw.CKR_ATTRIBUTE_VALUE_INVALID, []int{createObject}},
		{"no room for objects of a session", raw.CKR_DEVICE_MEMORY, []int{createObject, generateKey}},
		{"no secret keys", raw.CKR_MECHANISM_INVALID, []int{createObject, generateKey, encryptInit}},
		{"no keys and no digests", raw.CKR_FUNCTION_NOT_SUPPORTED, []int{createObject, generateKey, encryptInit, signInit, digestInit}},
		{"no clear refusal", raw.CKR_GENERAL_ERROR, []int{createObject, generateKey, digestInit}},
		{"not even random numbers", raw.CKR_RANDOM_NO_RNG, []int{createObject, generateKey, digestInit, generateRandom}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShim(t)
			m := load(t, s.Token, pkcs11.Options{})
			refuse(s, c.rv, c.refused...)
			tok := openOn(t, m, s)
			first := 0
			for i := range 6 {
				if _, err := tok.Check(t.Context()); err != nil {
					t.Fatal(err)
				}
				asked := 0
				for _, f := range c.refused {
					if f != generateRandom {
						asked += int(s.calls(f))
					}
				}
				if i == 0 {
					first = asked
				}
				if asked != first {
					t.Errorf("got %d calls of what was refused, want no more than %d", asked, first)
				}
			}
			for _, f := range c.refused {
				s.tell(f, pass, 0, 0)
			}
		})
	}
}

// TestCheckLeavesNothing: no object is seen by a search, and nothing of a session stays.
func TestCheckLeavesNothing(t *testing.T) {
	s := newShim(t)
	tok := open(t, s, pkcs11.Options{})
	for range 12 {
		if _, err := tok.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	created := s.calls(createObject)
	for range 50 {
		if _, err := tok.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.calls(createObject); got != created {
		t.Errorf("got %d more test keys, want those of before used again", got-created)
	}
	if all := list(t, tok, hsm.Filter{}); len(all) != 0 {
		t.Errorf("the inventory shows %d objects of a token that has none", len(all))
	}
	if got := s.sessions(); got > 1+4 {
		t.Errorf("got %d sessions, want no more than the pool and the login", got)
	}
	if err := tok.Heal(t.Context(), healing.NewLogin); err != nil {
		t.Fatal(err)
	}
	if _, err := tok.Check(t.Context()); err != nil {
		t.Errorf("after a new login: %v", err)
	}
	if err := tok.Close(); err != nil {
		t.Fatal(err)
	}
	if got := s.sessions(); got != 0 {
		t.Errorf("got %d sessions after the end, want none", got)
	}
}

// TestCheckWithAnotherHandle: the test key is found to be another object, and made anew.
func TestCheckWithAnotherHandle(t *testing.T) {
	s, tok, _ := failing(t)
	if _, err := tok.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.tell(encryptInit, fail, 1, raw.CKR_KEY_HANDLE_INVALID)
	if _, err := tok.Check(t.Context()); err != nil {
		t.Error(err)
	}
	s.tell(encrypt, corrupt, 1, 0)
	if _, err := tok.Check(t.Context()); err != nil {
		t.Error(err)
	}
}
