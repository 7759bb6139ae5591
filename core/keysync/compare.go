package keysync

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

// Difference is how the keys behind one connection of a group differ from what
// they should be: all connections of a group should lead to the same keys.
type Difference struct {
	Missing []Place // keys that the token behind another connection holds, and this one does not
	Other   []Place // places where this token holds another key than it should
}

// Place is where an HSM finds a key.
type Place struct {
	CKAID []byte
	Label []byte
	Type  keys.Type
}

// None reports whether there is no difference.
func (d Difference) None() bool { return len(d.Missing) == 0 && len(d.Other) == 0 }

// String tells the difference in a few words: "3 keys missing, 1 other key".
func (d Difference) String() string {
	count := func(n int, one, many string) string {
		switch n {
		case 0:
			return ""
		case 1:
			return "1 " + one
		default:
			return strconv.Itoa(n) + " " + many
		}
	}
	missing, other := count(len(d.Missing), "key missing", "keys missing"), count(len(d.Other), "other key", "other keys")
	if missing != "" && other != "" {
		return missing + ", " + other
	}
	return missing + other
}

// Compare compares the inventories of the tokens behind a group's connections,
// in order of priority, by public keys and check values, and returns how each
// differs. Which of two keys is the right one the group's known virtual keys
// tell, and for keys that it does not know the first inventory that has one
// there. What a token does not tell is taken to be right.
func Compare(inventories [][]hsm.Object, known []keys.Key) []Difference {
	all := make([]map[string][]Found, len(inventories))
	places := map[string]Place{}
	right := map[string][][]byte{} // fingerprints by place
	whole := map[string]bool{}     // places of keys that are not public keys alone
	for i, inventory := range inventories {
		all[i] = map[string][]Found{}
		var p Plan
		for _, f := range p.pair(inventory) {
			at := f.place()
			all[i][at] = append(all[i][at], f)
			places[at] = Place{f.Pointer.ID, f.Pointer.Label, f.Type}
			whole[place(false, f.Type, f.Pointer)] = whole[place(false, f.Type, f.Pointer)] || !f.PublicOnly
		}
	}
	for _, k := range known {
		if k.Virtual != nil && k.Virtual.MissingSince.IsZero() {
			at := place(k.PublicOnly, k.Type, *k.Virtual)
			right[at] = append(right[at], k.Virtual.Fingerprint)
		}
	}
	for at := range places {
		for i := 0; i < len(all) && len(right[at]) == 0; i++ {
			for _, f := range all[i][at] {
				right[at] = append(right[at], f.Pointer.Fingerprint)
			}
		}
	}
	differences := make([]Difference, len(inventories))
	for at, where := range places {
		if one := all[slices.IndexFunc(all, func(m map[string][]Found) bool { return len(m[at]) > 0 })][at][0]; one.PublicOnly && whole[place(false, one.Type, one.Pointer)] {
			continue // half of a pair that is missing its other half: that is told of the pair
		}
		for i := range all {
			missing, other := lacks(all[i][at], right[at])
			for range missing {
				differences[i].Missing = append(differences[i].Missing, where)
			}
			for range other {
				differences[i].Other = append(differences[i].Other, where)
			}
		}
	}
	for _, d := range differences {
		slices.SortFunc(d.Missing, byPlace)
		slices.SortFunc(d.Other, byPlace)
	}
	return differences
}

// lacks counts what a token does not hold at a place of what it should, and what
// it holds instead.
func lacks(found []Found, right [][]byte) (missing, other int) {
	if len(found) == 0 {
		return len(right), 0
	}
	for _, want := range right {
		if len(want) != 0 && !slices.ContainsFunc(found, func(f Found) bool {
			return len(f.Pointer.Fingerprint) == 0 || bytes.Equal(f.Pointer.Fingerprint, want)
		}) {
			other++
		}
	}
	return 0, other
}

func byPlace(a, b Place) int {
	return cmp.Or(bytes.Compare(a.CKAID, b.CKAID), bytes.Compare(a.Label, b.Label), cmp.Compare(a.Type, b.Type))
}
