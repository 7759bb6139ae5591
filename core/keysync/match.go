package keysync

import (
	"bytes"
	"strconv"

	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/policy"
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
func (p *Plan) match(found []Found, known []keys.Key, settings groups.Policy) {
	m := matching{found: found, known: known, foundTaken: make([]bool, len(found)), knownTaken: make([]bool, len(known)), half: map[int]bool{}}
	for i, k := range known {
		m.knownTaken[i] = k.Virtual == nil || k.State == keys.Deleted // none of a sync's business
	}
	placeOf := func(k keys.Key) string { return place(k.PublicOnly, k.Type, *k.Virtual) }
	printOf := func(t keys.Type, public bool, fp []byte) string {
		if len(fp) < sha256Size { // a check value of three bytes proves nothing by itself
			return ""
		}
		return strconv.FormatBool(public) + string(t) + "\x00" + string(fp)
	}
	foundPrint := func(f Found) string { return printOf(f.Type, f.PublicOnly, f.Pointer.Fingerprint) }
	knownPrint := func(k keys.Key) string { return printOf(k.Type, k.PublicOnly, k.Virtual.Fingerprint) }
	otherHalf := func(k keys.Key) string { return printOf(k.Type, !k.PublicOnly, k.Virtual.Fingerprint) }

	m.round(p, false, Found.identity, func(k keys.Key) string { return identity(k.PublicOnly, k.Type, *k.Virtual) })
	m.compatibleRound(p, Found.place, placeOf)
	m.round(p, true, foundPrint, knownPrint)
	m.halves(p, foundPrint, otherHalf)

	places := map[string]bool{}
	for i, f := range found {
		switch {
		case m.foundTaken[i]:
			continue
		case policy.Imports(settings, policy.Elsewhere):
			p.New = append(p.New, f)
		default:
			p.Skipped++
		}
		places[f.place()] = true
	}
	for i, k := range known {
		if m.knownTaken[i] {
			continue
		}
		if k.State == keys.Destroyed { // gone is what it should be
			p.Unchanged++
			continue
		}
		p.miss(k, m.half[i], places[placeOf(k)])
	}
}

// miss puts down a known key that was not found: half of it may be there, or
// another key in its place.
func (p *Plan) miss(k keys.Key, half, other bool) {
	newly := k.Virtual.MissingSince.IsZero()
	if newly {
		p.Missing = append(p.Missing, k.ID)
	} else {
		p.Unchanged++
	}
	message := ""
	switch {
	case half:
		message = "only the public half of this key is in the HSM; the virtual key is marked missing"
	case other:
		message = "another key has taken this key's place in the HSM; the virtual key is marked missing"
	default:
		return
	}
	p.Warnings = append(p.Warnings, Warning{CKAID: k.Virtual.ID, Label: k.Virtual.Label, Key: k.ID, Message: message})
	if newly {
		p.Conflicts = append(p.Conflicts, Conflict{Key: k.ID, Message: message})
	}
}

const sha256Size = 32

type matching struct {
	found                  []Found
	known                  []keys.Key
	foundTaken, knownTaken []bool
	half                   map[int]bool // known pairs of which the public half was found alone
}

// halves settles keys of which the service knows one half and the HSM shows
// another. A virtual key without a private half stays as it is when the HSM has
// that half: it was removed here, under a policy that leaves the HSM alone. A
// lone public half of a known pair is no key of its own.
func (m *matching) halves(p *Plan, fkey func(Found) string, otherHalf func(keys.Key) string) {
	free := map[string][]int{}
	for i, f := range m.found {
		if k := fkey(f); !m.foundTaken[i] && k != "" {
			free[k] = append(free[k], i)
		}
	}
	for i, k := range m.known {
		if m.knownTaken[i] {
			continue
		}
		key := otherHalf(k)
		candidates := free[key]
		if key == "" || len(candidates) == 0 {
			continue
		}
		f := candidates[0]
		free[key] = candidates[1:]
		if k.PublicOnly {
			m.take(p, f, i)
			p.Warnings = append(p.Warnings, Warning{
				CKAID: k.Virtual.ID, Label: k.Virtual.Label, Key: k.ID,
				Message: "the HSM holds the private half of this key too; the virtual key stays public only",
			})
			continue
		}
		m.foundTaken[f], m.half[i] = true, true
		p.Halves++
	}
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
	if known.State == keys.Destroyed { // it tells that the HSM key is not to be imported again, no more
		p.Unchanged++
		return
	}
	pointer := found.Pointer
	pointer.Own = known.Virtual.Own
	if len(pointer.Fingerprint) == 0 {
		pointer.Fingerprint = known.Virtual.Fingerprint
	}
	if samePointer(pointer, *known.Virtual) && (len(known.PublicKey) != 0 || len(found.PublicKey) == 0) {
		p.Unchanged++
		return
	}
	p.Changed = append(p.Changed, Change{
		Key: known.ID, Pointer: pointer, PublicKey: found.PublicKey, Back: !known.Virtual.MissingSince.IsZero(),
		Moved: !bytes.Equal(pointer.ID, known.Virtual.ID) || !bytes.Equal(pointer.Label, known.Virtual.Label),
	})
}

func samePointer(a, b keys.Pointer) bool {
	return bytes.Equal(a.ID, b.ID) && bytes.Equal(a.Label, b.Label) && bytes.Equal(a.Fingerprint, b.Fingerprint) &&
		a.Own == b.Own && a.Ambiguous == b.Ambiguous && a.Extractable == b.Extractable && a.MissingSince.Equal(b.MissingSince)
}
