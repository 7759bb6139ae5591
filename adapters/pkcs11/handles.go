package pkcs11

import (
	"encoding/binary"
	"maps"
	"math/bits"
	"slices"
	"sync"

	"gatehouse/core/hsm"
)

// handles remembers where keys were found, for one session generation: after
// clear, what was found before it can no longer be put or got.
type handles struct {
	max int

	mu     sync.RWMutex
	gen    uint64
	misses uint64
	size   int // objects in groups
	groups map[string]*group
}

func newHandles(limit int) *handles { return &handles{max: limit, groups: map[string]*group{}} }

// primeAfter is the number of searches in a generation after which a look at
// everything pays.
const primeAfter = 8

// generation returns the present generation.
func (h *handles) generation() uint64 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.gen
}

// clear forgets everything and begins a new generation.
func (h *handles) clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gen++
	h.misses, h.size = 0, 0
	h.groups = map[string]*group{}
}

// get returns the group that ref may name a key of; nil when it is not remembered.
func (h *handles) get(ref hsm.Ref) *group {
	var buf [320]byte
	k := appendPlace(buf[:0], ref.Class, ref)
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.groups[string(k)]
}

// all returns all groups that are remembered.
func (h *handles) all() []*group {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return slices.Collect(maps.Values(h.groups))
}

// shouldPrime counts a miss, and reports now and then that there have been many.
func (h *handles) shouldPrime() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.misses++
	return h.misses >= primeAfter && bits.OnesCount64(h.misses) == 1
}

// put remembers g, if the generation is still the one in which it was found.
func (h *handles) put(ref hsm.Ref, g *group) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if g.gen == h.gen {
		h.set(string(appendPlace(nil, ref.Class, ref)), g)
	}
}

func (h *handles) set(place string, g *group) {
	if old, ok := h.groups[place]; ok {
		h.size -= old.size()
		delete(h.groups, place)
	}
	for p, old := range h.groups { // in no order, so any may go
		if h.size+g.size() <= h.max {
			break
		}
		h.size -= old.size()
		delete(h.groups, p)
	}
	h.size += g.size()
	h.groups[place] = g
}

func (g *group) size() int { return len(g.keys) + len(g.publics) + 1 }

// drop forgets the key that ref names.
func (h *handles) drop(ref hsm.Ref) {
	h.mu.Lock()
	defer h.mu.Unlock()
	place := string(appendPlace(nil, ref.Class, ref))
	if old, ok := h.groups[place]; ok {
		h.size -= old.size()
		delete(h.groups, place)
	}
}

// dropID forgets all keys with a CKA_ID: what changes one may change its neighbours' halves.
func (h *handles) dropID(id []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for place, g := range h.groups {
		if len(g.keys) == 0 || string(g.keys[0].ID) == string(id) {
			h.size -= g.size()
			delete(h.groups, place)
		}
	}
}

// prime remembers all keys of an inventory, unless one is hidden: it may be a
// namesake of any other, or its half.
func (h *handles) prime(gen uint64, all []located) {
	if anyHidden(all) {
		return
	}
	groups := make(map[string]*group, len(all))
	publics := map[string][]located{}
	for _, o := range all {
		ref := o.Ref()
		switch o.Class {
		case hsm.SecretKey, hsm.PrivateKey, hsm.PublicKey:
			place := string(appendPlace(nil, o.Class, ref))
			g := groups[place]
			if g == nil {
				g = &group{gen: gen}
				groups[place] = g
			}
			g.keys = append(g.keys, o)
			if o.Class == hsm.PublicKey {
				half := string(appendPlace(nil, hsm.PublicKey, halfOf(ref)))
				publics[half] = append(publics[half], o)
			}
		case hsm.Certificate, hsm.Data, hsm.OtherClass:
		}
	}
	for _, g := range groups {
		if o := g.keys[0]; o.Class == hsm.PrivateKey {
			g.publics = publics[string(appendPlace(nil, hsm.PublicKey, halfOf(o.Ref())))]
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if gen != h.gen {
		return
	}
	for place, g := range groups {
		h.set(place, g)
	}
}

// halfOf returns by what the public halves of the key that ref names are found:
// its CKA_ID, or for want of one its label.
func halfOf(ref hsm.Ref) hsm.Ref {
	if len(ref.ID) != 0 {
		ref.Label = nil
	}
	return ref
}

// appendPlace appends by what keys are found: class, type, CKA_ID and label.
func appendPlace(b []byte, class hsm.Class, ref hsm.Ref) []byte {
	b = append(b, class...)
	b = append(b, 0)
	b = append(b, family(ref.Type)...)
	b = append(b, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(len(ref.ID)))
	b = append(b, ref.ID...)
	return append(b, ref.Label...)
}
