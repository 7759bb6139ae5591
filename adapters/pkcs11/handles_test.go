package pkcs11_test

import (
	"fmt"
	"strings"
	"testing"

	raw "github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
)

// longLabel is longer than what is usually read at once.
var longLabel = strings.Repeat("long ", 400) + "label"

func verifyData(sig []byte) operations.Verify {
	return operations.Verify{Hash: signData.Hash, Input: signData.Input, Signature: sig}
}

// aesKeys makes n keys and returns how they are found.
func aesKeys(t *testing.T, tok *pkcs11.Token, n int) []hsm.Ref {
	t.Helper()
	refs := make([]hsm.Ref, n)
	for i := range refs {
		tpl := aesKey
		tpl.ID = fmt.Appendf(nil, "key %d", i)
		o, err := tok.Generate(t.Context(), tpl)
		if err != nil {
			t.Fatal(err)
		}
		refs[i] = o.Ref()
	}
	return refs
}

func useAll(t *testing.T, tok *pkcs11.Token, refs []hsm.Ref) {
	t.Helper()
	for _, ref := range refs {
		if _, err := tok.Operate(t.Context(), ref, encryptData); err != nil {
			t.Errorf("key %q: %v", ref.ID, err)
		}
	}
}

// TestWarmCallsDoNotSearch: a search is a scan of the whole token on some, so
// that a key is searched for once.
func TestWarmCallsDoNotSearch(t *testing.T) {
	for name, warm := range map[string]func(*testing.T, *pkcs11.Token, []hsm.Ref){
		"after use":       useAll,
		"after inventory": func(t *testing.T, tok *pkcs11.Token, _ []hsm.Ref) { t.Helper(); list(t, tok, hsm.Filter{}) },
		"after many searches": func(t *testing.T, tok *pkcs11.Token, refs []hsm.Ref) {
			t.Helper()
			useAll(t, tok, refs[:8]) // the eighth reads everything
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShim(t)
			tok := open(t, s, pkcs11.Options{})
			refs := aesKeys(t, tok, 12)
			warm(t, tok, refs)
			s.tell(findObjectsInit, fail, always, raw.CKR_DEVICE_ERROR)
			useAll(t, tok, refs)
			s.tell(findObjectsInit, pass, 0, 0)
		})
	}
}

// TestPairsAreWarmAfterAnInventory: both halves are found without a search.
func TestPairsAreWarmAfterAnInventory(t *testing.T) {
	s, tok, o := failing(t)
	list(t, tok, hsm.Filter{})
	s.tell(findObjectsInit, fail, always, raw.CKR_DEVICE_ERROR)
	defer s.tell(findObjectsInit, pass, 0, 0)
	res, err := tok.Operate(t.Context(), o.Ref(), signData)
	if err != nil {
		t.Fatal(err)
	}
	got, err := tok.Operate(t.Context(), o.Ref(), verifyData(res.Output))
	if err != nil || !got.Valid {
		t.Errorf("got %+v and %v, want a valid signature", got, err)
	}
}

// TestFewHandles: what does not fit is searched for again.
func TestFewHandles(t *testing.T) {
	s := newShim(t)
	tok := open(t, s, pkcs11.Options{Handles: 4})
	refs := aesKeys(t, tok, 6)
	for range 3 {
		useAll(t, tok, refs)
	}
}

// TestRenamedKeyIsNotFoundByItsOldLabel: nothing remembered outlives a change.
func TestRenamedKeyIsNotFoundByItsOldLabel(t *testing.T) {
	s := newShim(t)
	tok := open(t, s, pkcs11.Options{})
	refs := aesKeys(t, tok, 1)
	useAll(t, tok, refs)
	renamed := []byte("renamed")
	if err := tok.Update(t.Context(), refs[0], hsm.Change{Label: &renamed}); err != nil {
		t.Fatal(err)
	}
	if _, err := tok.Operate(t.Context(), refs[0], encryptData); err == nil {
		t.Error("the key still answers to its old label")
	}
	refs[0].Label = renamed
	useAll(t, tok, refs)
}

// TestForeignEstate: an estate as people leave it is listed whole.
func TestForeignEstate(t *testing.T) {
	st := softHSM(t)
	m := load(t, st, pkcs11.Options{})
	tok, err := m.Open(t.Context(), st.Slot, secret.FromString(st.PIN))
	if err != nil {
		t.Fatal(err)
	}
	inSession(t, st, func(c *raw.Ctx, s raw.SessionHandle) {
		for _, template := range [][]*raw.Attribute{
			{ // a label longer than any room, padded
				raw.NewAttribute(raw.CKA_CLASS, raw.CKO_SECRET_KEY), raw.NewAttribute(raw.CKA_KEY_TYPE, raw.CKK_AES),
				raw.NewAttribute(raw.CKA_LABEL, fmt.Sprintf("%-5000s", longLabel)), raw.NewAttribute(raw.CKA_VALUE, make([]byte, 16)),
			},
			{ // a generic secret that makes no MACs
				raw.NewAttribute(raw.CKA_CLASS, raw.CKO_SECRET_KEY), raw.NewAttribute(raw.CKA_KEY_TYPE, raw.CKK_GENERIC_SECRET),
				raw.NewAttribute(raw.CKA_SIGN, false), raw.NewAttribute(raw.CKA_VERIFY, false), raw.NewAttribute(raw.CKA_VALUE, make([]byte, 20)),
			},
			{ // two keys in one
				raw.NewAttribute(raw.CKA_CLASS, raw.CKO_SECRET_KEY), raw.NewAttribute(raw.CKA_KEY_TYPE, raw.CKK_DES2),
				raw.NewAttribute(raw.CKA_VALUE, make([]byte, 16)),
			},
			{ // a type of key that Gatehouse does not hold
				raw.NewAttribute(raw.CKA_CLASS, raw.CKO_SECRET_KEY), raw.NewAttribute(raw.CKA_KEY_TYPE, raw.CKK_DES),
				raw.NewAttribute(raw.CKA_VALUE, make([]byte, 8)),
			},
		} {
			template = append(template, raw.NewAttribute(raw.CKA_TOKEN, true), raw.NewAttribute(raw.CKA_PRIVATE, true))
			if _, err := c.CreateObject(s, template); err != nil {
				t.Fatal(err)
			}
		}
	})
	type brief struct {
		typ  keys.Type
		size int
	}
	want := map[brief]bool{{keys.AES, 128}: true, {keys.Secret, 160}: true, {keys.DES3, 112}: true, {"", 0}: true}
	for _, o := range list(t, tok, hsm.Filter{}) {
		b := brief{o.Type, o.Size}
		if !want[b] || o.Unreadable != "" {
			t.Errorf("unexpected object %+v", o)
		}
		delete(want, b)
		if o.Type == keys.AES && string(o.Label) != longLabel {
			t.Errorf("got a label of %d bytes, want it whole and without padding", len(o.Label))
		}
	}
	for b := range want {
		t.Errorf("no object of type %q and %d bits", b.typ, b.size)
	}
}
