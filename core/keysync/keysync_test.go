package keysync_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/keysync"
)

// object draws an object from so small a world that duplicates are common.
func object(t *rapid.T) hsm.Object {
	class := rapid.SampledFrom([]hsm.Class{
		hsm.SecretKey, hsm.SecretKey, hsm.PrivateKey, hsm.PublicKey, hsm.PrivateKey, hsm.PublicKey,
		hsm.Certificate, hsm.Data, hsm.OtherClass,
	}).Draw(t, "class")
	o := hsm.Object{
		Class: class,
		ID:    []byte(rapid.SampledFrom([]string{"", "\x01", "\x02"}).Draw(t, "id")),
		Label: []byte(rapid.SampledFrom([]string{"", "a", "Schlüssel"}).Draw(t, "label")),
		Ops:   keys.Ops(rapid.Uint32Range(0, 1<<12).Draw(t, "ops")),
	}
	switch class {
	case hsm.SecretKey:
		o.Type, o.Size = rapid.SampledFrom([]keys.Type{keys.AES, keys.HMAC, ""}).Draw(t, "type"), 256
		o.CheckValue = []byte(rapid.SampledFrom([]string{"", "k1!", "k2!"}).Draw(t, "check value"))
	case hsm.PrivateKey, hsm.PublicKey:
		o.Type = rapid.SampledFrom([]keys.Type{keys.RSA, keys.EC}).Draw(t, "type")
		material := rapid.SampledFrom([]string{"p1", "p2"}).Draw(t, "material")
		if o.Type == keys.EC {
			o.Curve = keys.P256
		}
		if o.Type == keys.RSA || class == hsm.PublicKey { // a private EC object seldom carries its point
			o.PublicKey = []byte(string(o.Type) + material)
		}
	default: // objects that are no keys have nothing more
	}
	if rapid.IntRange(0, 19).Draw(t, "unreadable") == 0 {
		o.Unreadable = "attributes are sensitive"
	}
	return o
}

// record stores a plan as a sync does, and returns the known keys after it.
func record(p keysync.Plan, known []keys.Key, now time.Time) []keys.Key {
	missing, changed := map[id.Key]bool{}, map[id.Key]keysync.Change{}
	for _, k := range p.Missing {
		missing[k] = true
	}
	for _, c := range p.Changed {
		changed[c.Key] = c
	}
	after := make([]keys.Key, 0, len(known)+len(p.New))
	for _, k := range known {
		if missing[k.ID] {
			k = k.Clone()
			k.Virtual.MissingSince = now
		}
		if c, ok := changed[k.ID]; ok {
			k = c.Apply(k)
		}
		after = append(after, k)
	}
	for _, f := range p.New {
		pointer := f.Pointer
		after = append(after, keys.Key{
			ID:   id.Key(string(rune('A'+len(after))) + string(f.Type)),
			Type: f.Type, Ops: f.Ops, PublicOnly: f.PublicOnly, PublicKey: f.PublicKey, Virtual: &pointer,
		})
	}
	return after
}

// bounds are how many keys an inventory must give at least and may give at most:
// every readable secret and private key, and public keys that no private one took.
func bounds(inventory []hsm.Object) (least, most int) {
	private := 0
	for _, o := range inventory {
		if o.Unreadable != "" || o.Type == "" {
			continue
		}
		switch o.Class {
		case hsm.SecretKey:
			least++
			most++
		case hsm.PrivateKey:
			private++
			most++
		case hsm.PublicKey:
			most++
		default:
		}
	}
	return least + private, most
}

