package storetest

import (
	"slices"
	"testing"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keysync"
	"gatehouse/ports/store"
)

// scan returns a sync of the world's group that has begun.
func (w *world) scan() keysync.Scan {
	return keysync.Scan{
		ID: id.Scan(w.uuid()), Group: w.group, Starter: id.Principal{Kind: id.UserPrincipal, ID: "u"}, Async: true, StartedAt: noon(),
	}
}

// scanned stores a sync that has ended.
func (w *world) scanned(t *testing.T) keysync.Scan {
	t.Helper()
	s := w.scan()
	wantDone(t, "BeginScan", w.BeginScan(t.Context(), s))
	s = s.End(noon().Add(time.Minute), keysync.Succeeded, "", keysync.Counts{}, nil)
	wantDone(t, "EndScan", w.EndScan(t.Context(), s))
	return s
}

func runScans(t *testing.T, place func(t *testing.T) Place) {
	t.Run("come back as they were stored, also after a restart", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		running := w.scan()
		wantDone(t, "BeginScan", w.BeginScan(ctx, running))
		w.reopen(t)
		got, err := w.Scan(ctx, w.group, running.ID)
		wantDone(t, "Scan", err)
		want(t, "running scan", got, running)
		all, err := w.RunningScans(ctx)
		wantDone(t, "RunningScans", err)
		want(t, "running scans", all, []keysync.Scan{running})

		ended := running.End(noon().Add(time.Second), keysync.Failed, "why", keysync.Counts{
			Objects: 1, Added: 2, Changed: 3, Back: 4, Missing: 5, Conflicts: 6, Unchanged: 7, Skipped: 8,
		}, []keysync.Warning{{CKAID: []byte{0, 255}, Label: []byte("z"), Key: "k", Message: "m"}, {Message: "a"}})
		wantDone(t, "EndScan", w.EndScan(ctx, ended))
		w.reopen(t)
		got, err = w.Scan(ctx, w.group, ended.ID)
		wantDone(t, "Scan", err)
		want(t, "ended scan", got, ended)
		all, err = w.RunningScans(ctx)
		wantDone(t, "RunningScans", err)
		want(t, "running scans", all, []keysync.Scan{})
	})

	t.Run("run one at a time in each group", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		first := w.scan()
		wantDone(t, "BeginScan", w.BeginScan(ctx, first))
		second := w.scan()
		wantFault(t, "BeginScan while one runs", w.BeginScan(ctx, second), fault.Conflict, "a sync of this group is running")
		elsewhere := w.scan()
		elsewhere.Group = w.addGroup(t, w.account, "Other keys")
		wantDone(t, "BeginScan in another group", w.BeginScan(ctx, elsewhere))
		all, err := w.RunningScans(ctx)
		wantDone(t, "RunningScans", err)
		want(t, "running scans", all, []keysync.Scan{first, elsewhere})
		wantDone(t, "EndScan", w.EndScan(ctx, first.End(noon(), keysync.Cancelled, "c", keysync.Counts{}, nil)))
		wantDone(t, "BeginScan after its end", w.BeginScan(ctx, second))
	})

	t.Run("end once", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		ended := w.scanned(t)
		wantFault(t, "EndScan again", w.EndScan(ctx, ended), fault.NotFound, "scan does not exist")
		wantFault(t, "EndScan of none", w.EndScan(ctx, w.scan()), fault.NotFound, "scan does not exist")
	})

	t.Run("are kept as far as they are the last of their group, and the one that runs", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		var all []keysync.Scan
		for range store.ScansKept + 3 {
			all = append([]keysync.Scan{w.scanned(t)}, all...)
		}
		running := w.scan()
		wantDone(t, "BeginScan", w.BeginScan(ctx, running))
		kept := slices.Concat([]keysync.Scan{running}, all[:store.ScansKept])
		got, err := w.ListScans(ctx, w.group)
		wantDone(t, "ListScans", err)
		want(t, "scans, the newest first", got, kept)
		_, err = w.Scan(ctx, w.group, all[store.ScansKept].ID)
		wantFault(t, "Scan of an old one", err, fault.NotFound, "scan does not exist")
	})

	t.Run("belong to their group", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		s := w.scanned(t)
		other := w.addGroup(t, w.account, "Other keys")
		_, err := w.Scan(ctx, other, s.ID)
		wantFault(t, "Scan in another group", err, fault.NotFound, "scan does not exist")
		list, err := w.ListScans(ctx, other)
		wantDone(t, "ListScans", err)
		want(t, "scans of another group", list, []keysync.Scan{})
		wantDone(t, "DeleteGroup", w.DeleteGroup(ctx, w.group))
		_, err = w.Scan(ctx, w.group, s.ID)
		wantFault(t, "Scan after the group", err, fault.NotFound, "scan does not exist")
		wantFault(t, "BeginScan in no group", w.BeginScan(ctx, w.scan()), fault.NotFound, "group does not exist")
	})
}
