package crash_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/app/assembly/service"
	"gatehouse/core/audit"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/keysync"
	"gatehouse/core/policy"
	"gatehouse/features/relay"
)

// work is what a sync has to record: new keys, and known ones that were given
// another label, have vanished, or are as they were. A page has 500.
type work struct{ moved, vanished, unmoved, fresh int }

// told is what somebody who asked for a sync has heard of it.
type told struct {
	scan string // of one in the background
	all  bool   // that it has ended well
	err  error
}

// way is how somebody asks for a sync.
type way struct {
	name string
	work work
	seen []stage // where it is to be killed at least once
	sync func(ctx context.Context, c *dsmclient.Client, group string) told
}

func ways() []way {
	return []way{
		{"a sync that somebody waits for", work{505, 10, 5, 5}, []stage{nothing, begun, someChanges, changes, ended}, func(ctx context.Context, c *dsmclient.Client, group string) told {
			_, err := c.Sync(ctx, group, nil)
			return told{all: err == nil, err: err}
		}},
		{"a sync in the background", work{5, 10, 5, 505}, []stage{begun, changes, someNew, ended}, func(ctx context.Context, c *dsmclient.Client, group string) (t told) {
			begun, err := c.StartScan(ctx, group)
			t.scan = begun.ScanID
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for ; err == nil; <-tick.C {
				if begun, err = c.ScanByID(ctx, group, t.scan); err == nil && begun.Result != nil {
					break
				}
			}
			t.all, t.err = err == nil && begun.Result.Type == string(keysync.Succeeded), err
			return t
		}},
	}
}

// TestServiceCrashesWhileItSyncs kills the service at each step of a sync that
// has new, changed and vanished keys to record, more than a page of them.
func TestServiceCrashesWhileItSyncs(t *testing.T) {
	w, sim := newSimulatedWorld(t)
	w.signIn()
	at := func(watch func(relay.Direction) *relay.Watch, d relay.Direction) func() <-chan struct{} {
		return func() <-chan struct{} { return watch(d).Seen }
	}
	var all []*estate
	for _, by := range ways() {
		seen := map[stage]int{}
		round := func(when string, arm func() <-chan struct{}) (survived bool) {
			e := w.newEstate(sim, fmt.Sprintf("%d", len(all)+1), by.work)
			all = append(all, e)
			s, survived := w.crashSync(e, by, arm)
			if !survived {
				seen[s]++
				t.Logf("%s, killed %s: %s", by.name, when, s)
			}
			return survived
		}
		round("when the gateway was about to be asked", at(w.hmg.Hold, relay.Request))
		round("when the keys were on their way", at(w.hmg.Watch, relay.Answer))
		commits := int64(0)
		for !round(fmt.Sprintf("in the middle of its commit %d", commits+1), func() <-chan struct{} {
			must(t, w.trap.Within(commits+1))
			return w.lab.ServiceGone()
		}) {
			commits++
		}
		written := func(n int64) {
			round(fmt.Sprintf("when its commit %d was written", n), func() <-chan struct{} {
				must(t, w.trap.After(n))
				return w.lab.ServiceGone()
			})
		}
		written(4)
		for try := range int64(6) { // what is recorded together, and so the number of the last commit, differs by one
			if seen[ended] == 0 {
				written(commits + try%2)
			}
		}
		for _, s := range by.seen {
			if seen[s] == 0 {
				t.Errorf("%s: never killed %s", by.name, s)
			}
		}
	}
	w.audited(all)
}

// stage is how far a sync had come when the service was killed.
type stage string

const (
	nothing     stage = "before anything was recorded"
	begun       stage = "when its beginning was recorded, and no key"
	someChanges stage = "between two pages of changed keys"
	changes     stage = "between changed and new keys"
	someNew     stage = "between two pages of new keys"
	everything  stage = "when all keys were recorded, and its end was not"
	ended       stage = "when its end was recorded"
)

