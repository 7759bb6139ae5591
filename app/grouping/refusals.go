package grouping

import (
	"context"
	"errors"

	"gatehouse/app/catalogue"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
)

// Refusals returns what package slotkeys remembers refused PINs with: in the
// store, with the connection, as long as that leads the same way.
func Refusals(cat *catalogue.Catalogue) func(context.Context, id.Group, groups.Connection, groups.Refusal) error {
	return func(ctx context.Context, gid id.Group, conn groups.Connection, r groups.Refusal) error {
		_, err := cat.UpdateGroup(ctx, gid, func(g groups.Group) (groups.Group, error) {
			g = g.Clone()
			for i, now := range g.Connections {
				if now.SameWay(conn) && now.Refusal.Reason != r.Reason {
					g.Connections[i].Refusal = r
					return g, nil
				}
			}
			return g, errUnchanged
		})
		if errors.Is(err, errUnchanged) || errors.Is(err, fault.NotFound) { // changed or deleted meanwhile
			return nil
		}
		return err
	}
}

var errUnchanged = errors.New("there is nothing to record")
