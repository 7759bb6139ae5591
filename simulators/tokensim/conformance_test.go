package tokensim_test

import (
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
	"gatehouse/ports/token/tokentest"
	"gatehouse/simulators/tokensim"
)

func TestConformance(t *testing.T) {
	slot := tokensim.New(tokensim.Options{PIN: secret.FromString("1234"), Label: "simulated"})
	tokentest.Run(t, harness(slot))
	for _, m := range slot.Misuse() {
		switch m.Kind {
		case tokensim.UseAfterClose, tokensim.DoubleDestroy: // the suite does so on purpose
		default:
			t.Errorf("misuse: %s: %s", m.Kind, m.Detail)
		}
	}
	if left := slot.Clear(); len(left) != 0 {
		t.Errorf("%d faults were set and did not act", len(left))
	}
}

// refuses is what the simulator does not model.
var refuses = []string{
	"generate EC SecP256K1", "encrypt AES CCM", "mac AES CMAC", "mac DES3 CMAC",
}

func harness(slot *tokensim.Slot) tokentest.Harness {
	open := func(t *testing.T, pin string) (token.Token, error) {
		tok, err := slot.Open(t.Context(), secret.FromString(pin))
		if err != nil {
			return nil, err
		}
		return tok, nil
	}
	return tokentest.Harness{
		Refuses: refuses,
		Open: func(t *testing.T) token.Token {
			tok, err := open(t, "1234")
			if err != nil {
				t.Fatal(err)
			}
			return tok
		},
		OpenWrongPIN: func(t *testing.T) (token.Token, error) { return open(t, "4321") },
		Foreign: &tokentest.Foreign{
			Create: func(t *testing.T, objects ...tokentest.ForeignObject) { add(t, slot, objects) },
			Remove: func(t *testing.T, class hsm.Class, id []byte) { slot.Remove(class, id) },
		},
		Reinitialise: func(*testing.T) { slot.DropLogins() },
		Swap:         func(*testing.T) { slot.Swap() },
		FailApplied: func(_ *testing.T, c tokentest.Call) {
			slot.Fail(tokensim.Fault{Call: tokensim.Call(c), Apply: true, Err: fault.New(fault.Unavailable, "no answer")})
		},
		Hang: func(t *testing.T, c tokentest.Call) (<-chan struct{}, func()) {
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

func add(t *testing.T, slot *tokensim.Slot, objects []tokentest.ForeignObject) {
	t.Helper()
	for _, o := range objects {
		var m secret.Value
		if o.Class == hsm.SecretKey || o.Class == hsm.PrivateKey || o.Class == hsm.PublicKey {
			m = secret.New(o.Value)
		}
		if err := slot.Add(hsm.Object{Class: o.Class, Type: o.Type, Curve: o.Curve, ID: o.ID, Label: o.Label, Ops: o.Ops}, m); err != nil {
			t.Fatal(err)
		}
	}
}
