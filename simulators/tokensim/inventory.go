package tokensim

import (
	"bytes"
	"context"

	"gatehouse/core/hsm"
)

// Inventory yields the objects that the filter lets through, as they were when
// it began.
func (t *Token) Inventory(ctx context.Context, f hsm.Filter, yield func(hsm.Object) error) error {
	return t.do(ctx, Inventory, f.ID, func(c *card) error {
		returned := false
		defer func() {
			if !returned {
				t.slot.record(SearchLeft, "yield did not return")
			}
		}()
		err := t.walk(ctx, c, f, yield)
		returned = true
		return err
	})
}

func (t *Token) walk(ctx context.Context, c *card, f hsm.Filter, yield func(hsm.Object) error) error {
	t.slot.mu.Lock()
	objects := append([]*object{}, c.objects...)
	t.slot.mu.Unlock()
	for _, o := range objects {
		if f.ID != nil && !bytes.Equal(o.ID, f.ID) || o.hidden[t] && !f.Afresh {
			continue
		}
		if err := ctx.Err(); err != nil {
			return timedOut(err)
		}
		if err := yield(clone(o.Object)); err != nil {
			return err
		}
	}
	return nil
}
