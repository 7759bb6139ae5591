// Package tokensimtest runs the conformance suite of ports/token over a
// simulated slot: for the simulator itself, and for every implementation that
// puts something between its user and a Token (a gateway, a lease). Such an
// implementation is thereby tried with all that the simulator can do to it:
// foreign objects, lost logins, swapped tokens, hangs, calls that were carried
// out and reported as failed.
//
// Tests use it. One run at a time per slot.
package tokensimtest

import (
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
	"gatehouse/ports/token/tokentest"
	"gatehouse/simulators/tokensim"
)

// PIN is the PIN that the slot of Run has.
const PIN = "1234"

// Open opens the slot through the implementation under test, with a PIN that
// may be wrong.
type Open func(t *testing.T, slot *tokensim.Slot, pin secret.Value) (token.Token, error)

// Refuses are the cases of the suite that the simulator does not model.
func Refuses() []string {
	return []string{
		"generate EC SecP256K1", "encrypt AES CCM", "mac AES CMAC", "mac DES3 CMAC",
		"wrap AES CCM", "agree EC NistP224",
	}
}

// Run runs the suite over a new slot, and then asks the slot for misuse.
func Run(t *testing.T, open Open) {
	t.Helper()
	slot := tokensim.New(tokensim.Options{PIN: secret.FromString(PIN), Label: "simulated"})
	tokentest.Run(t, Harness(slot, open))
	Check(t, slot)
}

// Check fails t for misuse that the suite does not commit on purpose, and for
// faults that did not act.
func Check(t *testing.T, slot *tokensim.Slot) {
	t.Helper()
	for _, m := range slot.Misuse() {
		switch m.Kind {
		case tokensim.UseAfterClose, tokensim.DoubleDestroy: // the suite does both, to see the answer
		default:
			t.Errorf("misuse: %s: %s", m.Kind, m.Detail)
		}
	}
	if left := slot.Clear(); len(left) != 0 {
		t.Errorf("%d faults were set and did not act", len(left))
	}
}

// Harness returns a harness with every hook, for a slot whose PIN is PIN.
func Harness(slot *tokensim.Slot, open Open) tokentest.Harness {
	return tokentest.Harness{
		Refuses: Refuses(),
		Open: func(t *testing.T) token.Token {
			t.Helper()
			tok, err := open(t, slot, secret.FromString(PIN))
			if err != nil {
				t.Fatal(err)
			}
			return tok
		},
		OpenWrongPIN: func(t *testing.T) (token.Token, error) {
			t.Helper()
			return open(t, slot, secret.FromString("not "+PIN))
		},
		Foreign: &tokentest.Foreign{
			Create: func(t *testing.T, objects ...tokentest.ForeignObject) {
				t.Helper()
				for _, o := range objects {
					add(t, slot, o)
				}
			},
			Remove: func(_ *testing.T, class hsm.Class, id []byte) { slot.Remove(class, id) },
		},
		Reinitialise: func(*testing.T) { slot.DropLogins() },
		Swap:         func(*testing.T) { slot.Swap() },
		FailApplied: func(_ *testing.T, c tokentest.Call) {
			slot.Fail(tokensim.Fault{Call: tokensim.Call(c), Apply: true, Err: fault.New(fault.Unavailable, "no answer")})
		},
		Hang: func(t *testing.T, c tokentest.Call) (<-chan struct{}, func()) {
			t.Helper()
			slot.Fail(tokensim.Fault{Call: tokensim.Call(c), Hang: true})
			reached, ctx := make(chan struct{}), t.Context()
			go func() {
				if slot.AwaitHanging(ctx, tokensim.Call(c), 1) == nil {
					close(reached)
				}
			}()
			return reached, slot.Release
		},
	}
}

func add(t *testing.T, slot *tokensim.Slot, o tokentest.ForeignObject) {
	t.Helper()
	var material secret.Value
	switch o.Class {
	case hsm.SecretKey, hsm.PrivateKey, hsm.PublicKey:
		material = secret.New(o.Value)
	default: // the simulator keeps no values of other objects
	}
	if err := slot.Add(hsm.Object{Class: o.Class, Type: o.Type, Curve: o.Curve, ID: o.ID, Label: o.Label, Ops: o.Ops}, material); err != nil {
		t.Fatal(err)
	}
}
