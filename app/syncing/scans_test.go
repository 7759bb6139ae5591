package syncing_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"gatehouse/app/grouping"
	"gatehouse/app/internal/apptest"
	"gatehouse/app/syncing"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/keysync"
	"gatehouse/ports/store"
	"gatehouse/simulators/storesim"
	"gatehouse/simulators/tokensim"
)

// begin begins a sync that nobody waits for.
func (w *world) begin() syncing.Running {
	w.t.Helper()
	r, err := w.Syncing.Start(w.ctx, w.admin, w.group.ID)
	apptest.Want(w.t, "Start", err, "")
	return r
}

// scans returns the syncs of the group, the newest first.
func (w *world) scans() []syncing.Running {
	w.t.Helper()
	all, err := w.Syncing.Scans(w.ctx, w.admin, w.group.ID)
	apptest.Want(w.t, "Scans", err, "")
	return all
}

// results returns how the syncs of the group have ended, the newest first.
func (w *world) results() []keysync.Result {
	var all []keysync.Result
	for _, r := range w.scans() {
		all = append(all, r.Result)
	}
	return all
}

// hang makes the next inventory hang, once do has made somebody ask for it.
func (w *world) hang(do func()) {
	w.t.Helper()
	w.HSM.Fail(tokensim.Fault{Call: tokensim.Inventory, Hang: true})
	do()
	if err := w.HSM.AwaitHanging(w.ctx, tokensim.Inventory, 1); err != nil {
		w.t.Fatal(err)
	}
}

func TestAScanThatNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	w.put(1, "alpha")
	var begun syncing.Running
	w.hang(func() { begun = w.begin() })
	if !begun.Async || begun.Result != keysync.Running || !begun.FinishedAt.IsZero() || begun.Starter != w.admin.Principal {
		t.Errorf("got %+v, want a scan that runs", begun)
	}
	again, err := w.Syncing.Start(w.ctx, w.Admin(w.account), w.group.ID)
	if apptest.Want(t, "Start while one runs", err, ""); again.ID != begun.ID {
		t.Errorf("got %+v, want the one that runs", again)
	}
	if all := w.scans(); len(all) != 1 || all[0].ID != begun.ID || all[0].Result != keysync.Running {
		t.Errorf("got %+v, want the one that runs", all)
	}
	w.HSM.Release()
	w.sync("") // waits for it
	got, err := w.Syncing.Scan(w.ctx, w.admin, w.group.ID, begun.ID)
	apptest.Want(t, "Scan", err, "")
	if want := (keysync.Counts{Objects: 1, Added: 1}); got.Result != keysync.Succeeded || got.Counts != want || got.FinishedAt.IsZero() {
		t.Errorf("got %+v, want it ended with %+v", got, want)
	}
	w.wantNames("alpha")
	if all := w.scans(); len(all) != 1 {
		t.Errorf("got %d scans, want none of the sync that found nothing new", len(all))
	}
	for range store.ScansKept + 2 {
		w.begin()
		w.sync("")
	}
	if all := w.scans(); len(all) != store.ScansKept {
		t.Errorf("got %d scans, want the last %d", len(all), store.ScansKept)
	}
	_, err = w.Syncing.Scan(w.ctx, w.admin, w.group.ID, begun.ID)
	apptest.Want(t, "a scan of long ago", err, fault.NotFound)
}

