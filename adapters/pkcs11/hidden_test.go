package pkcs11_test

import (
	"errors"
	"fmt"
	"testing"

	"gatehouse/adapters/pkcs11"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

// seeds are how often each test below has attributes fail at random.
const seeds = 60

func hide(seed int) string {
	return fmt.Sprintf("C_GetAttributeValue probability 0.4 seed %d -> return CKR_FUNCTION_FAILED", seed+1)
}

// TestAttributesNotShown: what a token does not show of a key for a moment is not
// taken for what the key has not, and not remembered.
func TestAttributesNotShown(t *testing.T) {
	in, tok := injected(t)
	o, err := tok.Generate(t.Context(), hsm.Template{Type: keys.EC, Curve: keys.P256, ID: []byte("curve"), Ops: keys.OpSign | keys.OpVerify})
	if err != nil {
		t.Fatal(err)
	}
	label := []byte("renamed")
	for name, do := range map[string]func(*pkcs11.Token) error{
		"sign":   func(tok *pkcs11.Token) error { _, err := tok.Operate(t.Context(), o.Ref(), signData); return err },
		"rename": func(tok *pkcs11.Token) error { return tok.Update(t.Context(), o.Ref(), hsm.Change{Label: &o.Label}) },
		"generate": func(tok *pkcs11.Token) error {
			_, err := tok.Generate(t.Context(), hsm.Template{Type: keys.EC, Curve: keys.P256, ID: o.ID, Label: label, Ops: keys.OpSign})
			if errors.Is(err, fault.Conflict) {
				return nil
			}
			return errors.Join(errors.New("another key of the same CKA_ID"), err)
		},
	} {
		done := 0
		for seed := range seeds {
			if err := tok.Update(t.Context(), o.Ref(), hsm.Change{Label: &o.Label}); err != nil { // forgets where the key is
				t.Fatal(err)
			}
			inject(t, in, hide(seed))
			if err := do(tok); err == nil {
				done++
			} else if !errors.Is(err, fault.Unavailable) {
				t.Errorf("%s, seed %d: got %v, want unavailable", name, seed+1, err)
			}
			inject(t, in)
			wantWorking(t, tok, o.Ref())
		}
		if done == 0 || done == seeds {
			t.Errorf("%s was done %d times of %d: the faults are too few or too many", name, done, seeds)
		}
	}
	if left := list(t, tok, hsm.Filter{}); len(left) != 2 {
		t.Errorf("got %d objects, want the two of the key", len(left))
	}
}

// TestUsesNotShown: a use that is withdrawn is gone when that was told, also when it
// could not be read before.
func TestUsesNotShown(t *testing.T) {
	in, tok := injected(t)
	o, err := tok.Generate(t.Context(), aesKey)
	if err != nil {
		t.Fatal(err)
	}
	all, less, done := o.Ops, o.Ops&^keys.OpDecrypt, 0
	for seed := range seeds {
		inject(t, in, hide(seed))
		err := tok.Update(t.Context(), o.Ref(), hsm.Change{Ops: &less})
		inject(t, in)
		switch got := list(t, tok, hsm.Filter{})[0].Ops; {
		case err == nil && got != less:
			t.Errorf("seed %d: got %v, want %v", seed+1, got, less)
		case err == nil:
			done++
		case !errors.Is(err, fault.Unavailable):
			t.Errorf("seed %d: got %v, want unavailable", seed+1, err)
		}
		if err := tok.Update(t.Context(), o.Ref(), hsm.Change{Ops: &all}); err != nil {
			t.Fatal(err)
		}
	}
	if done == 0 || done == seeds {
		t.Errorf("done %d times of %d: the faults are too few or too many", done, seeds)
	}
}
