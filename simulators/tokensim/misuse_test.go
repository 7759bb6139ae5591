package tokensim_test

import (
	"slices"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/simulators/tokensim"
)

// wantMisuse fails unless exactly these kinds were recorded.
func wantMisuse(t *testing.T, s *tokensim.Slot, want ...tokensim.MisuseKind) {
	t.Helper()
	var got []tokensim.MisuseKind
	for _, m := range s.Misuse() {
		got = append(got, m.Kind)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got misuse %v, want %v", got, want)
	}
}

func TestUseAfterClose(t *testing.T) {
	s := tokensim.New(tokensim.Options{PIN: pin})
	tok, err := s.Open(t.Context(), pin)
	is(t, err)
	wantMisuse(t, s, tokensim.NotClosed)
	is(t, tok.Close())
	wantMisuse(t, s)
	_, err = tok.Check(t.Context())
	is(t, err, fault.Unavailable)
	is(t, tok.Close())
	wantMisuse(t, s, tokensim.UseAfterClose, tokensim.UseAfterClose)
}

func TestDoubleDestroy(t *testing.T) {
	for name, c := range map[string]struct {
		faults []tokensim.Fault
		want   []tokensim.MisuseKind
	}{
		"after one that was done":        {nil, []tokensim.MisuseKind{tokensim.DoubleDestroy}},
		"after one that was said failed": {[]tokensim.Fault{{Call: tokensim.Destroy, Apply: true, Err: down()}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := tokensim.New(tokensim.Options{PIN: pin})
			tok, err := s.Open(t.Context(), pin)
			is(t, err)
			o := generate(t, tok, "1")
			s.Fail(c.faults...)
			err = tok.Destroy(t.Context(), o.Ref())
			if (err != nil) != (c.faults != nil) {
				t.Errorf("got %v from the first Destroy", err)
			}
			is(t, tok.Destroy(t.Context(), o.Ref()), fault.NotFound)
			is(t, tok.Close())
			wantMisuse(t, s, c.want...)
		})
	}
	t.Run("not of a key made again", func(t *testing.T) {
		s := newSlot(t, tokensim.Options{})
		tok := open(t, s)
		for range 2 {
			is(t, tok.Destroy(t.Context(), generate(t, tok, "1").Ref()))
		}
	})
	t.Run("not of what was never there", func(t *testing.T) {
		s := newSlot(t, tokensim.Options{})
		tok := open(t, s)
		is(t, tok.Destroy(t.Context(), hsm.Ref{Class: hsm.SecretKey, ID: []byte("1")}), fault.NotFound)
	})
}

func TestSearchLeftOpen(t *testing.T) {
	s := tokensim.New(tokensim.Options{PIN: pin})
	tok, err := s.Open(t.Context(), pin)
	is(t, err)
	generate(t, tok, "1")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic of yield was swallowed")
			}
		}()
		_ = tok.Inventory(t.Context(), hsm.Filter{}, func(hsm.Object) error { panic("left") })
	}()
	is(t, tok.Close())
	wantMisuse(t, s, tokensim.SearchLeft)
}