// crashSync has e synced, kills the service when armed has come, restarts it,
// and makes sure that nothing is lost and a further sync does the rest. Survived
// says that the sync has ended before that.
func (w *world) crashSync(e *estate, by way, arm func() <-chan struct{}) (s stage, survived bool) {
	w.t.Helper()
	ctx := w.t.Context()
	heard := make(chan told, 1)
	armed := arm()
	go func() { heard <- by.sync(ctx, w.admin, e.group.GroupID) }()
	var has told
	var early bool
	select {
	case <-armed:
	case has = <-heard:
		early = true
	case <-time.After(patience):
		w.t.Fatal("the sync neither ends nor comes to where it is to be killed")
	}
	must(w.t, w.trap.Disarm())
	if early { // unless what it still had to write has killed it
		if _, err := w.admin.Scans(ctx, e.group.GroupID); err == nil {
			w.hmg.Release()
			w.synced(e)
			return "", true
		}
	}
	resume, err := w.lab.CrashService()
	must(w.t, err)
	w.hmg.Release()
	if !early {
		has = <-heard
	}
	left := w.left(e)
	must(w.t, resume(ctx))
	w.transport.CloseIdleConnections()

	if has.all && left.stage != ended && left.stage != everything {
		w.t.Errorf("%s: was told that all is well %s", by.name, left.stage)
	}
	w.kept(e, left, has)
	eventually(w.t, "syncing once more", func() error {
		out, err := w.admin.Sync(ctx, e.group.GroupID, nil)
		if err == nil && !cmp.Equal(out.Warnings, e.warned) {
			w.t.Errorf("the sync after the restart warns of %v, want %v", out.Warnings, e.warned)
		}
		return err
	})
	w.synced(e)
	return left.stage, false
}

// leftovers is what a killed service has left in its database.
type leftovers struct {
	stage stage
	scans []keysync.Scan // that had begun and not ended
}

func (w *world) left(e *estate) (l leftovers) {
	w.t.Helper()
	ctx, group := w.t.Context(), id.Group(e.group.GroupID)
	store, _, _, err := service.StoreConfig{DataDir: w.copyOf(), MasterKey: "file"}.OpenStore(ctx)
	must(w.t, err)
	changed, added := 0, 0
	must(w.t, store.EachKey(ctx, group, func(k keys.Key) error {
		switch {
		case strings.HasPrefix(string(k.Virtual.ID), "new"):
			added++
		case strings.HasPrefix(string(k.Virtual.Label), "moved"), !k.Virtual.MissingSince.IsZero():
			changed++
		}
		return nil
	}))
	scans, err := store.ListScans(ctx, group)
	must(w.t, errors.Join(err, store.Close()))
	for _, s := range scans {
		if s.Result == keysync.Running {
			l.scans = append(l.scans, s)
		}
	}
	switch {
	case added == e.work.fresh && len(l.scans) == 0:
		l.stage = ended
	case added == e.work.fresh:
		l.stage = everything
	case added > 0:
		l.stage = someNew
	case changed == e.work.moved+e.work.vanished:
		l.stage = changes
	case changed > 0:
		l.stage = someChanges
	case len(l.scans) > 0:
		l.stage = begun
	default:
		l.stage = nothing
	}
	if added > 0 && changed != e.work.moved+e.work.vanished || len(l.scans) > 1 || len(l.scans) == 0 && (changed > 0 || added > 0) && l.stage != ended {
		w.t.Errorf("%d keys are changed, %d are new and %d scans run: that must not be", changed, added, len(l.scans))
	}
	return l
}

// kept makes sure that nothing is forgotten that the service has told, and that
// what was interrupted is told to have been.
func (w *world) kept(e *estate, left leftovers, has told) {
	w.t.Helper()
	states, err := w.admin.ScanStates(w.t.Context(), e.group.GroupID)
	must(w.t, err)
	byID := map[string]dsmwire.ScanState{}
	for _, s := range states {
		byID[s.ScanID] = s
		if s.State == "Running" {
			w.t.Errorf("the scan %s is said to run after a restart", s.ScanID)
		}
	}
	for _, want := range e.history {
		if diff := cmp.Diff(want, byID[want.ScanID], cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" {
			w.t.Errorf("an earlier scan is told otherwise (-want +got):\n%s", diff)
		}
	}
	for _, s := range left.scans {
		got := byID[string(s.ID)]
		if got.State != "Failed" || got.Result == nil || got.Result.Message == nil || !strings.Contains(*got.Result.Message, "stopped while the sync ran") {
			w.t.Errorf("an interrupted scan is told as %+v", got)
		}
	}
	if _, known := byID[has.scan]; has.scan != "" && !known {
		w.t.Errorf("the scan %s was told to have begun, and is not known", has.scan)
	}
}

