package tokensim_test

import (
	"context"
	"testing"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/simulators/tokensim"
)

func TestFaultsAreConsumedInOrder(t *testing.T) {
	s := newSlot(t, tokensim.Options{})
	tok := open(t, s)
	o := generate(t, tok, "1")
	s.Fail(
		tokensim.Fault{Call: tokensim.Operate, Err: fault.New(fault.Denied, "first")},
		tokensim.Fault{Call: tokensim.Operate, Err: fault.New(fault.Invalid, "second")},
	)
	is(t, encrypt(t.Context(), tok, o), fault.Denied)
	is(t, encrypt(t.Context(), tok, o), fault.Invalid)
	is(t, encrypt(t.Context(), tok, o))
}

func TestFaultMatches(t *testing.T) {
	for name, c := range map[string]struct {
		fault tokensim.Fault
		want  []error // of encrypting with key 1, key 2, key 1, in this order
	}{
		"any call":         {tokensim.Fault{Err: down()}, []error{fault.Unavailable, nil, nil}},
		"another call":     {tokensim.Fault{Call: tokensim.Destroy, Err: down()}, []error{nil, nil, nil}},
		"a key":            {tokensim.Fault{ID: []byte("2"), Err: down()}, []error{nil, fault.Unavailable, nil}},
		"the third call":   {tokensim.Fault{Call: tokensim.Operate, Skip: 2, Err: down()}, []error{nil, nil, fault.Unavailable}},
		"second on a key":  {tokensim.Fault{ID: []byte("1"), Skip: 1, Err: down()}, []error{nil, nil, fault.Unavailable}},
		"one that stays":   {tokensim.Fault{Stays: true, Err: down()}, []error{fault.Unavailable, fault.Unavailable, fault.Unavailable}},
		"a delay only":     {tokensim.Fault{Delay: time.Hour}, []error{nil, nil, nil}},
		"staying, skipped": {tokensim.Fault{Stays: true, Skip: 1, Err: down()}, []error{nil, fault.Unavailable, fault.Unavailable}},
	} {
		t.Run(name, func(t *testing.T) {
			var slept time.Duration
			s := newSlot(t, tokensim.Options{Sleep: func(_ context.Context, d time.Duration) error {
				slept += d
				return nil
			}})
			tok := open(t, s)
			one, two := generate(t, tok, "1"), generate(t, tok, "2")
			s.Fail(c.fault)
			for i, o := range []hsm.Object{one, two, one} {
				if err := encrypt(t.Context(), tok, o); c.want[i] == nil {
					is(t, err)
				} else {
					is(t, err, c.want[i], fault.TokenFailed)
				}
			}
			if slept != c.fault.Delay {
				t.Errorf("slept %s, want %s", slept, c.fault.Delay)
			}
		})
	}
}

func TestFaultApplies(t *testing.T) {
	for name, c := range map[string]struct {
		apply bool
		want  int // objects in the token
	}{"applied": {true, 1}, "not applied": {false, 0}} {
		t.Run(name, func(t *testing.T) {
			s := newSlot(t, tokensim.Options{})
			tok := open(t, s)
			s.Fail(tokensim.Fault{Call: tokensim.Generate, Apply: c.apply, Err: down()})
			made, err := tok.Generate(t.Context(), template("1"))
			is(t, err, fault.Unavailable)
			if made.ID != nil {
				t.Errorf("got object %x together with an error", made.ID)
			}
			if got := len(s.Objects()); got != c.want {
				t.Errorf("got %d objects in the token, want %d", got, c.want)
			}
		})
	}
}

func TestFaultHangs(t *testing.T) {
	start := func(t *testing.T, f tokensim.Fault) (*tokensim.Slot, <-chan error, context.CancelFunc) {
		t.Helper()
		s := newSlot(t, tokensim.Options{})
		tok := open(t, s)
		s.Fail(f)
		ctx, cancel := context.WithCancel(t.Context())
		t.Cleanup(cancel)
		result := make(chan error, 1)
		go func() {
			_, err := tok.Generate(ctx, template("1"))
			result <- err
		}()
		is(t, s.AwaitHanging(t.Context(), tokensim.Generate, 1))
		return s, result, cancel
	}
	t.Run("until the context ends", func(t *testing.T) {
		s, result, cancel := start(t, tokensim.Fault{Hang: true})
		cancel()
		is(t, <-result, fault.Unavailable, fault.TimedOut, context.Canceled)
		if n := len(s.Objects()); n != 0 {
			t.Errorf("got %d objects in the token, want none", n)
		}
	})
	t.Run("until released", func(t *testing.T) {
		s, result, _ := start(t, tokensim.Fault{Hang: true})
		s.Release()
		is(t, <-result)
		if n := len(s.Objects()); n != 1 {
			t.Errorf("got %d objects in the token, want one", n)
		}
	})
	t.Run("after it was carried out", func(t *testing.T) {
		s, result, cancel := start(t, tokensim.Fault{Hang: true, Apply: true})
		if n := len(s.Objects()); n != 1 {
			t.Errorf("got %d objects in the token while the call hangs, want one", n)
		}
		cancel()
		is(t, <-result, fault.TimedOut)
	})
	t.Run("and then fails", func(t *testing.T) {
		s, result, _ := start(t, tokensim.Fault{Hang: true, Err: down()})
		s.Release()
		is(t, <-result, fault.TokenFailed)
	})
	t.Run("no longer than who waits for it", func(t *testing.T) {
		s := newSlot(t, tokensim.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		is(t, s.AwaitHanging(ctx, tokensim.Check, 1), context.Canceled)
	})
}

func TestFaultsOfOpening(t *testing.T) {
	s := newSlot(t, tokensim.Options{})
	s.Fail(tokensim.Fault{Call: tokensim.Open, Err: down()}, tokensim.Fault{Call: tokensim.Open, Apply: true, Err: down()})
	for range 2 {
		_, err := s.Open(t.Context(), pin)
		is(t, err, fault.TokenFailed)
	}
	open(t, s)
}

func TestClearReturnsWhatDidNotAct(t *testing.T) {
	s := newSlot(t, tokensim.Options{})
	tok := open(t, s)
	s.Fail(tokensim.Fault{Call: tokensim.Check, Err: down()}, tokensim.Fault{Call: tokensim.Import, Err: down()})
	_, err := tok.Check(t.Context())
	is(t, err, fault.Unavailable)
	left := s.Clear()
	if len(left) != 1 || left[0].Call != tokensim.Import {
		t.Errorf("got %v, want the fault of import", left)
	}
	if left := s.Clear(); len(left) != 0 {
		t.Errorf("got %v after Clear, want none", left)
	}
}
