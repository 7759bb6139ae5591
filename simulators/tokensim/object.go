package tokensim

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"maps"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
)

// object is an object in the token. It never changes; Update puts another one
// in its place.
type object struct {
	hsm.Object
	material
	fixed  bool            // CKA_MODIFIABLE is false
	hidden map[*Token]bool // from whom
}

// material is what a key works with; which fields are set depends on its class.
type material struct {
	secret  []byte
	private crypto.Signer
	agree   *ecdh.PrivateKey // X25519, which does not sign
	public  crypto.PublicKey
}

// Add puts an object into the token as another application would: exactly as
// described, duplicates and all. Material is what Import takes (of a private key
// only the private object is made) and may be empty, then the key cannot be
// used. What o leaves zero and the material tells is filled in.
func (s *Slot) Add(o hsm.Object, m secret.Value) error {
	obj := &object{Object: clone(o)}
	if o.KeyType == 0 {
		obj.KeyType = keyType(o.Type, o.Curve, o.Size)
	}
	if !m.Empty() {
		tpl := hsm.Template{Type: o.Type, Size: o.Size, Curve: o.Curve, Private: o.Class == hsm.PrivateKey}
		parsed, err := parse(tpl, m)
		if err != nil {
			return err
		}
		obj.material = parsed
		s.describe(obj)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inside == nil {
		return tokenGone()
	}
	s.inside.objects = append(s.inside.objects, obj)
	return nil
}

// Remove destroys all objects of a class with this CKA_ID, as another
// application would, and returns their number.
func (s *Slot) Remove(class hsm.Class, id []byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inside == nil {
		return 0
	}
	return s.inside.remove(func(o *object) bool { return o.Class == class && bytes.Equal(o.ID, id) })
}

// Hide keeps the objects with this CKA_ID from the inventories of those who are
// logged in now, but for one afresh: as a library that does not notice what another
// process has made.
func (s *Slot) Hide(id []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inside == nil {
		return
	}
	for _, o := range s.inside.objects {
		if bytes.Equal(o.ID, id) {
			o.hidden = maps.Clone(s.open)
		}
	}
}

// Objects returns what is in the token.
func (s *Slot) Objects() []hsm.Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inside == nil {
		return nil
	}
	var all []hsm.Object
	for _, o := range s.inside.objects {
		all = append(all, clone(o.Object))
	}
	return all
}

func (c *card) remove(which func(*object) bool) int {
	var kept []*object
	for _, o := range c.objects {
		if !which(o) {
			kept = append(kept, o)
		}
	}
	n := len(c.objects) - len(kept)
	c.objects = kept
	return n
}

func clone(o hsm.Object) hsm.Object {
	o.ID, o.Label = bytes.Clone(o.ID), bytes.Clone(o.Label)
	o.PublicKey, o.CheckValue = bytes.Clone(o.PublicKey), bytes.Clone(o.CheckValue)
	return o
}

// keyType is CKA_KEY_TYPE (PKCS#11 v3.1, CKK_ constants).
func keyType(t keys.Type, c keys.Curve, size int) uint {
	switch t {
	case keys.AES:
		return 0x1f
	case keys.DES3:
		if size == 112 {
			return 0x14
		}
		return 0x15
	case keys.HMAC, keys.Secret:
		return 0x10
	case keys.EC:
		switch c {
		case keys.Ed25519:
			return 0x40
		case keys.X25519:
			return 0x41
		default:
			return 0x03
		}
	default:
		return 0 // CKK_RSA; objects that are no keys have none
	}
}

// find returns the one object that ref names. The caller holds the slot's lock.
func (c *card) find(ref hsm.Ref) (*object, error) {
	var matching, fitting []*object
	for _, o := range c.objects {
		if o.Class != ref.Class || !sameType(o.Type, ref.Type) || !bytes.Equal(o.ID, ref.ID) || !bytes.Equal(o.Label, ref.Label) {
			continue
		}
		matching = append(matching, o)
		if fp := c.fingerprint(o); ref.Fingerprint == nil || fp == nil || bytes.Equal(fp, ref.Fingerprint) {
			fitting = append(fitting, o)
		}
	}
	switch {
	case len(matching) == 0:
		return nil, fault.New(fault.NotFound, "the key is not in the HSM")
	case len(fitting) == 1:
		return fitting[0], nil
	case len(fitting) == 0:
		return nil, fault.New(fault.Conflict, "another key is in the key's place in the HSM")
	default:
		return nil, fault.New(fault.Conflict, "the HSM holds several keys that cannot be told apart")
	}
}

// sameType: a generic secret is a HMAC key or a secret by what it may do, which changes.
func sameType(a, b keys.Type) bool {
	generic := func(t keys.Type) bool { return t == keys.HMAC || t == keys.Secret }
	return a == b || generic(a) && generic(b)
}

// fingerprint is o's own, or for a private key without a public part that of
// the one public key beside it.
func (c *card) fingerprint(o *object) []byte {
	if fp := o.Fingerprint(); fp != nil || o.Class != hsm.PrivateKey {
		return fp
	}
	if halves := c.publicHalves(o); len(halves) == 1 {
		return halves[0].Fingerprint()
	}
	return nil
}

// publicHalves returns the public keys that may belong to a private one: those
// of its CKA_ID, or for want of one of its label, and of its public part where
// it tells one.
func (c *card) publicHalves(o *object) []*object {
	var halves []*object
	for _, p := range c.objects {
		if o.Class != hsm.PrivateKey || p.Class != hsm.PublicKey || p.Type != o.Type || !bytes.Equal(p.ID, o.ID) {
			continue
		}
		if len(o.ID) == 0 && !bytes.Equal(p.Label, o.Label) || o.PublicKey != nil && !bytes.Equal(p.PublicKey, o.PublicKey) {
			continue
		}
		halves = append(halves, p)
	}
	return halves
}

// publicHalf returns the public key of a private one, nil where there is none.
func (c *card) publicHalf(o *object) (*object, error) {
	halves := c.publicHalves(o)
	switch len(halves) {
	case 0:
		return nil, nil
	case 1:
		return halves[0], nil
	default:
		return nil, fault.New(fault.Conflict, "the HSM holds several public keys that may belong to the key")
	}
}
