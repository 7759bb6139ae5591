package dsmtoken

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"sync"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/keys"
)

// found is a key of the other service that a reference names.
type found struct {
	kid   string
	curve keys.Curve
	size  int
	ops   keys.Ops // all that the key may do
	name  string
	class hsm.Class // of the half with the material
}

func newFound(s *dsmwire.Sobject) found {
	first := objects(s)[0]
	return found{kid: s.KID, curve: first.Curve, size: first.Size, ops: permitted(s.KeyOps), name: s.Name, class: first.Class}
}

// resolve finds the key that ref names.
func (t *Token) resolve(ctx context.Context, ref hsm.Ref) (found, error) {
	var fit []dsmwire.Sobject
	err := t.withID(ctx, ref.ID, func(s dsmwire.Sobject) error {
		if names(ref, &s) {
			fit = append(fit, s)
		}
		return nil
	})
	if err != nil {
		return found{}, translate(ctx, asking, err)
	}
	if len(fit) == 0 {
		return found{}, fault.New(fault.NotFound, "the key does not exist in the other service")
	}
	if len(ref.Fingerprint) == 0 && len(fit) == 1 {
		return newFound(&fit[0]), nil
	}
	for i, s := range fit {
		if s.KID == string(ref.Fingerprint) {
			return newFound(&fit[i]), nil
		}
	}
	return found{}, fault.New(fault.Conflict, "another key is in this key's place in the other service")
}

// byOwnName finds the key whose own name ref's fingerprint is: with one request,
// and under whatever label it has now. ok is false when there is no such key.
func (t *Token) byOwnName(ctx context.Context, ref hsm.Ref) (f found, ok bool, err error) {
	kid := string(ref.Fingerprint)
	if !id.Valid(kid) {
		return found{}, false, nil
	}
	s, err := t.client.Key(ctx, dsmclient.ByID(kid))
	switch {
	case errors.Is(err, fault.NotFound):
		return found{}, false, nil
	case err != nil:
		return found{}, false, translate(ctx, asking, err)
	}
	ref.ID, ref.Label = ckaID(&s), []byte(s.Name)
	if !names(ref, &s) {
		return found{}, false, nil
	}
	return newFound(&s), true, nil
}

// names reports whether ref names an object of s, its fingerprint aside. A
// generic secret is a HMAC key or a secret by what it may do.
func names(ref hsm.Ref, s *dsmwire.Sobject) bool {
	generic := func(t keys.Type) bool { return t == keys.HMAC || t == keys.Secret }
	for _, o := range objects(s) {
		if o.Unreadable == "" && o.Class == ref.Class && (o.Type == ref.Type || generic(o.Type) && generic(ref.Type)) &&
			bytes.Equal(o.ID, ref.ID) && bytes.Equal(o.Label, ref.Label) {
			return true
		}
	}
	return false
}

// forUse returns the key that ref names for an operation, from memory if it was
// found before.
func (t *Token) forUse(ctx context.Context, ref hsm.Ref) (f found, remembered bool, err error) {
	if f, ok := t.known.get(ref); ok {
		return f, true, nil
	}
	f, ok, err := t.byOwnName(ctx, ref)
	if err == nil && !ok {
		f, err = t.resolve(ctx, ref)
	}
	if err != nil {
		return found{}, false, err
	}
	t.known.put(ref, f)
	return f, false, nil
}

// most is how many references a cache remembers.
const most = 1 << 16

// cache remembers what references name. A key's own name is never given to
// another key, so that what is remembered can only be gone, which shows.
type cache struct {
	mu    sync.RWMutex
	byRef map[string]found
}

func newCache() *cache { return &cache{byRef: map[string]found{}} }

func refKey(r hsm.Ref) string {
	return string(r.Class) + "\x00" + string(r.Type) + "\x00" + strconv.Itoa(len(r.ID)) + "\x00" + strconv.Itoa(len(r.Label)) + "\x00" +
		string(r.ID) + string(r.Label) + string(r.Fingerprint)
}

func (c *cache) get(r hsm.Ref) (found, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	f, ok := c.byRef[refKey(r)]
	return f, ok
}

func (c *cache) put(r hsm.Ref, f found) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.byRef) >= most {
		clear(c.byRef)
	}
	c.byRef[refKey(r)] = f
}

// forget forgets all references to a key.
func (c *cache) forget(kid string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, f := range c.byRef {
		if f.kid == kid {
			delete(c.byRef, k)
		}
	}
}