// synced makes sure that the group holds what the HSM holds, key by key, and
// that a further sync writes nothing.
func (w *world) synced(e *estate) {
	w.t.Helper()
	ctx := w.t.Context()
	before := w.exact(e)
	history, err := w.admin.ScanStates(ctx, e.group.GroupID)
	must(w.t, err)
	out, err := w.admin.Sync(ctx, e.group.GroupID, nil)
	must(w.t, err)
	if len(out.Added) != 0 || out.Changed != 0 || out.Missing != 0 || out.Unchanged != e.began+e.work.fresh {
		w.t.Errorf("a repeated sync finds %d new keys, %d changed and %d missing ones, and %d as they were", len(out.Added), out.Changed, out.Missing, out.Unchanged)
	}
	all := cmp.Exporter(func(reflect.Type) bool { return true })
	if diff := cmp.Diff(before, w.exact(e), all); diff != "" {
		w.t.Errorf("a repeated sync changes keys (-before +after):\n%s", diff)
	}
	again, err := w.admin.ScanStates(ctx, e.group.GroupID)
	must(w.t, err)
	if diff := cmp.Diff(history, again, all); diff != "" {
		w.t.Errorf("a repeated sync changes the history (-before +after):\n%s", diff)
	}
}

// exact compares the keys of a group with those of its HSM, one by one, and
// returns the former.
func (w *world) exact(e *estate) []dsmwire.Sobject {
	w.t.Helper()
	inToken := places(e.slot.Objects())
	var all []dsmwire.Sobject
	missing, ids := 0, map[string]bool{}
	must(w.t, w.admin.AllKeys(w.t.Context(), dsmclient.KeyQuery{GroupID: e.group.GroupID}, func(k dsmwire.Sobject) error {
		all = append(all, k)
		if ids[k.KID] {
			w.t.Errorf("the key %q is listed twice", k.Name)
		}
		ids[k.KID] = true
		if !k.Gatehouse.MissingSince.IsZero() {
			missing++
			return nil
		}
		inToken[hex.EncodeToString(k.External.ID.ID)+" "+string(k.External.ID.Label)]--
		return nil
	}))
	wrong := 0
	for name, n := range inToken {
		if n != 0 {
			if wrong++; wrong <= 5 {
				w.t.Errorf("the HSM holds %+d more than the service of the key %s", n, name)
			}
		}
	}
	if missing != e.work.vanished || len(all) != e.began+e.work.fresh || wrong > 0 {
		w.t.Errorf("got %d keys, %d of them missing, %d not as in the HSM; want %d keys, %d of them missing", len(all), missing, wrong, e.began+e.work.fresh, e.work.vanished)
	}
	slices.SortFunc(all, func(a, b dsmwire.Sobject) int { return strings.Compare(a.KID, b.KID) })
	return all
}

// audited makes sure that the audit log tells of everything that syncs have
// done to keys. It kills the service for that.
func (w *world) audited(all []*estate) {
	w.t.Helper()
	ctx := w.t.Context()
	resume, err := w.lab.CrashService()
	must(w.t, err)
	store, _, _, err := service.StoreConfig{DataDir: w.copyOf(), MasterKey: "file"}.OpenStore(ctx)
	must(w.t, err)
	notes := map[string]bool{}
	must(w.t, store.EachAudit(ctx, 0, func(r audit.Record) error {
		notes[r.Action+" "+r.Object] = true
		return nil
	}))
	seen := map[string]int{}
	for _, e := range all {
		untold := map[string]int{}
		must(w.t, store.EachKey(ctx, id.Group(e.group.GroupID), func(k keys.Key) error {
			want := []string{policy.KeyImported}
			switch {
			case !k.Virtual.MissingSince.IsZero():
				want = append(want, policy.KeyMissing)
			case strings.HasPrefix(string(k.Virtual.Label), "moved"):
				want = append(want, policy.KeyMoved)
			}
			for _, action := range want {
				seen[action]++
				if !notes[action+" "+string(k.ID)] {
					untold[action]++
				}
			}
			return nil
		}))
		if len(untold) > 0 {
			w.t.Errorf("estate %s: the audit log lacks %v", e.name, untold)
		}
	}
	must(w.t, store.Close())
	w.t.Logf("the audit log tells of all of %v", seen)
	if len(seen) != 3 {
		w.t.Errorf("got %v, want three kinds of records", seen)
	}
	must(w.t, resume(ctx))
}
