package keysync

import (
	"bytes"
	"strconv"

	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

// place is what an HSM finds a key by.
func (f Found) place() string {
	return place(f.PublicOnly, f.Type, f.Pointer)
}

// identity is the place with the fingerprint.
func (f Found) identity() string { return identity(f.PublicOnly, f.Type, f.Pointer) }

func identity(publicOnly bool, t keys.Type, p keys.Pointer) string {
	return place(publicOnly, t, p) + "\x00" + string(p.Fingerprint)
}

func place(publicOnly bool, t keys.Type, p keys.Pointer) string {
	return strconv.FormatBool(publicOnly) + string(t) + "\x00" + strconv.Itoa(len(p.ID)) + "\x00" + string(p.ID) + string(p.Label)
}

// flagAmbiguous marks keys that cannot be told apart: equal place, and no
// fingerprint that differs. Operations on them are refused by the token port,
// since any of them might answer.
func (p *Plan) flagAmbiguous(found []Found) {
	here := map[string]int{}     // keys at a place
	alike := map[string]int{}    // keys at a place with one fingerprint
	nameless := map[string]int{} // keys at a place without a fingerprint
	for _, f := range found {
		here[f.place()]++
		alike[f.identity()]++
		if len(f.Pointer.Fingerprint) == 0 {
			nameless[f.place()]++
		}
	}
	for i, f := range found {
		if here[f.place()] > 1 && (alike[f.identity()] > 1 || nameless[f.place()] > 0) {
			found[i].Pointer.Ambiguous = true
			o := hsm.Object{ID: found[i].Pointer.ID, Label: found[i].Pointer.Label}
			p.warn(o, "several keys of this type have the same CKA_ID and CKA_LABEL and nothing tells them apart: "+
				"give each its own CKA_ID before using them")
		}
	}
}

// match pairs found keys with known ones in rounds, the surest first, and puts
// the rest down as new or missing.
func (p *Plan) match(found []Found, known []keys.Key, policy groups.Policy) {
	m := matching{found: found, known: known, foundTaken: make([]bool, len(found)), knownTaken: make([]bool, len(known))}
	for i, k := range known {
		m.knownTaken[i] = k.Virtual == nil // ordinary keys are none of a sync's business
	}
	placeOf := func(k keys.Key) string { return place(k.PublicOnly, k.Type, *k.Virtual) }
	fingerprint := func(t keys.Type, public bool, fp []byte) string {
		if len(fp) < sha256Size { // a check value of three bytes proves nothing by itself
			return ""
		}
		return strconv.FormatBool(public) + string(t) + "\x00" + string(fp)
	}

	m.round(p, false, Found.identity, func(k keys.Key) string { return identity(k.PublicOnly, k.Type, *k.Virtual) })
	m.compatibleRound(p, Found.place, placeOf)
	m.round(p, true, func(f Found) string { return fingerprint(f.Type, f.PublicOnly, f.Pointer.Fingerprint) },
		func(k keys.Key) string { return fingerprint(k.Type, k.PublicOnly, k.Virtual.Fingerprint) })

	for i, f := range found {
		switch {
		case m.foundTaken[i]:
		case policy.OwnKeysOnly:
			p.Skipped++
		default:
			p.New = append(p.New, f)
		}
	}
	places := map[string]bool{}
	for i, f := range found {
		if !m.foundTaken[i] {
			places[f.place()] = true
		}
	}
	for i, k := range known {
		if m.knownTaken[i] {
			continue
		}
		if places[placeOf(k)] {
			p.Warnings = append(p.Warnings, Warning{
				CKAID: k.Virtual.ID, Label: k.Virtual.Label, Key: k.ID,
				Message: "another key has taken this key's place in the HSM; the virtual key is marked missing",
			})
		}
		if k.Virtual.MissingSince.IsZero() {
			p.Missing = append(p.Missing, k.ID)
		} else {
			p.Unchanged++
		}
	}
}

const sha256Size = 32

type matching struct {
	found                  []Found
	known                  []keys.Key
	foundTaken, knownTaken []bool
}

// round pairs what has equal keys, one to one in order; empty keys match
// nothing. With unique, only where one found and one known key share it.
func (m *matching) round(p *Plan, unique bool, fkey func(Found) string, kkey func(keys.Key) string) {
	free := map[string][]int{}
	for i, f := range m.found {
		if k := fkey(f); !m.foundTaken[i] && k != "" {
			free[k] = append(free[k], i)
		}
	}
	claims := map[string]int{}
	for i, k := range m.known {
		if !m.knownTaken[i] {
			claims[kkey(k)]++
		}
	}
	for i, k := range m.known {
		if m.knownTaken[i] {
			continue
		}
		key := kkey(k)
		candidates := free[key]
		if len(candidates) == 0 || unique && (len(candidates) > 1 || claims[key] > 1) {
			continue
		}
		free[key] = candidates[1:]
		m.take(p, candidates[0], i)
	}
}

// compatibleRound pairs keys of equal place of which one side lacks the
// fingerprint, where there is one of each.
func (m *matching) compatibleRound(p *Plan, fkey func(Found) string, kkey func(keys.Key) string) {
	free, claims := map[string][]int{}, map[string][]int{}
	for i, f := range m.found {
		if !m.foundTaken[i] {
			free[fkey(f)] = append(free[fkey(f)], i)
		}
	}
	for i, k := range m.known {
		if !m.knownTaken[i] {
			claims[kkey(k)] = append(claims[kkey(k)], i)
		}
	}
	for i, k := range m.known {
		if m.knownTaken[i] {
			continue
		}
		ks, fs := claims[kkey(k)], free[kkey(k)]
		if len(ks) != 1 || len(fs) != 1 {
			continue
		}
		a, b := m.found[fs[0]].Pointer.Fingerprint, m.known[ks[0]].Virtual.Fingerprint
		if len(a) == 0 || len(b) == 0 {
			m.take(p, fs[0], ks[0])
		}
	}
}

func (m *matching) take(p *Plan, f, k int) {
	m.foundTaken[f], m.knownTaken[k] = true, true
	known, found := m.known[k], m.found[f]
	pointer := found.Pointer
	pointer.Own = known.Virtual.Own
	if len(pointer.Fingerprint) == 0 {
		pointer.Fingerprint = known.Virtual.Fingerprint
	}
	if samePointer(pointer, *known.Virtual) && (len(known.PublicKey) != 0 || len(found.PublicKey) == 0) {
		p.Unchanged++
		return
	}
	p.Changed = append(p.Changed, Change{Key: known.ID, Pointer: pointer, PublicKey: found.PublicKey})
}

func samePointer(a, b keys.Pointer) bool {
	return bytes.Equal(a.ID, b.ID) && bytes.Equal(a.Label, b.Label) && bytes.Equal(a.Fingerprint, b.Fingerprint) &&
		a.Own == b.Own && a.Ambiguous == b.Ambiguous && a.Extractable == b.Extractable && a.MissingSince.Equal(b.MissingSince)
}