func TestScansThatFail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	w.put(1, "alpha")
	w.HSM.Fail(tokensim.Fault{Call: tokensim.Inventory, Err: fault.New(fault.Unavailable, "no answer").Because(fault.TimedOut)})
	begun := w.begin()
	w.sync("")
	got, err := w.Syncing.Scan(w.ctx, w.admin, w.group.ID, begun.ID)
	apptest.Want(t, "Scan", err, "")
	if got.Result != keysync.Failed || got.Message != "Not Connected: timed out" {
		t.Errorf("got %+v, want it failed with the reason", got)
	}
	w.wantNames("alpha")

	w.put(5, "late") // the HSM is lost when most of it was read
	w.HSM.Fail(tokensim.Fault{Call: tokensim.Inventory, Apply: true, Err: fault.New(fault.Unavailable, "no answer").Because(fault.TimedOut)})
	w.sync(fault.Unavailable)
	w.wantNames("alpha")
	if got := w.scans()[0]; got.Async || got.Result != keysync.Failed || got.Message != "Not Connected: timed out" {
		t.Errorf("got %+v, want the failure of a sync that somebody waited for", got)
	}
	w.take(5)

	w.Store.Fail(storesim.Fault{Call: "BeginScan", Err: storesim.Lost()})
	_, err = w.Syncing.Start(w.ctx, w.admin, w.group.ID)
	apptest.Want(t, "a beginning that cannot be stored", err, fault.Unavailable)
	w.put(2, "beta")
	w.Store.Fail(storesim.Fault{Call: "EndScan", Err: storesim.Lost()})
	w.sync(fault.Unavailable) // the keys are recorded all the same
	w.wantNames("alpha", "beta")
	w.put(3, "gamma")
	w.sync("")
	if got, want := w.results()[:2], []keysync.Result{keysync.Succeeded, keysync.Succeeded}; !slices.Equal(got, want) {
		t.Errorf("got %q, want the end of the earlier one stored late", got)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	w.put(1, "alpha")
	var begun syncing.Running
	w.hang(func() { begun = w.begin() })
	apptest.Want(t, "Cancel by an app", w.Syncing.Cancel(w.ctx, w.app, w.group.ID, begun.ID), fault.Denied)
	apptest.Want(t, "Cancel", w.Syncing.Cancel(w.ctx, w.admin, w.group.ID, begun.ID), "")
	w.HSM.Release()
	got, err := w.Syncing.Scan(w.ctx, w.admin, w.group.ID, begun.ID)
	apptest.Want(t, "Scan", err, "")
	if got.Result != keysync.Cancelled || got.Message == "" || len(w.keys()) != 0 {
		t.Errorf("got %+v and %d keys, want it cancelled before anything was recorded", got, len(w.keys()))
	}
	apptest.Want(t, "Cancel again", w.Syncing.Cancel(w.ctx, w.admin, w.group.ID, begun.ID), fault.Conflict)
	apptest.Want(t, "Cancel of none", w.Syncing.Cancel(w.ctx, w.admin, w.group.ID, id.Scan(w.NewID())), fault.NotFound)
	w.sync("")
	w.wantNames("alpha")
}

func TestAnInterruptedScan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	for n := range 700 {
		w.put(n, fmt.Sprintf("key %d", n))
	}
	dead := false
	w.Store.Fail(storesim.Fault{Call: "SyncKeys", Skip: 1, Err: storesim.Lost(), Before: func() {
		dead = true
		w.Store.Fail(storesim.Fault{Err: storesim.Lost(), Stays: true}) // as if the process had been killed
	}})
	w.sync(fault.Unavailable)
	w.Store.Clear()
	w.Restart()
	if got := w.results(); !dead || len(got) != 1 || got[0] != keysync.Running {
		t.Fatalf("got the scans %q, want one that nobody ended", got)
	}
	recorded := w.Recorded(func() { apptest.Want(t, "Interrupted", w.Syncing.Interrupted(w.ctx), "") })
	if want := []string{"done group sync ended"}; !slices.Equal(recorded, want) {
		t.Errorf("got the records %q, want %q", recorded, want)
	}
	if got := w.scans()[0]; got.Result != keysync.Failed || got.Message == "" || len(w.keys()) != 500 {
		t.Errorf("got %+v and %d keys, want it failed and the first 500 kept", got, len(w.keys()))
	}
	if out := w.sync(""); out.Added != 200 || out.Unchanged != 500 {
		t.Errorf("got %+v, want the other 200 added", out.Counts)
	}
	apptest.Want(t, "Interrupted with nothing to do", w.Syncing.Interrupted(w.ctx), "")
}

