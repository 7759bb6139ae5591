package tokensim_test

import (
	"context"
	"errors"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/simulators/tokensim"
)

var pin = secret.FromString("1234")

// newSlot returns a slot with the tests' PIN. When t has closed what it opened,
// nothing may have been misused.
func newSlot(t *testing.T, o tokensim.Options) *tokensim.Slot {
	t.Helper()
	o.PIN = pin
	s := tokensim.New(o)
	t.Cleanup(func() {
		for _, m := range s.Misuse() {
			t.Errorf("misuse: %s: %s", m.Kind, m.Detail)
		}
	})
	return s
}

// open opens the slot's token, and closes it with t.
func open(t *testing.T, s *tokensim.Slot) *tokensim.Token {
	t.Helper()
	tok, err := s.Open(t.Context(), pin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tok.Close(); err != nil {
			t.Error(err)
		}
	})
	return tok
}

// template is one for an AES key.
func template(id string) hsm.Template {
	return hsm.Template{
		ID: []byte(id), Label: []byte("key " + id), Type: keys.AES, Size: 256, Ops: keys.OpEncrypt | keys.OpDecrypt,
	}
}

func generate(t *testing.T, tok *tokensim.Token, id string) hsm.Object {
	t.Helper()
	o, err := tok.Generate(t.Context(), template(id))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func encrypt(ctx context.Context, tok *tokensim.Token, o hsm.Object) error {
	_, err := tok.Operate(ctx, o.Ref(), operations.Encrypt{Mode: operations.GCM, Plain: []byte("plain")})
	return err
}

// is fails unless err is all of the targets; no target means no error.
func is(t *testing.T, err error, targets ...error) {
	t.Helper()
	if len(targets) == 0 && err != nil {
		t.Errorf("got %v, want no error", err)
	}
	for _, target := range targets {
		if !errors.Is(err, target) {
			t.Errorf("got %v, want %v", err, target)
		}
	}
}

// down is what a fault reports in these tests.
func down() error { return fault.New(fault.Unavailable, "no answer").Because(fault.TokenFailed) }