func TestMake(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0).UTC()
	inventory := rapid.SliceOfN(rapid.Custom(object), 0, 14)

	t.Run("a first sync takes in every key and no more", rapid.MakeCheck(func(t *rapid.T) {
		objects := inventory.Draw(t, "inventory")
		p := keysync.Make(objects, nil, groups.Policy{})
		least, most := bounds(objects)
		if got := len(p.New); got < least || got > most {
			t.Errorf("got %d new keys, want %d to %d", got, least, most)
		}
		if len(p.Changed)+len(p.Missing)+p.Unchanged+p.Skipped != 0 {
			t.Errorf("got changes of known keys %+v, want none: none are known", p)
		}
	}))

	t.Run("repeating a sync changes nothing", rapid.MakeCheck(func(t *rapid.T) {
		objects := inventory.Draw(t, "inventory")
		known := record(keysync.Make(objects, nil, groups.Policy{}), nil, now)
		p := keysync.Make(rapid.Permutation(objects).Draw(t, "in another order"), known, groups.Policy{})
		if len(p.New)+len(p.Changed)+len(p.Missing) != 0 || p.Unchanged != len(known) {
			t.Errorf("got %d new, %d changed, %d missing, %d unchanged; want all %d unchanged",
				len(p.New), len(p.Changed), len(p.Missing), p.Unchanged, len(known))
		}
	}))

	t.Run("no known key is ever dropped or doubled", rapid.MakeCheck(func(t *rapid.T) {
		known := record(keysync.Make(inventory.Draw(t, "before"), nil, groups.Policy{}), nil, now)
		after := inventory.Draw(t, "after")
		p := keysync.Make(after, known, groups.Policy{})
		seen := map[id.Key]int{}
		for _, c := range p.Changed {
			seen[c.Key]++
		}
		for _, k := range p.Missing {
			seen[k]++
		}
		for k, n := range seen {
			if n != 1 {
				t.Errorf("got key %q in the plan %d times, want once", k, n)
			}
		}
		if got := len(seen) + p.Unchanged; got != len(known) {
			t.Errorf("got %d known keys accounted for, want %d", got, len(known))
		}
		fresh := keysync.Make(after, nil, groups.Policy{})
		if got, want := len(p.New)+len(known)-len(p.Missing)+p.Halves, len(fresh.New); got != want {
			t.Errorf("got %d keys present after the sync, want the %d that the HSM holds", got, want)
		}
	}))

	t.Run("keys that vanish come back as themselves", rapid.MakeCheck(func(t *rapid.T) {
		objects := inventory.Draw(t, "inventory")
		known := record(keysync.Make(objects, nil, groups.Policy{}), nil, now)
		gone := record(keysync.Make(nil, known, groups.Policy{}), known, now)
		for _, k := range gone {
			if k.Virtual.MissingSince.IsZero() {
				t.Errorf("got key %q present, want it missing from an empty HSM", k.ID)
			}
		}
		back := record(keysync.Make(objects, gone, groups.Policy{}), gone, now)
		if diff := cmp.Diff(known, back, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("keys after they came back (-before +after):\n%s", diff)
		}
	}))

	t.Run("permissions are never taken from the HSM again", rapid.MakeCheck(func(t *rapid.T) {
		objects := inventory.Draw(t, "inventory")
		known := record(keysync.Make(objects, nil, groups.Policy{}), nil, now)
		for i := range objects {
			objects[i].Ops = keys.Ops(rapid.Uint32Range(0, 1<<12).Draw(t, "other ops"))
		}
		after := record(keysync.Make(objects, known, groups.Policy{}), known, now)
		if diff := cmp.Diff(known, after); diff != "" {
			t.Errorf("keys after their permissions changed in the HSM (-before +after):\n%s", diff)
		}
	}))

	t.Run("own keys only takes in nothing and still follows what is known", rapid.MakeCheck(func(t *rapid.T) {
		objects := inventory.Draw(t, "inventory")
		p := keysync.Make(objects, nil, groups.Policy{OwnKeysOnly: true})
		all := keysync.Make(objects, nil, groups.Policy{})
		if len(p.New) != 0 || p.Skipped != len(all.New) {
			t.Errorf("got %d new and %d skipped, want 0 and %d", len(p.New), p.Skipped, len(all.New))
		}
	}))

	t.Run("keys that nothing tells apart are flagged, others are not", rapid.MakeCheck(func(t *rapid.T) {
		p := keysync.Make(inventory.Draw(t, "inventory"), nil, groups.Policy{})
		for i, f := range p.New {
			alike := false
			for j, o := range p.New {
				same := f.Type == o.Type && f.PublicOnly == o.PublicOnly &&
					cmp.Equal(f.Pointer.ID, o.Pointer.ID) && cmp.Equal(f.Pointer.Label, o.Pointer.Label)
				fa, fb := f.Pointer.Fingerprint, o.Pointer.Fingerprint
				alike = alike || i != j && same && (len(fa) == 0 || len(fb) == 0 || cmp.Equal(fa, fb))
			}
			// one nameless key at a place makes all keys there doubtful
			if alike && !f.Pointer.Ambiguous {
				t.Errorf("got key %d not flagged, want it flagged", i)
			}
		}
	}))
}

