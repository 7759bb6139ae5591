package cli

import (
	"context"
	"io"
	"strconv"
	"strings"

	"gatehouse/adapters/cli/render"
	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
)

type keyHistory struct{ storedKey }

// Run lists the changes of a key that can be undone.
func (k keyHistory) Run(ctx context.Context, t *tool) error {
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		found, err := c.Key(ctx, k.descriptor())
		if err != nil {
			return err
		}
		return t.show(found.History, func(w io.Writer) error {
			table := render.Table{Head: []string{"HISTORY ID", "UNTIL THEN", "OPERATIONS", "CHANGED", "CAN BE UNDONE UNTIL"}}
			for _, h := range found.History {
				table.Add(h.ID, h.State.State, strings.Join(h.State.KeyOps, " "), date(h.CreatedAt), date(h.Expiry))
			}
			return table.Write(w, "Nothing that could be undone.")
		})
	})
}

type revertObject struct {
	storedKey

	IDs string `help:"UUIDs of the changes, as key-history lists them, with commas." name:"ids" placeholder:"UUID,..." required:""`
}

// Run undoes changes of a key.
func (r revertObject) Run(ctx context.Context, t *tool) error {
	return t.onKey(ctx, r.storedKey, func(ctx context.Context, c *dsmclient.Client, kid string) error {
		return c.Revert(ctx, kid, split(r.IDs)...)
	})
}

// rotation says when a key is rotated by itself.
type rotation struct {
	RotateEvery         string `help:"Rotate it by itself: every so many days or months, as 90d or 3m; off ends it." name:"rotate-every" placeholder:"TIME|off"`
	RotationDeactivates bool   `help:"Deactivate the old key when it is rotated by itself." name:"rotation-deactivates"`
}

func (r rotation) fill(to *dsmwire.SobjectRequest) error {
	switch r.RotateEvery {
	case "":
		return nil
	case "off":
		to.RotationPolicy.Remove = true
		return nil
	}
	p := &dsmwire.RotationPolicy{DeactivateRotatedKey: given(r.RotationDeactivates)}
	unit := r.RotateEvery[len(r.RotateEvery)-1]
	n, err := strconv.ParseUint(r.RotateEvery[:len(r.RotateEvery)-1], 10, 32)
	switch count := ptr(uint32(n)); {
	case err == nil && unit == 'd':
		p.IntervalDays = count
	case err == nil && unit == 'm':
		p.IntervalMonths = count
	default:
		return fault.New(fault.Invalid, "--rotate-every must be a number of days or months, as 90d or 3m, or off")
	}
	to.RotationPolicy.Set = p
	return nil
}
