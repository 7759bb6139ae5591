package tokentest

import (
	"context"
	"errors"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
)

// wrongPIN: whether opening or the first call tells, it tells that the PIN is
// wrong, and goes on telling it.
func (s *suite) wrongPIN(t *testing.T) {
	s.need(t, s.h.OpenWrongPIN != nil, "OpenWrongPIN")
	tok, err := s.h.OpenWrongPIN(t)
	if err == nil {
		defer func() { _ = tok.Close() }()
		for _, c := range s.everyCall(tok, hsm.Ref{Class: hsm.SecretKey, ID: s.newID()}) {
			s.wantCredential(t, c.do)
		}
		return
	}
	s.wantCredential(t, func(context.Context) error { return err })
}

func (s *suite) wantCredential(t *testing.T, do func(context.Context) error) {
	t.Helper()
	err := do(within(t))
	wantKind(t, err, fault.Unavailable)
	if !fault.ReasonOf(err).Credential() || !errors.Is(err, fault.PINIncorrect) {
		t.Errorf("got reason %q (%v), want %q", fault.ReasonOf(err), err, fault.PINIncorrect)
	}
}
