package syncing_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/app/internal/apptest"
	"gatehouse/app/syncing"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/simulators/storesim"
	"gatehouse/simulators/tokensim"
)

func TestSync(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	w.put(1, "alpha")
	w.put(2, "alpha")
	w.put(3, "")
	if err := w.HSM.Add(hsm.Object{Class: hsm.Certificate, ID: []byte{9}}, secret.Value{}); err != nil {
		t.Fatal(err)
	}
	own := w.generate("own")
	recorded := w.Recorded(func() {
		out := w.sync("")
		if out.Objects != 5 || out.Added != 3 || out.Unchanged != 1 || out.Changed+out.Missing+out.Skipped != 0 || len(out.Warnings) != 1 {
			t.Errorf("got %+v, want 3 of 5 objects added, one known and a warning", out)
		}
		for _, k := range out.Keys {
			if k.Creator != (id.Principal{Kind: id.GroupPrincipal, ID: string(w.group.ID)}) || k.Origin != keys.OriginExternal || k.State != keys.Active || !k.Enabled || k.Virtual.Own {
				t.Errorf("got %+v, want an active key that the group found", k)
			}
		}
	})
	const imported = "done key imported by sync"
	if want := []string{"begun group sync", imported, imported, imported, "done group sync"}; !slices.Equal(recorded, want) {
		t.Errorf("got the records %q, want %q", recorded, want)
	}
	w.wantNames("alpha", "alpha (2)", "id-00000003", "own")
	for _, name := range []string{"alpha", "alpha (2)", "id-00000003", "own"} {
		apptest.Want(t, name+" encrypts", w.encrypts(name), "")
	}

	writes := w.Store.Writes()
	if out := w.sync(""); out.Added+out.Changed+out.Missing != 0 || out.Unchanged != 4 || w.Store.Writes() != writes {
		t.Errorf("again: got %+v and %d writes, want nothing new and none", out, w.Store.Writes()-writes)
	}

	w.take(1)
	w.put(4, "late")
	w.Pass(1)
	if out := w.sync(""); out.Added != 1 || out.Missing != 1 || out.Unchanged != 3 {
		t.Errorf("after changes in the HSM: got %+v, want one added and one missing", out)
	}
	w.wantNames("[alpha]", "alpha (2)", "id-00000003", "late", "own")
	apptest.Want(t, "a missing key", w.encrypts("alpha"), fault.BadState)
	writes = w.Store.Writes()
	if out := w.sync(""); out.Added+out.Changed+out.Missing != 0 || w.Store.Writes() != writes {
		t.Errorf("again: got %+v and %d writes, want nothing new and none", out, w.Store.Writes()-writes)
	}
	w.put(1, "alpha")
	if out := w.sync(""); out.Changed != 1 || out.Added != 0 {
		t.Errorf("once it is back: got %+v, want it changed and nothing added", out)
	}
	apptest.Want(t, "the key that is back", w.encrypts("alpha"), "")
	apptest.Want(t, "Delete", w.Keyring.Delete(w.ctx, w.app, own.ID), "")
}

func TestOwnKeysOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{OwnKeysOnly: true})
	w.put(1, "alpha")
	w.generate("own")
	if out := w.sync(""); out.Skipped != 1 || out.Added != 0 || out.Unchanged != 1 {
		t.Errorf("got %+v, want the key of others left out", out)
	}
	w.wantNames("own")
}

func TestProgress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	for n := range 1130 {
		w.put(n, fmt.Sprintf("key %d", n))
	}
	var told []syncing.Progress
	tell := func(p syncing.Progress) { told = append(told, p) }
	_, err := w.Syncing.Sync(w.ctx, w.admin, w.group.ID, tell)
	apptest.Want(t, "Sync", err, "")
	var want []syncing.Progress
	for done := 100; done <= 1100; done += 100 {
		want = append(want, syncing.Progress{Phase: syncing.Reading, Done: done})
	}
	want = append(want, syncing.Progress{Phase: syncing.Reading, Done: 1130, Total: 1130})
	for _, done := range []int{500, 1000, 1130} {
		want = append(want, syncing.Progress{Phase: syncing.Recording, Done: done, Total: 1130})
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("progress, want − got +:\n%s", diff)
	}
}

