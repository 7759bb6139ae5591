package storetest

import (
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/ports/store"
)

func runLives(t *testing.T, place func(t *testing.T) Place) {
	t.Run("a key takes the place of another in one step", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		old, next, i := w.addKey(t, "name"), w.fullKey("name"), w.create("something else")
		wantDone(t, "BeginIntent", w.BeginIntent(ctx, i))
		moved := func(k keys.Key) (keys.Key, error) {
			k.Name, k.Links.Replacement = "was name", next.ID
			return k, nil
		}
		change := []store.KeyChange{{Key: old.ID, Change: moved}}
		wantDone(t, "RecordKeys", w.RecordKeys(ctx, []keys.Key{next}, change, i.ID))
		got, err := w.KeyByName(ctx, w.account, "name")
		wantDone(t, "KeyByName", err)
		want(t, "key of that name", got, next)
		got, err = w.KeyByName(ctx, w.account, "was name")
		wantDone(t, "KeyByName", err)
		want(t, "the old key", got.ID, old.ID)
		want(t, "its version", got.Version, old.Version+1)
		left, err := w.ListIntents(ctx)
		wantDone(t, "ListIntents", err)
		want(t, "intents left", len(left), 0)
	})

	t.Run("or not at all", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		a, b, i := w.addKey(t, "a"), w.addKey(t, "b"), w.create("kept")
		wantDone(t, "BeginIntent", w.BeginIntent(ctx, i))
		first := store.KeyChange{Key: a.ID, Change: rename("c")}
		for name, try := range map[string]struct {
			added   []keys.Key
			changes []store.KeyChange
			kind    fault.Kind
		}{
			"a key is gone":       {nil, []store.KeyChange{first, {Key: "no such key", Change: rename("x")}}, fault.NotFound},
			"a name is taken":     {[]keys.Key{w.key("b")}, []store.KeyChange{first}, fault.Conflict},
			"a change is refused": {nil, []store.KeyChange{first, {Key: b.ID, Change: refusing(func(*keys.Key) {})}}, ""},
		} {
			err := w.RecordKeys(ctx, try.added, try.changes, i.ID)
			if try.kind == "" {
				if err != errChange { //nolint:errorlint // as it is, not wrapped
					t.Errorf("%s: got %v, want the error of the change as it is", name, err)
				}
			} else {
				wantFault(t, name, err, try.kind, "")
			}
		}
		got, err := w.Key(ctx, a.ID)
		wantDone(t, "Key", err)
		want(t, "the key", got, a)
		left, err := w.ListIntents(ctx)
		wantDone(t, "ListIntents", err)
		want(t, "intents left", len(left), 1)
	})

	t.Run("names change hands in the order of the changes", func(t *testing.T) {
		w := newWorld(t, place)
		a, b := w.addKey(t, "a"), w.addKey(t, "b")
		changes := []store.KeyChange{{Key: a.ID, Change: rename("c")}, {Key: b.ID, Change: rename("a")}}
		wantDone(t, "RecordKeys", w.RecordKeys(t.Context(), nil, changes, ""))
		got, err := w.KeyByName(t.Context(), w.account, "a")
		wantDone(t, "KeyByName", err)
		want(t, "key of that name", got.ID, b.ID)
	})

	t.Run("what is due is found, and nothing else", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		activated := w.key("activated today")
		activated.State, activated.ActivationDate = keys.PreActive, noon()
		later := w.key("deactivated tomorrow")
		later.State, later.DeactivationDate = keys.Active, noon().AddDate(0, 0, 1)
		deleted := w.key("deleted, and remembered until today")
		deleted.State, deleted.History = keys.Deleted, []keys.HistoryItem{{ID: "h", Expiry: noon(), Was: keys.Snapshot{State: keys.Active}}}
		never := w.key("never")
		for _, k := range []keys.Key{activated, later, deleted, never} {
			w.mustAdd(t, k)
		}
		due := func(day int) map[id.Key]bool {
			got := map[id.Key]bool{}
			wantDone(t, "EachDue", w.EachDue(ctx, noon().AddDate(0, 0, day), func(k keys.Key) error { got[k.ID] = true; return nil }))
			return got
		}
		want(t, "yesterday", due(-1), map[id.Key]bool{})
		want(t, "today", due(0), map[id.Key]bool{activated.ID: true, deleted.ID: true})
		want(t, "tomorrow", due(1), map[id.Key]bool{activated.ID: true, deleted.ID: true, later.ID: true})
		_, err := w.UpdateKey(ctx, activated.ID, func(k keys.Key) (keys.Key, error) { return k.Aged(noon()), nil })
		wantDone(t, "UpdateKey", err)
		want(t, "today, once it was done", due(0), map[id.Key]bool{deleted.ID: true})
	})

	t.Run("deleted keys are left out of a walk through a group", func(t *testing.T) {
		w := newWorld(t, place)
		k := w.addKey(t, "k")
		_, err := w.UpdateKey(t.Context(), k.ID, func(k keys.Key) (keys.Key, error) { return k.Erased(keys.Delete, noon(), false) })
		wantDone(t, "UpdateKey", err)
		wantDone(t, "EachKey", w.EachKey(t.Context(), w.group, func(k keys.Key) error { t.Errorf("got %s", k.Name); return nil }))
	})
}
