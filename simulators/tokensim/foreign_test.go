package tokensim_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/simulators/tokensim"
)

// Objects that other applications leave are shown exactly as they are.
func TestForeignObjectsAreShownAsTheyAre(t *testing.T) {
	estate := []hsm.Object{
		{Class: hsm.Certificate, ID: []byte("1"), Label: []byte("certificate")},
		{Class: hsm.Data, Label: []byte("data")},
		{Class: hsm.OtherClass},
		{Class: hsm.SecretKey, KeyType: 0x8000_0001, ID: []byte("1"), Label: []byte("vendor's own")},
		{Class: hsm.SecretKey, KeyType: 0x1f, Type: keys.AES, Size: 256, Unreadable: "CKA_LABEL: sensitive"},
		{Class: hsm.PublicKey, KeyType: 0x03, Type: keys.EC, ID: []byte("1"), PublicKey: []byte("no curve of ours")},
		{Class: hsm.SecretKey, KeyType: 0x1f, Type: keys.AES, Size: 128, ID: []byte("twin"), Label: []byte{0xff, 0}},
		{Class: hsm.SecretKey, KeyType: 0x1f, Type: keys.AES, Size: 128, ID: []byte("twin"), Label: []byte{0xff, 0}},
	}
	s := newSlot(t, tokensim.Options{})
	for _, o := range estate {
		is(t, s.Add(o, secret.Value{}))
	}
	tok := open(t, s)
	var got []hsm.Object
	is(t, tok.Inventory(t.Context(), hsm.Filter{}, func(o hsm.Object) error {
		got = append(got, o)
		return nil
	}))
	if diff := cmp.Diff(estate, got); diff != "" {
		t.Errorf("inventory differs from the estate (-want +got):\n%s", diff)
	}
	is(t, encrypt(t.Context(), tok, estate[6]), fault.Conflict)
	is(t, encrypt(t.Context(), tok, estate[4]), fault.Unsupported) // without material it cannot be used
	if n := s.Remove(hsm.SecretKey, []byte("twin")); n != 2 {
		t.Errorf("removed %d objects, want both twins", n)
	}
	is(t, encrypt(t.Context(), tok, estate[6]), fault.NotFound)
}

func TestForeignKeyIsDescribedByItsMaterial(t *testing.T) {
	s := newSlot(t, tokensim.Options{})
	o := hsm.Object{Class: hsm.SecretKey, Type: keys.AES, ID: []byte("1"), Ops: keys.OpEncrypt}
	is(t, s.Add(o, secret.New(make([]byte, 16))))
	tok := open(t, s)
	is(t, encrypt(t.Context(), tok, o))
	want := o
	want.Size, want.KeyType, want.CheckValue = 128, 0x1f, []byte{0x66, 0xe9, 0x4b} // FIPS 197: AES of zeros
	if diff := cmp.Diff([]hsm.Object{want}, s.Objects()); diff != "" {
		t.Errorf("object differs (-want +got):\n%s", diff)
	}
	is(t, s.Add(o, secret.New(make([]byte, 17))), fault.Invalid)
}

func TestCallersCannotChangeTheToken(t *testing.T) {
	s := newSlot(t, tokensim.Options{})
	tok := open(t, s)
	tpl := template("1")
	made, err := tok.Generate(t.Context(), tpl)
	is(t, err)
	want := s.Objects()
	clear(tpl.ID)
	clear(made.Label)
	is(t, tok.Inventory(t.Context(), hsm.Filter{}, func(o hsm.Object) error {
		clear(o.ID)
		clear(o.CheckValue)
		return nil
	}))
	if got := s.Objects(); !cmp.Equal(want, got) || bytes.Equal(got[0].ID, tpl.ID) {
		t.Errorf("the object in the token is now %+v, want %+v", got, want)
	}
}