// A sync that is cut off keeps what it has recorded; the next one goes on from there.
func TestASyncThatIsCutOffIsGoneOnWith(t *testing.T) {
	t.Parallel()
	for what, cut := range map[string]func(w *world) context.Context{
		"the requester leaves": func(w *world) context.Context {
			ctx, leave := context.WithCancel(w.ctx)
			w.Store.Fail(storesim.Fault{Call: "SyncKeys", Skip: 1, Before: leave})
			return ctx
		},
		"the store fails": func(w *world) context.Context {
			w.Store.Fail(storesim.Fault{Call: "SyncKeys", Skip: 1, Err: storesim.Lost()})
			return w.ctx
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, groups.Policy{})
			for n := range 1200 {
				w.put(n, fmt.Sprintf("key %d", n))
			}
			var out syncing.Outcome
			recorded := w.Recorded(func() {
				var err error
				out, err = w.Syncing.Sync(cut(w), w.admin, w.group.ID, nil)
				apptest.Want(t, "Sync", err, fault.Unavailable)
			})
			if out.Added != 500 || len(w.keys()) != 500 {
				t.Errorf("got %d added and %d recorded, want the first 500", out.Added, len(w.keys()))
			}
			// each batch is recorded before it is stored
			if n := len(recorded); n != 1002 || recorded[0] != "begun group sync" || recorded[n-1] != "failed group sync" {
				t.Errorf("got %d records from %q to %q, want the sync, which failed, and two batches of keys", n, recorded[0], recorded[n-1])
			}
			if out := w.sync(""); out.Added != 700 || out.Unchanged != 500 || len(w.keys()) != 1200 {
				t.Errorf("got %d added, %d unchanged and %d recorded, want 700, 500 and 1200", out.Added, out.Unchanged, len(w.keys()))
			}
		})
	}
}

func TestOneSyncOfAGroupAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	other := w.AddHSMGroup(w.account, "other", groups.Policy{})
	w.put(1, "one")
	w.put(2, "two")
	w.HSM.Fail(tokensim.Fault{Call: tokensim.Inventory, Hang: true})
	first := make(chan error)
	go func() {
		_, err := w.Syncing.Sync(w.ctx, w.admin, w.group.ID, nil)
		first <- err
	}()
	if err := w.HSM.AwaitHanging(w.ctx, tokensim.Inventory, 1); err != nil {
		t.Fatal(err)
	}
	_, err := w.Syncing.Sync(w.ctx, w.admin, other.ID, nil)
	apptest.Want(t, "Sync of another group", err, "")

	impatient, leave := context.WithCancel(w.ctx)
	leave()
	_, err = w.Syncing.Sync(impatient, w.admin, w.group.ID, nil)
	apptest.Want(t, "who does not wait", err, fault.Unavailable)

	// two administrators: the second waits, and misses nothing
	second := make(chan syncing.Outcome)
	go func() {
		out, err := w.Syncing.Sync(w.ctx, w.Admin(w.account), w.group.ID, nil)
		apptest.Want(t, "the second", err, "")
		second <- out
	}()
	select {
	case <-second:
		t.Error("the second has not waited")
	case err := <-first:
		t.Errorf("the first has ended while the HSM hangs: %v", err)
	default:
	}
	w.HSM.Release()
	apptest.Want(t, "the first", <-first, "")
	if out := <-second; out.Objects != 2 || out.Unchanged != 2 {
		t.Errorf("the second: got %+v, want both keys known", out)
	}
}

func TestSyncIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	ordinary := w.AddGroup(w.account, "ordinary")
	in := func(p access.Permissions) map[id.Group]access.Permissions {
		return map[id.Group]access.Permissions{w.group.ID: p}
	}
	for what, c := range map[string]struct {
		who  access.Caller
		g    id.Group
		want fault.Kind
	}{
		"an ordinary group":               {w.admin, ordinary.ID, fault.Invalid},
		"no group":                        {w.admin, id.Group(w.NewID()), fault.NotFound},
		"another account's administrator": {w.Admin(w.AddAccount("elsewhere")), w.group.ID, fault.NotFound},
		"a member of another group":       {w.User(w.account, access.AccountMember, nil), w.group.ID, fault.NotFound},
		"a member who may not manage":     {w.User(w.account, access.AccountMember, in(access.MaySign)), w.group.ID, fault.Denied},
		"a member who may manage":         {w.User(w.account, access.AccountMember, in(access.MayManage)), w.group.ID, ""},
		"an app":                          {w.app, w.group.ID, fault.Denied},
	} {
		_, err := w.Syncing.Sync(w.ctx, c.who, c.g, nil)
		apptest.Want(t, what, err, c.want)
	}
	w.put(1, "alpha")
	w.HSM.Fail(tokensim.Fault{Call: tokensim.Inventory, Err: fault.New(fault.Unavailable, "no answer").Because(fault.TimedOut)})
	_, err := w.Syncing.Sync(w.ctx, w.admin, w.group.ID, nil)
	if apptest.Want(t, "an HSM that is out of reach", err, fault.Unavailable); fault.Message(err) != "Not Connected: timed out" {
		t.Errorf("got %q, want Not Connected with the reason", fault.Message(err))
	}
	w.Store.Fail(storesim.Fault{Call: "AppendAudit", Err: storesim.Lost()})
	w.sync(fault.Unavailable)
	w.wantNames()
}
