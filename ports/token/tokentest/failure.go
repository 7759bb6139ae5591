package tokentest

import (
	"context"
	"testing"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
)

// appliedButFailed: a call that was carried out and reported as failed is told
// as failed, is not tried again by anybody below, and shows in the inventory.
func (s *suite) appliedButFailed(t *testing.T) {
	s.need(t, s.h.FailApplied != nil, "FailApplied")
	s.prepare(t)
	makers := map[Call]func(hsm.Template) error{
		Generate: func(tpl hsm.Template) error { return s.justGenerate(t, tpl) },
		Import: func(tpl hsm.Template) error {
			_, err := s.tok.Import(within(t), tpl, secret.New(random(32)))
			return err
		},
	}
	if s.ways.with != nil {
		makers[Unwrap] = func(tpl hsm.Template) error { return s.unwrapAnew(within(t), s.tok, tpl) }
	}
	if s.ways.base.ID != nil {
		makers[Derive] = func(tpl hsm.Template) error { return s.deriveAnew(within(t), s.tok, tpl) }
	}
	for call, do := range makers {
		t.Run(string(call), func(t *testing.T) {
			tpl := s.aes()
			s.h.FailApplied(t, call)
			wantKind(t, do(tpl), fault.Unavailable)
			o := s.find(t, hsm.SecretKey, tpl.ID)
			s.compare(t, tpl, o)
			wantKind(t, do(tpl), fault.Conflict)
			s.roundTrip(t, o.Ref())
		})
	}
	t.Run("update", func(t *testing.T) {
		o := s.generateKey(t, s.aes())
		newLabel := []byte("renamed all the same")
		s.h.FailApplied(t, Update)
		wantKind(t, s.tok.Update(within(t), o.Ref(), hsm.Change{Label: &newLabel}), fault.Unavailable)
		if got := s.find(t, hsm.SecretKey, o.ID).Label; string(got) != string(newLabel) {
			t.Errorf("got label %q, want %q", got, newLabel)
		}
	})
	t.Run("destroy", func(t *testing.T) {
		o := s.generateKey(t, s.aes())
		s.h.FailApplied(t, Destroy)
		wantKind(t, s.tok.Destroy(within(t), o.Ref()), fault.Unavailable)
		s.wantNone(t, o.ID)
		wantKind(t, s.tok.Destroy(within(t), o.Ref()), fault.NotFound)
	})
}

// hangs: a call that the token never answers ends with its context, and holds
// up nobody else for longer.
func (s *suite) hangs(t *testing.T) {
	s.need(t, s.h.Hang != nil, "Hang")
	s.prepare(t)
	o := s.generateKey(t, s.aes())
	for _, c := range s.everyCall(s.tok, o.Ref()) {
		t.Run(string(c.call), func(t *testing.T) {
			reached, release := s.h.Hang(t, c.call)
			defer release()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			result := make(chan error, 1)
			go func() { result <- c.do(ctx) }()
			wait(t, reached, "the call to hang")
			cancel()
			select {
			case err := <-result:
				wantEnded(t, err)
			case <-time.After(patience):
				t.Fatalf("%s has not returned %s after the end of its context", c.call, patience)
			}
		})
	}
	t.Run("nobody else waits for it", func(t *testing.T) {
		other := s.generateKey(t, s.aes())
		s.roundTrip(t, other.Ref())
		for _, c := range s.everyCall(s.tok, s.generateKey(t, s.aes()).Ref()) {
			if c.call != Operate && c.call != Generate {
				continue
			}
			reached, release := s.h.Hang(t, c.call)
			result := make(chan error, 1)
			go func() { result <- c.do(within(t)) }()
			wait(t, reached, "the call to hang")
			s.roundTrip(t, other.Ref())
			release()
			if err := <-result; err != nil {
				t.Errorf("%s, after it hung and went on: %v", c.call, err)
			}
		}
	})
	t.Run("works again", func(t *testing.T) { s.roundTrip(t, s.generateKey(t, s.aes()).Ref()) })
}

func wait(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("waited %s for %s", patience, what)
	}
}