func TestPairing(t *testing.T) {
	t.Parallel()
	private := hsm.Object{Class: hsm.PrivateKey, Type: keys.EC, Curve: keys.P256, ID: []byte{1}, Label: []byte("tls"), Ops: keys.OpSign}
	public := hsm.Object{
		Class: hsm.PublicKey, Type: keys.EC, Curve: keys.P256, ID: []byte{1}, Label: []byte("tls"), Ops: keys.OpVerify, PublicKey: []byte("spki"),
	}
	other := public
	other.Label, other.PublicKey = []byte("other"), []byte("spki 2")

	t.Run("both halves make one key", func(t *testing.T) {
		t.Parallel()
		p := keysync.Make([]hsm.Object{public, private}, nil, groups.Policy{})
		want := []keysync.Found{{
			Type: keys.EC, Curve: keys.P256, Ops: keys.OpSign | keys.OpVerify | keys.OpAppManageable, PublicKey: []byte("spki"),
			Pointer: keys.Pointer{ID: []byte{1}, Label: []byte("tls"), Fingerprint: public.Fingerprint()},
		}}
		if diff := cmp.Diff(want, p.New); diff != "" {
			t.Errorf("new keys (-want +got):\n%s", diff)
		}
	})
	t.Run("the half with the same label wins", func(t *testing.T) {
		t.Parallel()
		p := keysync.Make([]hsm.Object{other, public, private}, nil, groups.Policy{})
		if len(p.New) != 2 || string(p.New[1].PublicKey) != "spki" || p.New[1].PublicOnly || !p.New[0].PublicOnly {
			t.Errorf("got %+v, want the pair and the other public key alone", p.New)
		}
	})
	t.Run("doubtful halves stay apart", func(t *testing.T) {
		t.Parallel()
		twin := public
		twin.PublicKey = []byte("spki 3")
		p := keysync.Make([]hsm.Object{public, twin, private}, nil, groups.Policy{})
		if len(p.New) != 3 || len(p.Warnings) == 0 {
			t.Errorf("got %d keys and %d warnings, want 3 keys and a warning", len(p.New), len(p.Warnings))
		}
	})
	t.Run("another key in the same place is noticed", func(t *testing.T) {
		t.Parallel()
		known := record(keysync.Make([]hsm.Object{public, private}, nil, groups.Policy{}), nil, time.Time{})
		swapped := public
		swapped.PublicKey = []byte("another key")
		p := keysync.Make([]hsm.Object{swapped, private}, known, groups.Policy{})
		if len(p.Missing) != 1 || len(p.New) != 1 || len(p.Warnings) != 1 || p.Warnings[0].Key != known[0].ID {
			t.Errorf("got %+v, want the known key missing, the other new, and a warning that names the known key", p)
		}
	})
	t.Run("a renamed key is still the same", func(t *testing.T) {
		t.Parallel()
		known := record(keysync.Make([]hsm.Object{public, private}, nil, groups.Policy{}), nil, time.Time{})
		a, b := public, private
		a.Label, b.Label = []byte("renamed"), []byte("renamed")
		p := keysync.Make([]hsm.Object{a, b}, known, groups.Policy{})
		if len(p.New)+len(p.Missing) != 0 || len(p.Changed) != 1 || string(p.Changed[0].Pointer.Label) != "renamed" {
			t.Errorf("got %+v, want one changed key", p)
		}
	})
}

func TestName(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		label, id string
		taken     []string
		want      string
	}{
		"the label":                  {"payments", "\x01", nil, "payments"},
		"umlauts stay":               {"Schlüssel für Löhne", "\x01", nil, "Schlüssel für Löhne"},
		"padding goes":               {"tls   \x00\x00", "\x01", nil, "tls"},
		"a taken name gets a number": {"tls", "\x01", []string{"tls", "tls (2)"}, "tls (3)"},
		"no label: the id":           {"", "\xca\xfe", nil, "id-cafe"},
		"an unreadable label":        {"\xff\xfe", "\xca\xfe", nil, "id-cafe"},
		"control characters":         {"a\nb", "\x02", nil, "id-02"},
		"neither":                    {"", "", nil, "unnamed AES"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := keysync.Found{Type: keys.AES, Pointer: keys.Pointer{ID: []byte(tc.id), Label: []byte(tc.label)}}
			got := f.Name(func(n string) bool {
				for _, taken := range tc.taken {
					if n == taken {
						return true
					}
				}
				return false
			})
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
