package pkcs11

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/adapters/pkcs11/internal/der"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

func withID(os []located, id []byte) []located {
	return slices.DeleteFunc(os, func(o located) bool { return !bytes.Equal(o.ID, id) })
}

// key is a key that a reference names, with its public half where there is one.
type key struct {
	located
	gen    uint64   // the generation in which its handles mean something
	public *located // the public half in the token, or the key itself
	spki   []byte   // the public key, where it is known
	field  int      // EC: bytes of a coordinate

	proof       *cryptoki.Proof // of the key
	publicProof *cryptoki.Proof // of public

	uses     uses
	software func() crypto.PublicKey // spki as Go has it; nil where Go has not
}

// resolve finds the key that ref names, if it can from what is remembered.
func (t *Token) resolve(ctx context.Context, ref hsm.Ref) (*key, error) {
	if g := t.handles.get(ref); g != nil {
		if k, err := g.choose(ref); err == nil {
			return k, nil
		}
	}
	if t.handles.shouldPrime() {
		// Many searches in a generation: one look at everything is cheaper than
		// a scan of the token for each key. If it fails, the search below tells.
		_ = t.Inventory(ctx, hsm.Filter{}, func(hsm.Object) error { return nil })
		if g := t.handles.get(ref); g != nil {
			if k, err := g.choose(ref); err == nil {
				return k, nil
			}
		}
	}
	writes := t.writes.Load()
	g, err := again(ctx, t, search, func(s *session) (*group, error) { return t.find(s, ref) })
	if err != nil {
		return nil, err
	}
	k, err := g.choose(ref)
	switch {
	case err != nil:
		return nil, err
	case k.hidden:
		return nil, errHidden()
	case t.writes.Load() == writes && !g.unsure():
		t.handles.put(ref, g)
	}
	return k, nil
}

// find searches the token for all that could be the key that ref names. That they
// are several, or another key, has to be seen twice: a token that changed its mind
// while an object was read has shown one that is not there.
func (t *Token) find(s *session, ref hsm.Ref) (*group, error) {
	g, err := t.findOnce(s, ref)
	if err != nil {
		return nil, err
	}
	if _, err := g.choose(ref); errors.Is(err, fault.Conflict) || g.hides() || g.unsure() {
		return t.findOnce(s, ref)
	}
	return g, nil
}