func TestAutomaticSyncs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	w.put(1, "alpha")
	set := func(hours int) {
		_, err := w.Grouping.Update(w.ctx, w.admin, w.group.ID, grouping.Change{AutoScan: &hours})
		apptest.Want(t, "Update", err, "")
	}
	due := func(want int, kind fault.Kind) {
		t.Helper()
		got := w.Recorded(func() { apptest.Want(t, "SyncDue", w.Syncing.SyncDue(w.ctx), kind) })
		n := 0
		for _, r := range got {
			if r == "begun group sync" {
				n++
			}
		}
		if n != want {
			t.Errorf("got the records %q, want %d syncs", got, want)
		}
	}
	due(0, "")
	set(2)
	due(1, "")
	w.wantNames("alpha")
	due(0, "")
	w.Pass(2*time.Hour - time.Second)
	due(0, "")
	w.Pass(time.Second)
	w.HSM.Fail(tokensim.Fault{Call: tokensim.Inventory, Err: fault.New(fault.Unavailable, "no answer").Because(fault.TimedOut)})
	due(1, fault.Unavailable)
	due(0, "")
	w.Pass(keysync.RetryAfter)
	due(1, "")
	w.Pass(3 * time.Hour)
	w.Restart()
	due(1, "")
	set(0)
	w.Pass(3 * time.Hour)
	due(0, "")
	if got := w.scans()[0]; got.Starter.Kind != id.SystemPrincipal || !got.Async {
		t.Errorf("got %+v, want one that the service began", got)
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	for n, name := range []string{"same", "gone", "back", "old label"} {
		w.put(n, name)
	}
	w.generate("taken")
	w.sync("")
	w.take(2)
	w.sync("")
	w.put(2, "back")
	w.take(1)
	w.put(7, "taken")
	before, records := w.Store.Writes(), w.Store.Calls()["AppendAudit"]
	p, err := w.Syncing.Plan(w.ctx, w.admin, w.group.ID)
	apptest.Want(t, "Plan", err, "")
	if want := (keysync.Counts{Objects: 5, Added: 1, Changed: 1, Back: 1, Missing: 1, Unchanged: 3}); p.Counts != want {
		t.Errorf("got %+v, want %+v", p.Counts, want)
	}
	if len(p.New) != 1 || p.New[0].Name != "taken (2)" || len(p.Changed) != 1 || p.Changed[0].Key.Name != "back" || len(p.Missing) != 1 || p.Missing[0].Name != "gone" {
		t.Errorf("got %+v", p)
	}
	if w.Store.Writes() != before || w.Store.Calls()["AppendAudit"] != records {
		t.Error("a plan has written something")
	}
	out := w.sync("")
	if out.Counts != p.Counts {
		t.Errorf("the sync: got %+v, want as planned %+v", out.Counts, p.Counts)
	}
	_, err = w.Syncing.Plan(w.ctx, w.app, w.group.ID)
	apptest.Want(t, "an app", err, fault.Denied)
	w.HSM.Fail(tokensim.Fault{Call: tokensim.Inventory, Err: fault.New(fault.Unavailable, "no answer").Because(fault.TimedOut)})
	_, err = w.Syncing.Plan(w.ctx, w.admin, w.group.ID)
	apptest.Want(t, "an HSM that is out of reach", err, fault.Unavailable)
}

func TestEachDifferenceIsAudited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	w.put(1, "alpha")
	w.put(2, "beta")
	w.sync("")
	w.take(1)
	w.put(3, "gamma")
	of := func() []string {
		var got []string
		for _, r := range w.Records(func() { w.sync("") }) {
			if r.Action != "group sync" {
				got = append(got, r.Action+" "+w.name(id.Key(r.Object)))
			}
		}
		return got
	}
	if got, want := of(), []string{"key missing alpha", "key imported by sync gamma"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	w.put(1, "alpha")
	if got, want := of(), []string{"key back alpha"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := of(); got != nil {
		t.Errorf("got %q, want nothing", got)
	}
}

// name returns the name of a key.
func (w *world) name(k id.Key) string {
	i := slices.IndexFunc(w.keys(), func(known keys.Key) bool { return known.ID == k })
	if i < 0 {
		return "?"
	}
	return w.keys()[i].Name
}

func TestClosing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	w.hang(func() { w.begin() })
	closed := make(chan struct{})
	go func() {
		w.Syncing.Close()
		close(closed)
	}()
	<-closed
	w.HSM.Release()
	_, err := w.Syncing.Start(w.ctx, w.admin, w.group.ID)
	apptest.Want(t, "Start afterwards", err, fault.Unavailable)
	w.sync(fault.Unavailable)
	if got := w.results(); got[0] != keysync.Failed {
		t.Errorf("got %q, want the scan failed", got)
	}
	w.Restart()
	w.sync("")
}

func TestWhoMaySeeScans(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	w.begin()
	w.sync("")
	for what, c := range map[string]struct {
		who  access.Caller
		want fault.Kind
	}{
		"an auditor":                      {w.User(w.account, access.AccountAuditor, nil), ""},
		"an app of the group":             {w.app, ""},
		"another account's administrator": {w.Admin(w.AddAccount("elsewhere")), fault.NotFound},
	} {
		_, err := w.Syncing.Scans(w.ctx, c.who, w.group.ID)
		apptest.Want(t, what, err, c.want)
	}
	_, err := w.Syncing.Start(w.ctx, w.User(w.account, access.AccountAuditor, nil), w.group.ID)
	apptest.Want(t, "Start by an auditor", err, fault.Denied)
	if got := w.results(); len(got) != 1 {
		t.Errorf("got %q, want no scan of what was refused", got)
	}
}
