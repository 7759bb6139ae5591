package keysync_test

import (
	"testing"

	"pgregory.net/rapid"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/keysync"
)

// aes is a secret key as an inventory shows it.
func aes(id byte, kcv string) hsm.Object {
	return hsm.Object{Class: hsm.SecretKey, Type: keys.AES, ID: []byte{id}, Label: []byte("k"), Size: 256, CheckValue: []byte(kcv)}
}

// half is a half of a pair.
func half(class hsm.Class, id byte, public string) hsm.Object {
	return hsm.Object{Class: class, Type: keys.EC, Curve: keys.P256, ID: []byte{id}, Label: []byte("p"), PublicKey: []byte(public)}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	known := keys.Key{Type: keys.AES, Virtual: &keys.Pointer{ID: []byte{1}, Label: []byte("k"), Fingerprint: []byte("abc")}}
	gone := known.Clone()
	gone.Virtual.MissingSince = gone.Virtual.MissingSince.AddDate(2026, 0, 0)
	for what, c := range map[string]struct {
		inventories [][]hsm.Object
		known       []keys.Key
		want        []string
	}{
		"the same keys":                 {[][]hsm.Object{{aes(1, "abc"), aes(2, "def")}, {aes(2, "def"), aes(1, "abc")}}, nil, []string{"", ""}},
		"a key is missing":              {[][]hsm.Object{{aes(1, "abc"), aes(2, "def")}, {aes(1, "abc")}}, nil, []string{"", "1 key missing"}},
		"the preferred one lacks a key": {[][]hsm.Object{{aes(1, "abc")}, {aes(1, "abc"), aes(2, "def")}}, nil, []string{"1 key missing", ""}},
		"one is empty":                  {[][]hsm.Object{{aes(1, "abc"), aes(2, "def"), aes(3, "ghi")}, {}}, nil, []string{"", "3 keys missing"}},
		"another key is in its place":   {[][]hsm.Object{{aes(1, "abc")}, {aes(1, "xyz")}}, nil, []string{"", "1 other key"}},
		"both":                          {[][]hsm.Object{{aes(1, "abc"), aes(2, "def")}, {aes(1, "xyz")}}, nil, []string{"", "1 key missing, 1 other key"}},
		"the group knows which is right": {
			[][]hsm.Object{{aes(1, "xyz")}, {aes(1, "abc")}}, []keys.Key{known}, []string{"1 other key", ""},
		},
		"the group knows it as missing": {
			[][]hsm.Object{{aes(1, "xyz")}, {aes(1, "abc")}}, []keys.Key{gone}, []string{"", "1 other key"},
		},
		"a token that tells no check values": {[][]hsm.Object{{aes(1, "abc")}, {aes(1, "")}}, nil, []string{"", ""}},
		"half of a pair is missing": {
			[][]hsm.Object{{half(hsm.PrivateKey, 1, "x"), half(hsm.PublicKey, 1, "x")}, {half(hsm.PublicKey, 1, "x")}}, nil, []string{"", "1 key missing"},
		},
		"other halves": {
			[][]hsm.Object{
				{half(hsm.PrivateKey, 1, "x"), half(hsm.PublicKey, 1, "x")}, {half(hsm.PrivateKey, 1, "y"), half(hsm.PublicKey, 1, "y")},
			}, nil, []string{"", "1 other key"},
		},
		"three": {[][]hsm.Object{{aes(1, "abc")}, {aes(1, "abc")}, {aes(1, "xyz")}}, nil, []string{"", "", "1 other key"}},
		"none":  {nil, nil, nil},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			got := keysync.Compare(c.inventories, c.known)
			if len(got) != len(c.want) {
				t.Fatalf("got %d differences, want %d", len(got), len(c.want))
			}
			for i, d := range got {
				if d.String() != c.want[i] || d.None() != (c.want[i] == "") {
					t.Errorf("number %d: got %q, want %q", i, d, c.want[i])
				}
			}
		})
	}
}

// Equal inventories never differ, and taking one key away shows exactly that.
func TestCompareProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfNDistinct(rapid.Byte(), 1, 20, rapid.ID).Draw(t, "ids")
		var all []hsm.Object
		for _, id := range ids {
			all = append(all, aes(id, rapid.StringN(0, 3, 3).Draw(t, "check value")))
		}
		for _, d := range keysync.Compare([][]hsm.Object{all, rapid.Permutation(all).Draw(t, "order")}, nil) {
			if !d.None() {
				t.Fatalf("equal inventories: got %q", d)
			}
		}
		got := keysync.Compare([][]hsm.Object{all, all[1:]}, nil)
		if !got[0].None() || got[1].String() != "1 key missing" || got[1].Missing[0].CKAID[0] != ids[0] {
			t.Fatalf("without the first key: got %q and %q", got[0], got[1])
		}
	})
}
