package keysync

import (
	"bytes"
	"slices"

	"gatehouse/core/hsm"
)

// bucket holds the private and public halves of one type and CKA_ID, as
// indexes into the inventory.
type bucket struct {
	objects           []hsm.Object
	privates, publics []int
}

func (b *bucket) add(i int) {
	if b.objects[i].Class == hsm.PrivateKey {
		b.privates = append(b.privates, i)
	} else {
		b.publics = append(b.publics, i)
	}
}

// pairs returns which public half belongs to which private one. It goes from
// the surest rule to the least sure and, where a private half does not tell its
// public key, pairs only what leaves no choice, so that the order of an
// inventory makes no difference.
func (b *bucket) pairs() map[int]int {
	byLabel := func(i, j int) int { return bytes.Compare(b.objects[i].Label, b.objects[j].Label) }
	slices.SortStableFunc(b.privates, byLabel)
	slices.SortStableFunc(b.publics, byLabel)
	paired := map[int]int{}
	sameLabel := func(x, y hsm.Object) bool { return bytes.Equal(x.Label, y.Label) }
	sameKey := func(x, y hsm.Object) bool { return len(x.PublicKey) != 0 && bytes.Equal(x.PublicKey, y.PublicKey) }
	couldBe := func(x, y hsm.Object) bool { return len(x.PublicKey) == 0 && x.Curve == y.Curve }

	b.round(paired, false, func(x, y hsm.Object) bool { return sameKey(x, y) && sameLabel(x, y) })
	b.round(paired, false, sameKey)
	b.round(paired, true, func(x, y hsm.Object) bool { return couldBe(x, y) && sameLabel(x, y) })
	// an empty CKA_ID ties nothing together
	b.round(paired, true, func(x, y hsm.Object) bool { return couldBe(x, y) && len(x.ID) != 0 })
	return paired
}

// round pairs halves that match. With unique, only those that match nothing else.
func (b *bucket) round(paired map[int]int, unique bool, match func(private, public hsm.Object) bool) {
	var privates, publics []int
	taken := map[int]bool{}
	for _, public := range paired {
		taken[public] = true
	}
	for _, i := range b.privates {
		if _, done := paired[i]; !done {
			privates = append(privates, i)
		}
	}
	for _, i := range b.publics {
		if !taken[i] {
			publics = append(publics, i)
		}
	}
	candidates := func(of int, among []int, match func(a, b hsm.Object) bool) (matching []int) {
		for _, i := range among {
			if match(b.objects[of], b.objects[i]) {
				matching = append(matching, i)
			}
		}
		return matching
	}
	reversed := func(public, private hsm.Object) bool { return match(private, public) }
	for _, private := range privates {
		for _, public := range candidates(private, publics, match) {
			if unique && (len(candidates(private, publics, match)) > 1 || len(candidates(public, privates, reversed)) > 1) {
				break
			}
			if !taken[public] {
				paired[private], taken[public] = public, true
				break
			}
		}
	}
}
