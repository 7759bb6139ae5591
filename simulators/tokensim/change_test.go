package tokensim_test

import (
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/simulators/tokensim"
)

func TestSwappedTokenIsNoticed(t *testing.T) {
	s := newSlot(t, tokensim.Options{})
	tok := open(t, s)
	o := generate(t, tok, "1")
	before, err := tok.Check(t.Context())
	is(t, err)

	s.Swap()
	_, err = tok.Check(t.Context())
	is(t, err, fault.Unavailable, fault.TokenGone)
	is(t, encrypt(t.Context(), tok, o), fault.TokenGone)
	other := open(t, s)
	after, err := other.Check(t.Context())
	is(t, err)
	if before.Serial == after.Serial {
		t.Errorf("both tokens have serial %s", after.Serial)
	}
	if n := len(s.Objects()); n != 0 {
		t.Errorf("the other token holds %d objects, want none", n)
	}

	s.Eject()
	is(t, encrypt(t.Context(), other, o), fault.TokenGone)
	_, err = s.Open(t.Context(), pin)
	is(t, err, fault.Unavailable, fault.WrongSlot)
	is(t, s.Add(o, secret.Value{}), fault.TokenGone)
	s.SetPIN(pin) // there is nothing to change

	s.Reinsert()
	is(t, encrypt(t.Context(), tok, o))
	is(t, encrypt(t.Context(), other, o), fault.TokenGone)
}

func TestWipedTokenIsTheSameAndEmpty(t *testing.T) {
	s := newSlot(t, tokensim.Options{})
	tok := open(t, s)
	before, err := tok.Check(t.Context())
	is(t, err)
	o := generate(t, tok, "1")
	s.Wipe()
	is(t, encrypt(t.Context(), tok, o), fault.NotFound)
	after, err := tok.Check(t.Context())
	is(t, err)
	if before.Serial != after.Serial {
		t.Errorf("got serial %s, want %s as before", after.Serial, before.Serial)
	}
	generate(t, tok, "1")
}

// A key that is being made when the token is swapped is in neither.
func TestSwapWhileGenerating(t *testing.T) {
	s := newSlot(t, tokensim.Options{})
	tok := open(t, s)
	s.Fail(tokensim.Fault{Call: tokensim.Generate, Hang: true})
	result := make(chan error, 1)
	go func() {
		_, err := tok.Generate(t.Context(), template("1"))
		result <- err
	}()
	is(t, s.AwaitHanging(t.Context(), tokensim.Generate, 1))
	s.Swap()
	s.Release()
	is(t, <-result, fault.TokenGone)
	if n := len(s.Objects()); n != 0 {
		t.Errorf("the other token holds %d objects, want none", n)
	}
}

func TestSimulatedTokenSaysSo(t *testing.T) {
	tok := open(t, newSlot(t, tokensim.Options{Label: "production", Slot: 7}))
	info, err := tok.Check(t.Context())
	is(t, err)
	if info.Slot != 7 || info.Label != "production" {
		t.Errorf("got slot %d and label %q, want what the options say", info.Slot, info.Label)
	}
	if info.Serial != "SIMULATED-1" || info.Model != "SIMULATED" || info.Manufacturer != "Gatehouse (SIMULATED)" {
		t.Errorf("got %+v, want it to say SIMULATED in serial, model and manufacturer", info)
	}
}
