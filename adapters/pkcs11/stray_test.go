package pkcs11_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	raw "github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// halves returns the objects of a CKA_ID by their class, and has nothing remembered of them.
func halves(t *testing.T, tok *pkcs11.Token, id []byte) map[hsm.Class]hsm.Object {
	t.Helper()
	m := map[hsm.Class]hsm.Object{}
	for _, o := range list(t, tok, hsm.Filter{ID: id}) {
		m[o.Class] = o
	}
	return m
}

// TestStrayedChangeIsTakenBack: in the moment of a change the handle gets another
// meaning, for good or for that call alone, so that another key is changed, one
// that is in use. It is made again what it was, and then the change is made.
func TestStrayedChangeIsTakenBack(t *testing.T) {
	renamed, fewer := []byte("renamed"), keys.OpEncrypt
	rsaFewer := keys.OpSign
	for name, c := range map[string]struct {
		tpl    hsm.Template
		class  hsm.Class // of the half that is mistaken
		change hsm.Change
		once   bool
	}{
		"rename, for good":                     {tpl: aesKey, class: hsm.SecretKey, change: hsm.Change{Label: &renamed}},
		"rename, for the call":                 {tpl: aesKey, class: hsm.SecretKey, change: hsm.Change{Label: &renamed}, once: true},
		"rename of a private key":              {tpl: rsa2, class: hsm.PrivateKey, change: hsm.Change{Label: &renamed}},
		"rename of a public half":              {tpl: rsa2, class: hsm.PublicKey, change: hsm.Change{Label: &renamed}},
		"rename of a public half for the call": {tpl: rsa2, class: hsm.PublicKey, change: hsm.Change{Label: &renamed}, once: true},
		"rename of a public EC half":           {tpl: p256, class: hsm.PublicKey, change: hsm.Change{Label: &renamed}},
		"rename of a private EC key":           {tpl: p256, class: hsm.PrivateKey, change: hsm.Change{Label: &renamed}},
		"rename of a private EC key, once":     {tpl: p256, class: hsm.PrivateKey, change: hsm.Change{Label: &renamed}, once: true},
		"permissions":                          {tpl: aesKey, class: hsm.SecretKey, change: hsm.Change{Ops: &fewer}},
		"permissions and rename":               {tpl: aesKey, class: hsm.SecretKey, change: hsm.Change{Ops: &fewer, Label: &renamed}},
		"permissions of a public half":         {tpl: rsa2, class: hsm.PublicKey, change: hsm.Change{Ops: &rsaFewer}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShim(t)
			tok := open(t, s, pkcs11.Options{})
			first, second := twoOf(t, tok, c.tpl)
			use := func(o hsm.Object) {
				t.Helper()
				if c.class == hsm.SecretKey {
					useAll(t, tok, []hsm.Ref{o.Ref()})
					return
				}
				op := operations.Sign{Hash: operations.SHA256, Input: []byte("data")}
				if c.tpl.Type == keys.RSA {
					op.Mode = operations.PKCS1v15
				}
				res, err := tok.Operate(t.Context(), o.Ref(), op)
				if err != nil {
					t.Fatal(err)
				}
				wantByKey(t, o, op, res.Output)
			}
			use(second)
			before := halves(t, tok, second.ID)
			s.swapFrom(handleOf(t, s, c.class, first.ID), handleOf(t, s, c.class, second.ID), setAttributeValue, c.once)
			if err := tok.Update(t.Context(), first.Ref(), c.change); err != nil {
				t.Errorf("got %v, want the change made", err)
			}
			if diff := cmp.Diff(before, halves(t, tok, second.ID)); diff != "" {
				t.Errorf("the other key is not what it was (-before +after):\n%s", diff)
			}
			use(second)
			if c.change.Label != nil {
				first.Label = renamed
			}
			changed := halves(t, tok, first.ID)
			if len(changed) != len(before) {
				t.Errorf("got %d objects of the key, want %d", len(changed), len(before))
			}
			for class, o := range changed {
				if !bytes.Equal(o.Label, first.Label) {
					t.Errorf("got the %s labelled %q, want %q", class, o.Label, first.Label)
				}
				if c.change.Ops != nil && o.Ops&^(*c.change.Ops|keys.OpExport) != 0 {
					t.Errorf("got a %s that may %v, want no more than %v", class, o.Ops, *c.change.Ops)
				}
			}
			if c.change.Ops == nil {
				use(first)
			}
		})
	}
}

// TestStrayedChangeOfAnUnknownKey: of a key that nobody has used or listed, or that
// somebody else has renamed meanwhile, it is not known what it was. It is left as
// it is, and so is everything else.
func TestStrayedChangeOfAnUnknownKey(t *testing.T) {
	for name, known := range map[string]func(*testing.T, *shim, *pkcs11.Token, hsm.Ref){
		"not used": func(*testing.T, *shim, *pkcs11.Token, hsm.Ref) {},
		"beside one with that label": func(t *testing.T, s *shim, tok *pkcs11.Token, _ hsm.Ref) {
			t.Helper()
			h := handleOf(t, s, hsm.SecretKey, []byte("third"))
			inSession(t, s.Token, func(c *raw.Ctx, session raw.SessionHandle) {
				if err := c.SetAttributeValue(session, h, []*raw.Attribute{raw.NewAttribute(raw.CKA_LABEL, []byte("renamed"))}); err != nil {
					t.Fatal(err)
				}
			})
		},
		"used under two labels": func(t *testing.T, s *shim, tok *pkcs11.Token, ref hsm.Ref) {
			t.Helper()
			useAll(t, tok, []hsm.Ref{ref})
			ref.Label = []byte("elsewhere")
			h := handleOf(t, s, ref.Class, ref.ID)
			inSession(t, s.Token, func(c *raw.Ctx, session raw.SessionHandle) {
				if err := c.SetAttributeValue(session, h, []*raw.Attribute{raw.NewAttribute(raw.CKA_LABEL, ref.Label)}); err != nil {
					t.Fatal(err)
				}
			})
			useAll(t, tok, []hsm.Ref{ref})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShim(t)
			tok := open(t, s, pkcs11.Options{})
			first, second := twoOf(t, tok, aesKey)
			third := aesKey
			third.ID, third.Label = []byte("third"), []byte("third")
			used, err := tok.Generate(t.Context(), third)
			if err != nil {
				t.Fatal(err)
			}
			useAll(t, tok, []hsm.Ref{used.Ref()})
			known(t, s, tok, second.Ref())
			before := s.calls(setAttributeValue)
			s.swapFrom(handleOf(t, s, hsm.SecretKey, first.ID), handleOf(t, s, hsm.SecretKey, second.ID), setAttributeValue, false)
			renamed := []byte("renamed")
			if err := tok.Update(t.Context(), first.Ref(), hsm.Change{Label: &renamed}); !errors.Is(err, fault.Unavailable) || errors.Is(err, fault.Untried) {
				t.Errorf("got %v, want it to be noticed, and not told as done or untried", err)
			}
			if got := s.calls(setAttributeValue) - before; got != 1 {
				t.Errorf("got %d changes of attributes, want the one that strayed", got)
			}
			if name == "beside one with that label" {
				used.Label = renamed
			}
			for _, o := range []struct{ id, label []byte }{{first.ID, first.Label}, {second.ID, renamed}, {used.ID, used.Label}} {
				if got := halves(t, tok, o.id)[hsm.SecretKey].Label; !bytes.Equal(got, o.label) {
					t.Errorf("got key %q labelled %q, want %q", o.id, got, o.label)
				}
			}
		})
	}
}
