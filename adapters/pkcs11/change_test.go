package pkcs11_test

import (
	"errors"
	"testing"

	raw "github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11"
	"gatehouse/core/fault"
	"gatehouse/core/healing"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
)

// TestUnexplainedCreation: that a token makes no key and does not say why, while it
// does other work well, is no error of ours, and nothing to be healed.
func TestUnexplainedCreation(t *testing.T) {
	for name, c := range map[string]struct {
		function int
		do       func(*pkcs11.Token) error
	}{
		"generate": {generateKey, func(tok *pkcs11.Token) error { _, err := tok.Generate(t.Context(), aesKey); return err }},
		"import": {createObject, func(tok *pkcs11.Token) error {
			_, err := tok.Import(t.Context(), aesKey, secret.New(make([]byte, 32)))
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShim(t)
			tok := open(t, s, pkcs11.Options{})
			s.tell(c.function, failAfter, 1, raw.CKR_GENERAL_ERROR)
			if err := c.do(tok); !errors.Is(err, fault.Unavailable) || healing.First(err) != healing.None || errors.Is(err, fault.Untried) {
				t.Errorf("got %v, want unavailable, nothing healed, and not that nothing was tried", err)
			}
			if left := list(t, tok, hsm.Filter{}); len(left) != 0 {
				t.Errorf("%d objects are left, want none", len(left))
			}
			if err := c.do(tok); err != nil {
				t.Errorf("once more: %v", err)
			}
		})
	}
}

// TestUnclearRefusalOfAChange: a request to rename or destroy a key holds
// nothing that a token could find wrong, so that a refusal without a reason is
// the token's failure, and whether it was carried out is not known.
func TestUnclearRefusalOfAChange(t *testing.T) {
	label := []byte("renamed")
	for name, c := range map[string]struct {
		function int
		do       func(*pkcs11.Token, hsm.Ref) error
	}{
		"rename":  {setAttributeValue, func(tok *pkcs11.Token, r hsm.Ref) error { return tok.Update(t.Context(), r, hsm.Change{Label: &label}) }},
		"destroy": {destroyObject, func(tok *pkcs11.Token, r hsm.Ref) error { return tok.Destroy(t.Context(), r) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShim(t)
			tok := open(t, s, pkcs11.Options{})
			o, err := tok.Generate(t.Context(), aesKey)
			if err != nil {
				t.Fatal(err)
			}
			s.tell(c.function, fail, always, raw.CKR_GENERAL_ERROR)
			if err := c.do(tok, o.Ref()); !errors.Is(err, fault.Unavailable) || errors.Is(err, fault.Untried) {
				t.Errorf("got %v, want unavailable, and not that nothing was tried", err)
			}
		})
	}
}
