package tokensim

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

// Update changes a key's attributes, on both halves of a pair, or removes its
// private half.
func (t *Token) Update(ctx context.Context, ref hsm.Ref, change hsm.Change) error {
	return t.do(ctx, Update, ref.ID, func(c *card) error {
		t.slot.mu.Lock()
		defer t.slot.mu.Unlock()
		halves, err := c.halves(ref)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(halves, func(o *object) bool { return o.fixed }) && (change.Label != nil || change.Ops != nil || change.Unextractable) {
			return fault.New(fault.Denied, "the HSM keeps the key's attributes fixed")
		}
		if change.RemovePrivate {
			switch {
			case ref.Class != hsm.PrivateKey:
				return fault.New(fault.Invalid, "the key has no private half")
			case len(halves) == 1:
				return fault.New(fault.BadState, "the key's public half is not in the HSM: nothing would be left")
			}
			private := halves[0]
			c.remove(func(o *object) bool { return o == private })
			halves = halves[1:]
		}
		for i, o := range c.objects {
			if !slices.Contains(halves, o) {
				continue
			}
			changed := *o
			if change.Label != nil {
				changed.Label = bytes.Clone(*change.Label)
			}
			if change.Ops != nil {
				changed.Ops = kept(o, *change.Ops)
			}
			if change.Unextractable {
				changed.Extractable, changed.Ops = false, changed.Ops&^keys.OpExport
			}
			c.objects[i] = &changed
		}
		return nil
	})
}

// Destroy removes a key, both halves of a pair.
func (t *Token) Destroy(ctx context.Context, ref hsm.Ref) error {
	var in *card
	err := t.do(ctx, Destroy, ref.ID, func(c *card) error {
		t.slot.mu.Lock()
		defer t.slot.mu.Unlock()
		in = c
		halves, err := c.halves(ref)
		if err != nil {
			return err
		}
		c.remove(func(o *object) bool { return slices.Contains(halves, o) })
		return nil
	})
	if in != nil {
		t.noteDestroyed(in, ref, err)
	}
	return err
}

// noteDestroyed records a second Destroy of what a first one reported as done:
// a caller who was told so has no reason to try again.
func (t *Token) noteDestroyed(c *card, ref hsm.Ref, err error) {
	name := fmt.Sprintf("%s with id %x and label %q", ref.Class, ref.ID, ref.Label)
	t.slot.mu.Lock()
	defer t.slot.mu.Unlock()
	switch {
	case err == nil:
		c.destroyed[name] = true
	case fault.KindOf(err) == fault.NotFound && c.destroyed[name]:
		t.slot.misuse = append(t.slot.misuse, Misuse{DoubleDestroy, name})
	}
}

// halves returns what ref names, with its other half. The caller holds the
// slot's lock.
func (c *card) halves(ref hsm.Ref) ([]*object, error) {
	o, err := c.find(ref)
	if err != nil {
		return nil, err
	}
	public, err := c.publicHalf(o)
	if err != nil {
		return nil, err
	}
	if public == nil {
		return []*object{o}, nil
	}
	return []*object{o, public}, nil
}
