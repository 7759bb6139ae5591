package tokensim_test

import (
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/simulators/tokensim"
)

func TestPINLocks(t *testing.T) {
	s := newSlot(t, tokensim.Options{WrongPINs: 3})
	try := func(pin secret.Value, want ...error) {
		t.Helper()
		tok, err := s.Open(t.Context(), pin)
		is(t, err, want...)
		if err == nil {
			is(t, tok.Close())
		}
	}
	wrong := secret.FromString("4321")
	try(wrong, fault.Unavailable, fault.PINIncorrect)
	try(wrong, fault.PINIncorrect)
	try(pin) // starts the count anew
	try(wrong, fault.PINIncorrect)
	try(secret.Value{}, fault.Unavailable, fault.PINMissing) // is no try
	try(wrong, fault.PINIncorrect)
	try(wrong, fault.PINIncorrect)
	try(pin, fault.Unavailable, fault.PINLocked)
	if good, bad := s.Logins(); good != 1 || bad != 6 {
		t.Errorf("got %d PINs accepted and %d refused, want 1 and 6", good, bad)
	}
	s.SetPIN(wrong)
	try(wrong)
}

func TestSlotWithoutPINLetsNobodyIn(t *testing.T) {
	_, err := tokensim.New(tokensim.Options{}).Open(t.Context(), secret.Value{})
	is(t, err, fault.PINMissing)
}

// A Token logs in again by itself when its login is lost; a PIN that is then
// refused is not tried a second time, or it would lock.
func TestRefusedPINIsTriedOnce(t *testing.T) {
	s := newSlot(t, tokensim.Options{})
	tok := open(t, s)
	o := generate(t, tok, "1")
	s.DropLogins()
	is(t, encrypt(t.Context(), tok, o))
	s.SetPIN(secret.FromString("new"))
	is(t, encrypt(t.Context(), tok, o)) // a login outlives a change of PIN
	s.DropLogins()
	for range 3 {
		is(t, encrypt(t.Context(), tok, o), fault.Unavailable, fault.PINIncorrect)
	}
	s.SetPIN(pin)
	is(t, encrypt(t.Context(), tok, o), fault.PINIncorrect) // only who opens anew tries again
	if good, bad := s.Logins(); good != 2 || bad != 1 {
		t.Errorf("got %d PINs accepted and %d refused, want 2 and 1", good, bad)
	}
}
