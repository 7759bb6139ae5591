package storetest

import (
	"fmt"
	"sync"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/ports/store"
)

func rename(name string) func(keys.Key) (keys.Key, error) {
	return func(k keys.Key) (keys.Key, error) { k.Name = name; return k, nil }
}

func runKeyChanges(t *testing.T, place func(t *testing.T) Place) {
	t.Run("are kept with a new version, or not at all", func(t *testing.T) {
		w := newWorld(t, place)
		k := w.fullKey("key")
		w.mustAdd(t, k)
		versioned(t, k.ID, "no such key", "sobject does not exist", w.Key, w.UpdateKey,
			func(k keys.Key) int64 { return k.Version },
			func(k *keys.Key) {
				*k = k.Clone()
				k.Name, k.State, k.Ops, k.Metadata["more"] = "renamed", keys.Destroyed, keys.OpVerify, "1"
				k.Material, k.Virtual.Label, k.Version = secret.Sealed("other"), []byte("other"), 99
			},
			func(k *keys.Key) { k.Metadata["spoiled"], k.Virtual.Label[0], k.Material[0] = "1", 'X', 'X' },
			func(k *keys.Key) { k.Account = "another" })
		_, err := w.UpdateKey(t.Context(), k.ID, func(k keys.Key) (keys.Key, error) { k.ID = "another"; return k, nil })
		wantFault(t, "a change of the id", err, fault.Internal, "")
	})

	t.Run("of the name conflict and free the old one", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		a, b := w.addKey(t, "a"), w.addKey(t, "b")
		_, err := w.UpdateKey(ctx, b.ID, rename("a"))
		wantFault(t, "a name that is taken", err, fault.Conflict, "sobject already exists")
		_, err = w.UpdateKey(ctx, a.ID, rename("c"))
		wantDone(t, "UpdateKey", err)
		_, err = w.UpdateKey(ctx, b.ID, rename("a"))
		wantDone(t, "a name that was given up", err)
	})

	t.Run("can move a key to another group", func(t *testing.T) {
		w := newWorld(t, place)
		k := w.addKey(t, "key")
		to := w.addGroup(t, w.account, "Other")
		_, err := w.UpdateKey(t.Context(), k.ID, func(k keys.Key) (keys.Key, error) { k.Group = to; return k, nil })
		wantDone(t, "UpdateKey", err)
		page, err := w.ListKeys(t.Context(), store.KeyQuery{Account: w.account, Group: to})
		wantDone(t, "ListKeys", err)
		want(t, "number of keys in the new group", len(page.Keys), 1)
	})

	t.Run("by many at once are all kept", func(t *testing.T) {
		w := newWorld(t, place)
		k := w.addKey(t, "key")
		const callers, each = 8, 10
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				for range each {
					_, err := w.UpdateKey(t.Context(), k.ID, func(k keys.Key) (keys.Key, error) { k.Size++; return k, nil })
					wantDone(t, "UpdateKey", err)
					_, err = w.Key(t.Context(), k.ID)
					wantDone(t, "Key", err)
				}
			})
		}
		wg.Wait()
		got, err := w.Key(t.Context(), k.ID)
		wantDone(t, "Key", err)
		want(t, "size", got.Size, k.Size+callers*each)
		want(t, "version", got.Version, k.Version+callers*each)
	})

	t.Run("one of many that add the same name wins", func(t *testing.T) {
		w := newWorld(t, place)
		const callers = 8
		results := make([]error, callers)
		var wg sync.WaitGroup
		for i := range callers {
			k := w.key("the one name")
			wg.Go(func() { results[i] = w.AddKey(t.Context(), k, "") })
		}
		wg.Wait()
		won := 0
		for _, err := range results {
			if err == nil {
				won++
			} else {
				wantFault(t, "AddKey", err, fault.Conflict, "sobject already exists")
			}
		}
		want(t, "winners", won, 1)
	})
}

