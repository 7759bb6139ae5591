package tokentest

import (
	"context"
	"testing"

	"gatehouse/core/hsm"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

// everyCall returns each method of the port as a call that succeeds, in an
// order in which they do. The key behind ref is destroyed by the last one.
func (s *suite) everyCall(tok token.Token, ref hsm.Ref) []namedCall {
	newLabel := ref.Label
	return []namedCall{
		{Check, func(ctx context.Context) error {
			_, err := tok.Check(ctx)
			return err
		}},
		{Inventory, func(ctx context.Context) error {
			return tok.Inventory(ctx, hsm.Filter{}, func(hsm.Object) error { return nil })
		}},
		{Generate, func(ctx context.Context) error {
			_, err := tok.Generate(ctx, s.aes())
			return err
		}},
		{Import, func(ctx context.Context) error {
			_, err := tok.Import(ctx, s.aes(), secret.New(random(32)))
			return err
		}},
		{Operate, func(ctx context.Context) error {
			_, err := tok.Operate(ctx, ref, operations.Encrypt{Mode: operations.CBC, Plain: []byte("plain")})
			return err
		}},
		{Update, func(ctx context.Context) error { return tok.Update(ctx, ref, hsm.Change{Label: &newLabel}) }},
		{Destroy, func(ctx context.Context) error { return tok.Destroy(ctx, ref) }},
	}
}

type namedCall struct {
	call Call
	do   func(ctx context.Context) error
}

// contexts: a context that has ended before the call lets nothing happen.
func (s *suite) contexts(t *testing.T) {
	o := s.generateKey(t, s.aes())
	before := s.made.Load()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range s.everyCall(s.tok, o.Ref()) {
		t.Run("cancelled "+string(c.call), func(t *testing.T) { wantEnded(t, c.do(ended)) })
	}
	t.Run("nothing was done", func(t *testing.T) {
		for n := before + 1; n <= s.made.Load(); n++ {
			s.wantNone(t, s.idNumber(n))
		}
		s.roundTrip(t, o.Ref())
	})
}
