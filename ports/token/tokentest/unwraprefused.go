package tokentest

import (
	"errors"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// unwrapRefused: what is no wrapped key makes no key, with one and the same
// answer, and leaves nothing behind.
func (s *suite) unwrapRefused(t *testing.T) {
	with, c := s.way(t)
	if with == nil {
		return // wrapRefused has seen to it
	}
	tpl := s.aes()
	tpl.Extractable = true
	subject := s.generateKey(t, tpl)
	good := unwrapOf(c.w, s.wrapped(t, with, subject, c.w))
	ref := with.object.Ref()

	if c.w.Mode == operations.KW || c.w.Mode == operations.KWP || c.w.Mode == operations.GCM { // others do not notice
		for name, change := range map[string]func(*operations.Unwrap){
			"changed":   func(u *operations.Unwrap) { u.Wrapped = flip(u.Wrapped) },
			"cut short": func(u *operations.Unwrap) { u.Wrapped = u.Wrapped[:len(u.Wrapped)-8] },
			"rubbish":   func(u *operations.Unwrap) { u.Wrapped = random(len(u.Wrapped)) },
		} {
			t.Run(name, func(t *testing.T) {
				u := good
				change(&u)
				s.refuseUnwrapping(t, ref, s.aes(), u)
			})
		}
		t.Run("with another key", func(t *testing.T) {
			if other := s.importKnown(t, s.withOps(c.kind, wrapOps)); other != nil {
				s.refuseUnwrapping(t, other.object.Ref(), s.aes(), good)
			}
		})
	}
	t.Run("of another size than asked", func(t *testing.T) {
		other := s.aes()
		other.Size = 128
		s.refuseUnwrapping(t, ref, other, good)
	})
	t.Run("a secret where a private key is said", func(t *testing.T) {
		if pair := s.kind("RSA 2048"); with.object.Type == keys.AES && s.caps.Makes(pair.Type, pair.Size) {
			s.refuseUnwrapping(t, ref, pair, good)
		}
	})
	for name, try := range map[string]struct {
		with   hsm.Ref
		change func(*hsm.Template, *operations.Unwrap)
		want   fault.Kind
	}{
		"without an id":     {ref, func(tpl *hsm.Template, _ *operations.Unwrap) { tpl.ID = nil }, fault.Invalid},
		"without a mode":    {ref, func(_ *hsm.Template, u *operations.Unwrap) { u.Mode = "" }, fault.Invalid},
		"nothing":           {ref, func(_ *hsm.Template, u *operations.Unwrap) { u.Wrapped = nil }, fault.Invalid},
		"an opaque object":  {ref, func(tpl *hsm.Template, _ *operations.Unwrap) { tpl.Type = keys.Opaque }, fault.Unsupported},
		"with a lost key":   {hsm.Ref{Class: ref.Class, Type: ref.Type, ID: s.newID()}, func(*hsm.Template, *operations.Unwrap) {}, fault.NotFound},
		"with another type": {subject.Ref(), func(_ *hsm.Template, u *operations.Unwrap) { u.Mode = operations.OAEP }, fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			tpl, u := s.aes(), good
			id := tpl.ID
			try.change(&tpl, &u)
			_, err := s.tok.Unwrap(within(t), try.with, tpl, u)
			wantKind(t, err, try.want)
			s.wantNone(t, id)
		})
	}
	t.Run("with a key that may not unwrap", func(t *testing.T) {
		other, tpl := s.importKnown(t, s.withOps(c.kind, keys.OpWrap)), s.aes()
		_, err := s.tok.Unwrap(within(t), other.object.Ref(), tpl, good)
		wantKind(t, err, fault.Denied)
		s.wantNone(t, tpl.ID)
	})
	t.Run("id taken", func(t *testing.T) {
		taken := s.aes()
		taken.ID = subject.ID
		_, err := s.tok.Unwrap(within(t), ref, taken, good)
		wantKind(t, err, fault.Conflict)
		s.roundTrip(t, s.find(t, hsm.SecretKey, subject.ID).Ref())
	})
	t.Run("works after all that", func(t *testing.T) {
		o, err := s.tok.Unwrap(within(t), ref, s.aes(), good)
		if err != nil {
			t.Fatal(err)
		}
		s.roundTrip(t, o.Ref())
	})
}

func (s *suite) refuseUnwrapping(t *testing.T, ref hsm.Ref, tpl hsm.Template, u operations.Unwrap) {
	t.Helper()
	_, err := s.tok.Unwrap(within(t), ref, tpl, u)
	want := operations.DecryptRefused(nil)
	if !errors.Is(err, fault.Invalid) || fault.Message(err) != fault.Message(want) {
		t.Errorf("got kind %q and message %q (%v), want kind %q and message %q",
			fault.KindOf(err), fault.Message(err), err, fault.Invalid, fault.Message(want))
	}
	s.wantNone(t, tpl.ID)
}
