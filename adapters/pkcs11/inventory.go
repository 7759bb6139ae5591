package pkcs11

import (
	"context"
	"slices"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/core/fault"
	"gatehouse/core/healing"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

// chunk is how many objects are read before they are yielded: no session and no
// lock is held while somebody else takes his time with them.
const chunk = 128

// located is an object with its handle and fingerprint.
type located struct {
	handle cryptoki.Object
	fp     []byte
	told   cryptoki.Attribute // what tells a key from others, as it was read
	label  int                // the length of the label with its padding, which is behind Label
	hidden bool               // it is unreadable now, and may be read another time
	unread keys.Ops           // uses that it may or may not have
	hsm.Object
}

// anyHidden reports whether one of them is hidden.
func anyHidden(os []located) bool {
	return slices.ContainsFunc(os, func(o located) bool { return o.hidden })
}

// Inventory yields the objects. Handles of all keys are remembered on the way,
// when nothing was changed meanwhile.
func (t *Token) Inventory(ctx context.Context, f hsm.Filter, yield func(hsm.Object) error) error {
	if f.Afresh {
		if err := t.Heal(ctx, healing.NewLibrary); err != nil {
			return err
		}
	}
	var all []located
	writes, generation := t.writes.Load(), t.handles.generation()
	err := t.scan(ctx, f, func(os []located) error {
		if f.ID == nil && len(all) <= t.m.opts.Handles {
			all = append(all, os...)
		}
		for _, o := range os {
			if err := ended(ctx); err != nil {
				return err
			}
			if err := yield(o.Object); err != nil {
				return err
			}
		}
		return ended(ctx)
	})
	if err != nil {
		return translate("reading the inventory", err)
	}
	if f.ID == nil && len(all) <= t.m.opts.Handles && t.writes.Load() == writes {
		t.handles.prime(generation, all)
	}
	return nil
}

// scan yields the objects chunk by chunk.
func (t *Token) scan(ctx context.Context, f hsm.Filter, yield func([]located) error) error {
	var generation uint64
	handles, err := again(ctx, t, search, func(s *session) ([]cryptoki.Object, error) {
		generation = t.handles.generation()
		var attrs []cryptoki.Attribute
		if len(f.ID) != 0 {
			attrs = append(attrs, cryptoki.Attribute{Type: pkcs11.CKA_ID, Value: f.ID})
		}
		found, err := t.lookFor(s, attrs)
		if err == nil {
			_, err = t.present(s.handle)
		}
		if err == nil && t.handles.generation() != generation { // while the login was gone, keys were not to be seen
			err = errListed()
		}
		return found, err
	})
	if err != nil {
		return err
	}
	for len(handles) != 0 {
		n := min(chunk, len(handles))
		part := handles[:n]
		handles = handles[n:]
		os, err := again(ctx, t, search, func(s *session) ([]located, error) {
			if t.handles.generation() != generation {
				return nil, errListed()
			}
			return t.read(s, part)
		})
		if err != nil {
			return err
		}
		if f.ID != nil {
			os = withID(os, f.ID)
		}
		if err := yield(os); err != nil {
			return err
		}
	}
	return nil
}

func errListed() error {
	return fault.New(fault.Unavailable, "the HSM was logged in to anew while it was listed").Because(fault.Busy)
}

// read reads objects by handle; those that are gone by now are left out, and so
// are those of a session: they are ours.
func (t *Token) read(s *session, handles []cryptoki.Object) ([]located, error) {
	r := cryptoki.NewReader(wanted)
	os := make([]located, 0, len(handles))
	for _, h := range handles {
		err := r.Read(t.m.lib, s.handle, h)
		if err == nil {
			err = r.Expect(t.m.lib, s.handle, h, expected(r)...)
		}
		lasting, told := r.Value(atLasting)
		switch {
		case err == nil && told && len(lasting) == 1 && lasting[0] == 0:
		case err == nil:
			o := decode(r)
			padded, _ := r.Value(atLabel)
			if o.Label == nil {
				padded = nil
			}
			os = append(os, located{h, o.Fingerprint(), tells(r, o), len(padded), hidden(r, o), unread(r, o), o})
		case staleHandle(err):
		default:
			return nil, err
		}
	}
	return os, nil
}
