package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"gatehouse/adapters/cli/render"
	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
)

type syncPlan struct{ oneGroup }

// Run tells what a sync would do.
func (s syncPlan) Run(ctx context.Context, t *tool) error {
	return t.onGroup(ctx, s.oneGroup, manages, func(ctx context.Context, c *dsmclient.Client, id string) error {
		plan, err := c.SyncPlan(ctx, id)
		if err != nil {
			return err
		}
		return t.show(plan, func(w io.Writer) error { return planned(w, plan) })
	})
}

func planned(w io.Writer, p dsmwire.SyncPlan) error {
	_, err := fmt.Fprintf(w, "%d objects: a sync would add %d, change %d, mark %d missing, leave %d in conflict, %d unchanged, %d skipped\n",
		p.Objects, len(p.Added), len(p.Changed), len(p.Missing), len(p.InConflict), p.Unchanged, p.Skipped)
	if err != nil {
		return err
	}
	table := render.Table{Head: []string{"WOULD BE", "NAME", "TYPE", "SIZE", "CKA_ID", "CKA_LABEL", "WHY"}}
	add := func(what string, k dsmwire.PlannedKey, why string) {
		size := k.Curve
		if size == "" && k.KeySize > 0 {
			size = strconv.Itoa(k.KeySize)
		}
		table.Add(what, k.Name, k.ObjType, size, k.SourceKeyID, k.Label, orElse(k.Message, why))
	}
	for _, k := range p.Added {
		add("added", k, "")
	}
	for _, k := range p.Changed {
		why := ""
		if k.Back {
			why = "it is back"
		} else if k.NewSourceKeyID != k.SourceKeyID || k.NewLabel != k.Label {
			why = "now CKA_ID " + k.NewSourceKeyID + ", CKA_LABEL " + k.NewLabel
		}
		add("changed", k.PlannedKey, why)
	}
	for _, k := range p.Missing {
		add("missing", k, "")
	}
	for _, k := range p.InConflict {
		add("in conflict", k, "")
	}
	if len(table.Rows) > 0 {
		if err := table.Write(w, ""); err != nil {
			return err
		}
	}
	return warnings(w, p.Warnings)
}

// warnings tells what a sync met that is odd.
func warnings(w io.Writer, all []dsmwire.ScanWarning) error {
	for _, warning := range all {
		line := "warning: " + warning.Message
		if warning.SourceKeyID != "" {
			line += " (CKA_ID " + warning.SourceKeyID + ")"
		}
		if _, err := fmt.Fprintln(w, render.Text(line)); err != nil {
			return err
		}
	}
	return nil
}

type syncHistory struct{ oneGroup }

// Run lists the syncs of a group.
func (s syncHistory) Run(ctx context.Context, t *tool) error {
	return t.onGroup(ctx, s.oneGroup, manages, func(ctx context.Context, c *dsmclient.Client, id string) error {
		all, err := c.ScanStates(ctx, id)
		if err != nil {
			return err
		}
		return t.show(all, func(w io.Writer) error {
			table := render.Table{Head: []string{"SCAN ID", "STARTED", "STATE", "BY", "FOUND"}}
			for _, s := range all {
				table.Add(s.ScanID, date(s.StartedAt), s.State, principal(s.Starter), foundBy(s))
			}
			return table.Write(w, "No syncs yet.")
		})
	})
}

// foundBy tells what a sync has found, or how far it is, or why it failed.
func foundBy(s dsmwire.ScanState) string {
	switch {
	case s.Progress != nil:
		return fmt.Sprintf("%s: %d of %d", s.Progress.Phase, s.Progress.Done, s.Progress.Total)
	case s.Result != nil && s.Result.Message != nil:
		return *s.Result.Message
	case s.Counts != nil:
		return fmt.Sprintf("%d objects, %d new, %d changed, %d missing", s.Counts.Objects, s.Counts.Added, s.Counts.Changed, s.Counts.Missing)
	default:
		return ""
	}
}

type cancelSync struct {
	oneGroup

	ScanID string `help:"UUID of the sync, as sync-history lists it." name:"scan-id" placeholder:"UUID" required:""`
}

// Run cancels a sync.
func (s cancelSync) Run(ctx context.Context, t *tool) error {
	return t.onGroup(ctx, s.oneGroup, manages, func(ctx context.Context, c *dsmclient.Client, id string) error {
		return c.CancelScan(ctx, id, s.ScanID)
	})
}
