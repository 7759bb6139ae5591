package opensc

import (
	"slices"

	"gatehouse/core/hsm"
)

// Keys returns the keys among objects, of the types that Gatehouse holds: secret
// keys, private keys with the Point of their public half, and those public keys
// that have no private half. Halves belong together when type and CKA_ID are
// equal, and of several such those whose labels are.
func Keys(objects []Object) []Object {
	var found, publics []Object
	for _, o := range objects {
		switch {
		case o.Type == "":
		case o.Class == hsm.PublicKey:
			publics = append(publics, o)
		case o.Class == hsm.SecretKey || o.Class == hsm.PrivateKey:
			found = append(found, o)
		default: // no key
		}
	}
	paired := make([]bool, len(found))
	pair := func(same func(private, public Object) bool) {
		for i, private := range found {
			if private.Class != hsm.PrivateKey || paired[i] {
				continue
			}
			j := slices.IndexFunc(publics, func(p Object) bool {
				return p.Type == private.Type && p.ID == private.ID && same(private, p)
			})
			if j >= 0 {
				found[i].Point, paired[i] = publics[j].Point, true
				publics = slices.Delete(publics, j, j+1)
			}
		}
	}
	pair(func(private, public Object) bool { return private.Label == public.Label })
	pair(func(private, _ Object) bool { return private.ID != "" })
	return append(found, publics...)
}
