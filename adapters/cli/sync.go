package cli

import (
	"context"
	"fmt"
	"io"

	"gatehouse/adapters/cli/render"
	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
)

type syncKeys struct {
	oneGroup

	Background bool `help:"Begin it and do not wait; sync-history tells how it goes."`
}

// Run brings the virtual keys of a group in line with its HSM.
func (s syncKeys) Run(ctx context.Context, t *tool) error {
	return t.onGroup(ctx, s.oneGroup, manages, func(ctx context.Context, c *dsmclient.Client, id string) error {
		if s.Background {
			scan, err := c.StartScan(ctx, id)
			if err != nil {
				return err
			}
			return t.showID(scan.ScanID, scan)
		}
		b := t.bar("reading")
		out, err := c.Sync(ctx, id, func(p dsmwire.SyncProgress) {
			b.phase(p.Phase)
			b.set(p.Done, p.Total)
		})
		b.end()
		if err != nil {
			return err
		}
		for i := range out.Added {
			out.Added[i] = public(out.Added[i])
		}
		return t.show(out, func(w io.Writer) error { return synced(w, out) })
	})
}

func synced(w io.Writer, out dsmwire.SyncOutcome) error {
	_, err := fmt.Fprintf(w, "%d objects: %d new, %d changed, %d missing, %d unchanged, %d skipped\n",
		out.Objects, len(out.Added), out.Changed, out.Missing, out.Unchanged, out.Skipped)
	if err != nil {
		return err
	}
	if len(out.Added) > 0 {
		table := render.Table{Head: []string{"NEW KID", "NAME", "TYPE", "SIZE", "CKA_ID"}}
		for _, k := range out.Added {
			id := ""
			if k.External != nil {
				id = fmt.Sprintf("%x", k.External.ID.ID)
			}
			table.Add(k.KID, k.Name, k.ObjType, sizeOf(k), id)
		}
		if err := table.Write(w, ""); err != nil {
			return err
		}
	}
	return warnings(w, out.Warnings)
}
