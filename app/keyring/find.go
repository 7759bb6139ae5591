package keyring

import (
	"context"

	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/ports/backend"
)

// Descriptor names a key in exactly one way: a stored one by its id or its
// name, or one that travels with the request.
type Descriptor struct {
	ID        id.Key
	Name      string
	Transient secret.Value // a transient key, as GenerateTransient returned it
	Inline    *Inline
}

// Inline is a key that is given by its value.
type Inline struct {
	Type  keys.Type
	Value secret.Value // as Import takes it
}

// loose reports whether d names a key that is stored nowhere.
func (d Descriptor) loose() bool { return !d.Transient.Empty() || d.Inline != nil }

// ways counts in how many ways d names a key.
func (d Descriptor) ways() int {
	n := 0
	for _, is := range []bool{d.ID != "", d.Name != "", !d.Transient.Empty(), d.Inline != nil} {
		if is {
			n++
		}
	}
	return n
}

// find returns the stored key that d names, if the caller may know of it.
func (s *Service) find(ctx context.Context, c access.Caller, d Descriptor) (keys.Key, error) {
	var k keys.Key
	var err error
	switch {
	case d.ways() != 1:
		return k, fault.New(fault.Invalid, "a key is named by exactly one of kid, name, transient_key and inline")
	case d.loose():
		return k, fault.New(fault.Invalid, "this call is for keys that are stored, not for transient or inline ones")
	case d.ID != "":
		k, err = s.cat.Key(ctx, d.ID)
	case c.Account == "":
		err = access.ErrNoSuchKey()
	default:
		k, err = s.cat.KeyByName(ctx, c.Account, d.Name)
	}
	if err == nil {
		err = access.SeeKey(c, k)
	}
	if err == nil && k.State == keys.Deleted {
		err = access.ErrNoSuchKey()
	}
	if err != nil {
		return keys.Key{}, err
	}
	return k, nil
}

// findAny is find for keys that travel with the request too. A loose key has
// an id of its own, which tells nobody anything; public takes it off again.
func (s *Service) findAny(ctx context.Context, c access.Caller, d Descriptor) (keys.Key, error) {
	switch {
	case d.ways() != 1 || !d.loose():
		return s.find(ctx, c, d)
	case d.Inline != nil:
		return s.inline(ctx, c, *d.Inline)
	default:
		return s.openTransient(c, d.Transient)
	}
}

// public is k as the caller gets it.
func (d Descriptor) public(k keys.Key) keys.Key {
	if d.loose() {
		k.ID = ""
	}
	return k
}

// home returns a key's group, and the backend where its material is.
func (s *Service) home(ctx context.Context, gid id.Group) (groups.Group, backend.Backend, error) {
	g, err := s.cat.Group(ctx, gid)
	if err != nil {
		return g, nil, err
	}
	b, err := s.backend(g)
	return g, b, err
}

// place is home for a key that d names, which may be a loose one.
func (s *Service) place(ctx context.Context, d Descriptor, k keys.Key) (groups.Group, backend.Backend, error) {
	if d.loose() {
		return nowhere(k.Account), s.cfg.Loose, nil
	}
	return s.home(ctx, k.Group)
}

// nowhere is the group of keys that are stored nowhere.
func nowhere(a id.Account) groups.Group {
	return groups.Group{Account: a, Kind: groups.Ordinary, Name: "keys that are stored nowhere"}
}
