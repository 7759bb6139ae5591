package tokentest

import (
	"context"
	"crypto/elliptic"
	"testing"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

// everyCall returns each method of the port as a call that succeeds, in an
// order in which they do. The key behind ref is destroyed by the last one.
func (s *suite) everyCall(tok token.Token, ref hsm.Ref) []namedCall {
	newLabel := ref.Label
	calls := []namedCall{
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
	}
	if w := s.ways; w != nil && w.with != nil {
		calls = append(calls,
			namedCall{Wrap, func(ctx context.Context) error {
				_, err := tok.Wrap(ctx, w.with.object.Ref(), w.subject.Ref(), w.wrap)
				return err
			}},
			namedCall{Unwrap, func(ctx context.Context) error { return s.unwrapAnew(ctx, tok, s.aes()) }})
	}
	if w := s.ways; w != nil && w.base.ID != nil {
		calls = append(calls, namedCall{Derive, func(ctx context.Context) error { return s.deriveAnew(ctx, tok, s.aes()) }})
	}
	return append(calls, namedCall{Destroy, func(ctx context.Context) error { return tok.Destroy(ctx, ref) }})
}

// ways are what can be wrapped, unwrapped and derived; empty where the token can not.
type ways struct {
	with    *imported
	subject hsm.Object
	wrap    operations.Wrap
	unwrap  operations.Unwrap
	base    hsm.Object
	derive  operations.Operation
}

// prepare makes the keys that everyCall wraps, unwraps and derives.
func (s *suite) prepare(t *testing.T) {
	t.Helper()
	if s.ways != nil {
		return
	}
	w := &ways{}
	var c wrapCase
	if w.with, c = s.way(t); w.with != nil {
		tpl := s.aes()
		tpl.Extractable = true
		w.subject, w.wrap = s.generateKey(t, tpl), c.w
		w.unwrap = unwrapOf(c.w, s.wrapped(t, w.with, w.subject, c.w))
	}
	if tpl := s.base(keys.P256); s.does(operations.Agree{}, keys.EC) && s.caps.Makes(keys.EC, tpl.Size) {
		w.base = s.generateKey(t, tpl)
		w.derive = operations.Agree{PeerPublicKey: spki(t, ecKey(t, elliptic.P256()).Public())}
	}
	s.ways = w
}

func (s *suite) unwrapAnew(ctx context.Context, tok token.Token, tpl hsm.Template) error {
	_, err := tok.Unwrap(ctx, s.ways.with.object.Ref(), tpl, s.ways.unwrap)
	return err
}

func (s *suite) deriveAnew(ctx context.Context, tok token.Token, tpl hsm.Template) error {
	_, err := tok.Derive(ctx, s.ways.base.Ref(), tpl, s.ways.derive)
	return err
}

type namedCall struct {
	call Call
	do   func(ctx context.Context) error
}

// contexts: a context that has ended before the call lets nothing happen.
func (s *suite) contexts(t *testing.T) {
	s.prepare(t)
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