func runSyncs(t *testing.T, place func(t *testing.T) Place) {
	label := func(l string) func(keys.Key) (keys.Key, error) {
		return func(k keys.Key) (keys.Key, error) {
			k.Virtual = &keys.Pointer{Label: []byte(l)}
			return k, nil
		}
	}

	t.Run("store all that they found", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		a, b, gone := w.addKey(t, "a"), w.addKey(t, "b"), w.key("gone")
		gone.Group, gone.State = w.addGroup(t, w.account, "Gone"), keys.Deleted
		w.mustAdd(t, gone)
		wantDone(t, "DeleteGroup", w.DeleteGroup(ctx, gone.Group))
		added := []keys.Key{w.fullKey("c"), w.key("a")} // a gives its name up in the same sync
		err := w.SyncKeys(ctx, added, []store.KeyChange{
			{Key: a.ID, Change: rename("was a")},
			{Key: gone.ID, Change: func(k keys.Key) (keys.Key, error) { t.Error("a key that is gone was changed"); return k, nil }},
			{Key: b.ID, Change: label("first")},
			{Key: b.ID, Change: label("second")},
		})
		wantDone(t, "SyncKeys", err)
		for _, k := range added {
			got, err := w.Key(ctx, k.ID)
			wantDone(t, "Key", err)
			want(t, "added key", got, k)
		}
		got, err := w.Key(ctx, b.ID)
		wantDone(t, "Key", err)
		want(t, "label", string(got.Virtual.Label), "second")
		want(t, "version", got.Version, b.Version+2)
	})

	t.Run("of nothing are fine", func(t *testing.T) {
		w := newWorld(t, place)
		wantDone(t, "SyncKeys", w.SyncKeys(t.Context(), nil, nil))
	})

	t.Run("store nothing when anything is refused", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		a := w.addKey(t, "a")
		change := store.KeyChange{Key: a.ID, Change: label("changed")}
		foreign := w.key("in no group")
		foreign.Group = "no such group"
		twice := w.key("twice")
		for name, try := range map[string]struct {
			added   []keys.Key
			changes []store.KeyChange
			kind    fault.Kind
		}{
			"a name is taken":      {[]keys.Key{w.key("x"), w.key("a")}, []store.KeyChange{change}, fault.Conflict},
			"an id comes twice":    {[]keys.Key{twice, twice}, []store.KeyChange{change}, fault.Conflict},
			"a group is not there": {[]keys.Key{w.key("x"), foreign}, []store.KeyChange{change}, fault.NotFound},
		} {
			wantFault(t, name, w.SyncKeys(ctx, try.added, try.changes), try.kind, "")
		}
		err := w.SyncKeys(ctx, []keys.Key{w.key("x")}, []store.KeyChange{change, {Key: a.ID, Change: refusing(func(*keys.Key) {})}})
		if err != errChange { //nolint:errorlint // as it is, not wrapped
			t.Errorf("a refused change: got %v, want the error of the change as it is", err)
		}
		page, err := w.ListKeys(ctx, store.KeyQuery{Account: w.account})
		wantDone(t, "ListKeys", err)
		want(t, "keys", page.Keys, []keys.Key{a})
	})

	t.Run("respect names that are kept for others", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		a := w.addKey(t, "a")
		wantDone(t, "BeginIntent", w.BeginIntent(ctx, w.create("kept")))
		wantFault(t, "an added key", w.SyncKeys(ctx, []keys.Key{w.key("kept")}, nil), fault.Conflict, "sobject already exists")
		err := w.SyncKeys(ctx, nil, []store.KeyChange{{Key: a.ID, Change: rename("kept")}})
		wantFault(t, "a changed key", err, fault.Conflict, "sobject already exists")
	})

	t.Run("and adding at the same time keep names unique", func(t *testing.T) {
		w := newWorld(t, place)
		const n = 20
		synced := make([]error, n)
		addedOnes := make([]error, n)
		var batches, singles []keys.Key
		for i := range n {
			name := fmt.Sprintf("key %d", i)
			batches, singles = append(batches, w.key(name)), append(singles, w.key(name))
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			for i, k := range batches {
				synced[i] = w.SyncKeys(t.Context(), []keys.Key{k}, nil)
			}
		})
		wg.Go(func() {
			for i, k := range singles {
				addedOnes[i] = w.AddKey(t.Context(), k, "")
			}
		})
		wg.Wait()
		for i := range n {
			if (synced[i] == nil) == (addedOnes[i] == nil) {
				t.Errorf("key %d: got %v and %v, want one of them to win", i, synced[i], addedOnes[i])
			}
		}
		seen := map[string]id.Key{}
		err := w.EachKey(t.Context(), w.group, func(k keys.Key) error { seen[k.Name] = k.ID; return nil })
		wantDone(t, "EachKey", err)
		want(t, "names", len(seen), n)
	})
}
