package tokensim_test

import (
	"context"
	"testing"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/simulators/tokensim"
)

func TestSessionsRunOut(t *testing.T) {
	s := newSlot(t, tokensim.Options{Sessions: 1})
	tok := open(t, s)
	o := generate(t, tok, "1")
	s.Fail(tokensim.Fault{Call: tokensim.Check, Hang: true})
	result := make(chan error, 1)
	go func() {
		_, err := tok.Check(t.Context())
		result <- err
	}()
	is(t, s.AwaitHanging(t.Context(), tokensim.Check, 1))
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	is(t, encrypt(ctx, tok, o), fault.Unavailable, fault.TimedOut)
	s.Release()
	is(t, <-result)
	is(t, encrypt(t.Context(), tok, o))
}

func TestDelays(t *testing.T) {
	var slept []time.Duration
	s := newSlot(t, tokensim.Options{
		Delays: map[tokensim.Call]time.Duration{tokensim.Operate: time.Second, tokensim.Open: time.Minute},
		Sleep: func(_ context.Context, d time.Duration) error {
			slept = append(slept, d)
			return nil
		},
	})
	tok := open(t, s)
	is(t, encrypt(t.Context(), tok, generate(t, tok, "1")))
	if len(slept) != 2 || slept[0] != time.Minute || slept[1] != time.Second {
		t.Errorf("got waits %v, want a minute and a second", slept)
	}
}

func TestDelayEndsWithTheContext(t *testing.T) {
	s := newSlot(t, tokensim.Options{Delays: map[tokensim.Call]time.Duration{tokensim.Operate: time.Hour}})
	tok := open(t, s)
	o := generate(t, tok, "1")
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	is(t, encrypt(ctx, tok, o), fault.TimedOut, context.DeadlineExceeded)
}

func TestPoorToken(t *testing.T) {
	s := newSlot(t, tokensim.Options{NoCheckValues: true, Capabilities: &hsm.Capabilities{
		Generate:   []hsm.GenerateCapability{{Type: keys.AES, MinBits: 256, MaxBits: 256}},
		Mechanisms: []hsm.Mechanism{{Operation: "encrypt", Type: keys.AES, Mode: operations.GCM}},
	}})
	tok := open(t, s)
	o := generate(t, tok, "1")
	if o.Fingerprint() != nil {
		t.Errorf("got fingerprint %x of a token that has no check values", o.Fingerprint())
	}
	is(t, encrypt(t.Context(), tok, o))
	_, err := tok.Operate(t.Context(), o.Ref(), operations.Encrypt{Mode: operations.CBC})
	is(t, err, fault.Unsupported)
	small := template("2")
	small.Size = 128
	_, err = tok.Generate(t.Context(), small)
	is(t, err, fault.Unsupported)
}

// Making a key may take long and cannot be stopped: the caller is answered when
// its context ends, and the key appears later.
func TestGenerateOutlivesItsCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := newSlot(t, tokensim.Options{
		Delays: map[tokensim.Call]time.Duration{tokensim.Generate: time.Second},
		Sleep: func(context.Context, time.Duration) error {
			cancel() // when the call is already on its way
			return nil
		},
	})
	tok, err := s.Open(t.Context(), pin)
	is(t, err)
	_, err = tok.Generate(ctx, hsm.Template{ID: []byte("1"), Type: keys.RSA, Size: 3072})
	is(t, err, fault.Unavailable, fault.TimedOut)
	is(t, tok.Close()) // waits for it
	if n := len(s.Objects()); n != 2 {
		t.Errorf("got %d objects in the token, want both halves", n)
	}
}
