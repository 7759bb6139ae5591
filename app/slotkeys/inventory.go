package slotkeys

import (
	"context"

	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/keysync"
	"gatehouse/ports/token"
)

// Inventory yields every object of the group's slot, and returns through which
// connection they were read. It does not go on with another connection in the
// middle: that one would begin anew.
func (b *Backend) Inventory(ctx context.Context, g groups.Group, yield func(hsm.Object) error) (through id.Connection, err error) {
	var cutOff error
	err = b.try(ctx, g, call{within: b.cfg.InventoryWithin, repeatable: true, through: &through, do: func(ctx context.Context, t token.Token) error {
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
	return through, err
}

// InventoryThrough yields every object of the slot behind one connection of a
// group, if requests use that connection: Unavailable otherwise.
func (b *Backend) InventoryThrough(ctx context.Context, g groups.Group, c id.Connection, yield func(hsm.Object) error) error {
	l, err := b.links.find(g, c)
	if err != nil {
		return err
	}
	if usable, _ := l.usable(); !usable {
		return notConnected(fault.New(fault.Unavailable, "the connection does not work now"))
	}
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, b.cfg.InventoryWithin)
	defer cancel()
	_, err = l.serve(ctx, caller, call{repeatable: true, do: func(ctx context.Context, t token.Token) error {
		return t.Inventory(ctx, hsm.Filter{}, yield)
	}}, picked{left: 1}, 0)
	return notConnected(err)
}

// Differ takes note of how the keys behind connections of a group differ, until
// they are changed. It returns those for which that is news.
func (b *Backend) Differ(g groups.Group, differences map[id.Connection]keysync.Difference) []id.Connection {
	var news []id.Connection
	for c, d := range differences {
		if l, err := b.links.find(g, c); err == nil && l.differ(d) {
			news = append(news, c)
		}
	}
	return news
}

func (l *link) differ(d keysync.Difference) (news bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	news = l.different.String() != d.String()
	l.different = d
	return news
}
