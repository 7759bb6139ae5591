package slotkeys

import (
	"context"

	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/ports/token"
)

// Inventory yields every object of the group's slot. It does not go on with
// another connection in the middle: that one would begin anew.
func (b *Backend) Inventory(ctx context.Context, g groups.Group, yield func(hsm.Object) error) error {
	var cutOff error
	return b.try(ctx, g, call{within: b.cfg.InventoryWithin, repeatable: true, do: func(ctx context.Context, t token.Token) error {
		if cutOff != nil {
			return cutOff
		}
		begun := false
		err := t.Inventory(ctx, hsm.Filter{}, func(o hsm.Object) error {
			begun = true
			return yield(o)
		})
		if begun {
			cutOff = err
		}
		return err
	}})
}