func (t *Token) findOnce(s *session, ref hsm.Ref) (*group, error) {
	g := &group{gen: t.handles.generation()}
	var err error
	for range 2 { // what the first search missed while the login was gone, the second one finds
		if g.keys, err = t.search(s, ref.Class, ref); err != nil {
			return nil, err
		}
		if len(g.keys) != 0 {
			break
		}
		if _, err := t.present(s.handle); err != nil {
			return nil, err
		}
		if t.handles.generation() != g.gen { // while the login was gone, keys were not to be seen
			return nil, errMoved
		}
	}
	if ref.Class == hsm.PrivateKey && len(g.keys) != 0 {
		if g.publics, err = t.search(s, hsm.PublicKey, hsm.Ref{Type: ref.Type, ID: ref.ID, Label: ref.Label}); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// search returns the objects of a class that have ref's type and CKA_ID, and, but
// for public halves found by their CKA_ID, its label.
func (t *Token) search(s *session, class hsm.Class, ref hsm.Ref) ([]located, error) {
	attrs := []cryptoki.Attribute{{Type: pkcs11.CKA_CLASS, Value: ulong(classNumber(class))}}
	if len(ref.ID) != 0 {
		attrs = append(attrs, cryptoki.Attribute{Type: pkcs11.CKA_ID, Value: ref.ID})
	}
	var os []located
	for range moves { // what was found and is gone when it is looked at may have another handle by now
		handles, err := t.lookFor(s, attrs)
		if err != nil {
			return nil, err
		}
		if os, err = t.read(s, handles); err != nil {
			return nil, err
		}
		if len(os) == len(handles) {
			break
		}
	}
	// A token that finds an object and then does not show what was looked for is not believed.
	contradicts := slices.ContainsFunc(os, func(o located) bool {
		return o.Unreadable != "" || len(ref.ID) != 0 && (o.Class != class || !bytes.Equal(o.ID, ref.ID))
	})
	byLabel := class != hsm.PublicKey || ref.Class == hsm.PublicKey || len(ref.ID) == 0
	other := func(o located) bool {
		return o.Class != class || !sameFamily(o.Type, ref.Type) || !bytes.Equal(o.ID, ref.ID) ||
			byLabel && !bytes.Equal(o.Label, ref.Label)
	}
	if len(ref.ID) != 0 && slices.ContainsFunc(os, func(o located) bool { return o.hidden && other(o) }) {
		return nil, errHidden() // it may be the key, or another one of its name
	}
	os = slices.DeleteFunc(os, other)
	if len(os) == 0 && contradicts {
		return nil, errHidden()
	}
	return os, nil
}

func errHidden() error {
	return fault.New(fault.Unavailable, "the HSM finds a key and does not show its attributes").Because(fault.TokenFailed)
}

// lookFor returns the objects that have the attributes. That a search fails with
// a return value about objects does not say that there are none.
//
// Of SoftHSM2 only objects are returned that have all their attributes: whoever reads
// one that another process is just making has it write its defaults over the key.
func (t *Token) lookFor(s *session, attrs []cryptoki.Attribute) ([]cryptoki.Object, error) {
	if t.who.softHSM() {
		attrs = append(attrs[:len(attrs):len(attrs)], cryptoki.Attribute{Type: pkcs11.CKA_TOKEN, Value: boolean(true)})
	}
	found, err := t.m.lib.Find(s.handle, attrs)
	if v, ok := meaning(err); ok && v.Kind == fault.NotFound {
		err = atToken(translate("searching", err))
	}
	return found, err
}

// sameFamily reports whether two types may be the same key: a generic secret is
// a HMAC key or a secret by its attributes, which may have changed.
func sameFamily(a, b keys.Type) bool { return family(a) == family(b) }

func family(t keys.Type) keys.Type {
	if t == keys.HMAC {
		return keys.Secret
	}
	return t
}

// group is all objects of one class, type, CKA_ID and label, and the public
// keys that may be halves of them. It does not change once made.
type group struct {
	gen     uint64
	keys    []located
	publics []located
	chosen  atomic.Pointer[choice] // the last one
}

// choice is what a fingerprint chose.
type choice struct {
	fingerprint []byte
	key         *key
}

// choose picks the key that ref names, as pick does, and remembers it.
func (g *group) choose(ref hsm.Ref) (*key, error) {
	if c := g.chosen.Load(); c != nil && bytes.Equal(c.fingerprint, ref.Fingerprint) {
		return c.key, nil
	}
	k, err := g.pick(ref)
	if err == nil {
		g.chosen.Store(&choice{bytes.Clone(ref.Fingerprint), k})
	}
	return k, err
}

// pick picks the key that ref names. Of several, the fingerprint tells which.
//
// A private EC key often does not tell its public key. Then ref's fingerprint is
// looked for among the public keys of the same CKA_ID, and proves something only
// as long as one private key stands there.
func (g *group) pick(ref hsm.Ref) (*key, error) {
	if len(g.keys) == 0 {
		return nil, fault.New(fault.NotFound, "the key is not in the HSM")
	}
	if len(ref.Fingerprint) == 0 {
		if len(g.keys) > 1 {
			return nil, errSeveral()
		}
		return g.made(0, ref), nil
	}
	chosen, untold := -1, 0
	for i, o := range g.keys {
		fp := o.fp
		switch {
		case len(fp) == 0:
			untold++
		case bytes.Equal(fp, ref.Fingerprint):
			if chosen >= 0 {
				return nil, errSeveral()
			}
			chosen = i
		}
	}
	switch {
	case chosen >= 0:
		return g.made(chosen, ref), nil
	case len(g.keys) > 1 && untold > 0:
		return nil, errSeveral()
	case untold == 0 || !g.publicAgrees(ref):
		return nil, fault.New(fault.Conflict, "another key has taken the key's place in the HSM")
	}
	return g.made(0, ref), nil
}

// publicAgrees reports whether the public keys beside a private one that does
// not tell its own speak for ref's fingerprint, or do not speak at all.
func (g *group) publicAgrees(ref hsm.Ref) bool {
	told := false
	for _, p := range g.publics {
		fp := p.fp
		if bytes.Equal(fp, ref.Fingerprint) {
			return true
		}
		told = told || len(fp) != 0 && p.Curve == g.keys[0].Curve
	}
	return !told
}

// hides reports whether a public key that may be half of one of the keys was found
// and not shown.
func (g *group) hides() bool {
	return slices.ContainsFunc(g.publics, func(o located) bool { return o.Unreadable != "" })
}

// unsure reports whether something was not shown that may be shown another time:
// then nothing of it is remembered.
func (g *group) unsure() bool { return anyHidden(g.keys) || anyHidden(g.publics) }

func errSeveral() error {
	return fault.New(fault.Conflict, "several keys in the HSM have this CKA_ID and CKA_LABEL, and nothing tells them apart")
}

// made returns the i-th key with its public half.
func (g *group) made(i int, ref hsm.Ref) *key {
	k := &key{located: g.keys[i], gen: g.gen, spki: g.keys[i].PublicKey, field: der.FieldSize(g.keys[i].Curve)}
	if k.Class == hsm.PublicKey {
		k.public = &k.located
	} else {
		k.public = g.half(k, ref)
	}
	if len(k.spki) == 0 && k.public != nil {
		k.spki = k.public.PublicKey
	}
	k.proof = proofOf(k.located, glance)
	if k.publicProof = k.proof; k.public != nil && k.public != &k.located {
		k.publicProof = proofOf(*k.public, glance)
	}
	k.software = sync.OnceValue(func() crypto.PublicKey { return der.ParseCrypto(k.spki) })
	return k
}

// half returns the public half of k: the one with the same public key, where k
// or ref tells it; else the only one with the same label; else the only one.
func (g *group) half(k *key, ref hsm.Ref) *located {
	only := func(match func(located) bool) *located {
		var found *located
		for i, p := range g.publics {
			if match(p) {
				if found != nil {
					return nil
				}
				found = &g.publics[i]
			}
		}
		return found
	}
	first := func(match func(located) bool) *located {
		if i := slices.IndexFunc(g.publics, match); i >= 0 {
			return &g.publics[i]
		}
		return nil
	}
	labelled := func(p located) bool { return bytes.Equal(p.Label, k.Label) }
	var same func(located) bool
	switch {
	case len(k.spki) != 0:
		same = func(p located) bool { return bytes.Equal(p.PublicKey, k.spki) }
	case len(ref.Fingerprint) != 0 && k.Class == hsm.PrivateKey:
		same = func(p located) bool { return bytes.Equal(p.fp, ref.Fingerprint) }
	}
	if same != nil {
		if p := first(func(p located) bool { return same(p) && labelled(p) }); p != nil {
			return p
		}
		return first(same)
	}
	if len(g.keys) > 1 {
		return nil
	}
	curve := func(p located) bool { return p.Curve == k.Curve }
	if p := only(func(p located) bool { return curve(p) && labelled(p) }); p != nil {
		return p
	}
	return only(curve)
}
