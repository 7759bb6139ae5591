package storetest

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/ports/store"
)

// estate is keys of all sorts, in order of creation.
func (w *world) estate(t *testing.T) (all []keys.Key, in []id.Group) {
	t.Helper()
	in = []id.Group{w.group, w.addGroup(t, w.account, "B"), w.addGroup(t, w.account, "C")}
	names := []string{"alpha", "Alpha", "beta", "zoë", "Z", "key"}
	labels := []string{"", "label", "Label", "label\xff"}
	for i := range 90 {
		k := w.key(fmt.Sprintf("%s %d", names[i%len(names)], i/len(names)))
		// ids that are not in order of creation
		k.ID = id.Key(fmt.Sprintf("%02x%s", i*37%256, string(k.ID)[2:]))
		k.Group = in[i%len(in)]
		k.Type = keys.Types()[i%4]
		k.State = keys.States()[i%7%len(keys.States())]
		k.Creator.ID = fmt.Sprintf("creator %d", i%3)
		if i%2 == 0 {
			k.Virtual = &keys.Pointer{Label: []byte(labels[i/2%len(labels)])}
			if len(k.Virtual.Label) == 0 {
				k.Virtual.Label = nil
			}
			if i%3 == 0 {
				k.Virtual.ID = []byte{0, byte(i % 12)}
			}
		}
		if i%5 == 0 {
			k.Metadata = map[string]string{"colour": []string{"red", "blue"}[i%2], `odd "name"\$.<x>`: "ü"}
		}
		all = append(all, k)
		w.mustAdd(t, k)
	}
	return all, in
}

// answer is what a query should find: the contract of KeyQuery, once more.
func answer(all []keys.Key, q store.KeyQuery) store.KeyPage {
	var page store.KeyPage
	var found []keys.Key
	for _, k := range all {
		if k.Account != q.Account || q.Groups != nil && !slices.Contains(q.Groups, k.Group) ||
			k.State == keys.Destroyed && !q.ShowDestroyed || k.State == keys.Deleted && !q.ShowDeleted {
			continue
		}
		page.Total++
		v := keys.Pointer{}
		if k.Virtual != nil {
			v = *k.Virtual
		}
		ok := (q.Group == "" || k.Group == q.Group) && (q.Creator == "" || k.Creator.ID == q.Creator) &&
			(q.Name == "" || k.Name == q.Name) && (q.Type == "" || k.Type == q.Type) &&
			(len(q.Label) == 0 || bytes.Equal(v.Label, q.Label)) && (len(q.CKAID) == 0 || bytes.Equal(v.ID, q.CKAID))
		for name, value := range q.Metadata {
			got, has := k.Metadata[name]
			ok = ok && has && got == value
		}
		if ok && (q.Where == nil || q.Where(k)) {
			found = append(found, k)
		}
	}
	page.Filtered = len(found)
	before := func(a, b keys.Key) int { return 0 }
	switch q.Order {
	case store.ByCreation:
	case store.ByKIDAsc:
		before = func(a, b keys.Key) int { return cmp.Compare(a.ID, b.ID) }
	case store.ByKIDDesc:
		before = func(a, b keys.Key) int { return cmp.Compare(b.ID, a.ID) }
	case store.ByNameAsc:
		before = func(a, b keys.Key) int { return strings.Compare(a.Name, b.Name) }
	case store.ByNameDesc:
		before = func(a, b keys.Key) int { return strings.Compare(b.Name, a.Name) }
	}
	position := map[id.Key]int{}
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, before)
	for i, k := range sorted {
		position[k.ID] = i
	}
	slices.SortStableFunc(found, before)
	if q.After != "" {
		found = slices.DeleteFunc(found, func(k keys.Key) bool { return position[k.ID] <= position[q.After] })
	}
	found = found[min(q.Offset, len(found)):]
	if q.Limit > 0 {
		found = found[:min(q.Limit, len(found))]
	}
	page.Keys = found
	if !q.Count {
		page.Total, page.Filtered = 0, 0
	}
	return page
}

func runLists(t *testing.T, place func(t *testing.T) Place) {
	t.Run("find what the query says", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		all, in := w.estate(t)
		foreign := w.key("alpha 0")
		foreign.Account = w.addAccount(t, "Other")
		foreign.Group = w.addGroup(t, foreign.Account, "Theirs")
		w.mustAdd(t, foreign)

		maybe := func(t *rapid.T, what string) bool { return rapid.IntRange(0, 3).Draw(t, what) == 0 }
		rapid.Check(t, func(t *rapid.T) {
			some := rapid.SampledFrom(all).Draw(t, "some key")
			q := store.KeyQuery{
				Account:       w.account,
				ShowDestroyed: rapid.Bool().Draw(t, "destroyed"),
				ShowDeleted:   rapid.Bool().Draw(t, "deleted"),
				Count:         rapid.Bool().Draw(t, "count"),
				Offset:        rapid.SampledFrom([]int{0, 0, 1, 7, 100}).Draw(t, "offset"),
				Limit:         rapid.SampledFrom([]int{0, 0, 1, 10, 1000}).Draw(t, "limit"),
				Order: rapid.SampledFrom([]store.KeyOrder{
					store.ByCreation, store.ByKIDAsc, store.ByKIDDesc, store.ByNameAsc, store.ByNameDesc,
				}).Draw(t, "order"),
			}
			if maybe(t, "groups") {
				q.Groups = rapid.SampledFrom([][]id.Group{{}, in[:1], in[1:], in}).Draw(t, "of groups")
			}
			if maybe(t, "group") {
				q.Group = some.Group
			}
			if maybe(t, "creator") {
				q.Creator = some.Creator.ID
			}
			if maybe(t, "name") {
				q.Name = some.Name
			}
			if maybe(t, "type") {
				q.Type = some.Type
			}
			if maybe(t, "label") {
				q.Label = rapid.SampledFrom([][]byte{nil, {}, []byte("label"), []byte("label\xff"), []byte("no such")}).Draw(t, "of label")
			}
			if maybe(t, "cka id") {
				q.CKAID = []byte{0, rapid.SampledFrom([]byte{0, 6, 7}).Draw(t, "of cka id")}
			}
			if maybe(t, "metadata") {
				q.Metadata = rapid.SampledFrom([]map[string]string{
					{},
					{"colour": "red"},
					{`odd "name"\$.<x>`: "ü"},
					{`odd "name"\$.<x>`: "ü", "colour": "blue"},
					{"colour": "RED"},
					{"color": "red"},
				}).Draw(t, "of metadata")
			}
			if maybe(t, "where") {
				remainder := rapid.IntRange(0, 3).Draw(t, "remainder")
				q.Where = func(k keys.Key) bool { return len(k.Name+string(k.Type))%4 == remainder && k.Version > 0 }
			}
			if maybe(t, "known") {
				odd, stale := rapid.Bool().Draw(t, "odd ones"), rapid.Bool().Draw(t, "stale")
				q.Known = func(k id.Key, version int64) (keys.Key, bool) {
					i := slices.IndexFunc(all, func(have keys.Key) bool { return have.ID == k })
					known := i >= 0 && (i%2 == 1) == odd && !stale && all[i].Version == version
					if !known {
						return keys.Key{}, false
					}
					return all[i], true
				}
			}
			if maybe(t, "after") && (q.Groups == nil || slices.Contains(q.Groups, some.Group)) {
				q.After = some.ID
			}
			got, err := w.ListKeys(ctx, q)
			if err != nil {
				t.Fatalf("ListKeys(%+v): %v", q, err)
			}
			expected := answer(all, q)
			ids := func(list []keys.Key) (ids []id.Key) {
				for _, k := range list {
					ids = append(ids, k.ID)
				}
				return ids
			}
			if !slices.Equal(ids(got.Keys), ids(expected.Keys)) || got.Total != expected.Total || got.Filtered != expected.Filtered {
				t.Errorf("ListKeys(%+v):\ngot  %v, %d, %d\nwant %v, %d, %d", q, ids(got.Keys), got.Total, got.Filtered,
					ids(expected.Keys), expected.Total, expected.Filtered)
			}
		})
	})

	t.Run("ask only of what else is selected", func(t *testing.T) {
		w := newWorld(t, place)
		all, in := w.estate(t)
		page, err := w.ListKeys(t.Context(), store.KeyQuery{Account: w.account, Group: in[1], Type: all[1].Type, Where: func(k keys.Key) bool {
			if k.Group != in[1] || k.Type != all[1].Type || k.Name == "" || k.CreatedAt.IsZero() {
				t.Errorf("asked of %+v, want whole keys of the group and the type alone", k)
			}
			return false
		}})
		wantDone(t, "ListKeys", err)
		want(t, "keys", len(page.Keys), 0)
	})

	t.Run("hold what is known as it is known", func(t *testing.T) {
		w := newWorld(t, place)
		k := w.addKey(t, "key")
		changed, err := w.UpdateKey(t.Context(), k.ID, func(k keys.Key) (keys.Key, error) { k.Description = "new"; return k, nil })
		wantDone(t, "UpdateKey", err)
		for version, description := range map[int64]string{k.Version: "new", changed.Version: "remembered"} {
			page, err := w.ListKeys(t.Context(), store.KeyQuery{Account: w.account, Known: func(_ id.Key, v int64) (keys.Key, bool) {
				remembered := changed.Clone()
				remembered.Description = "remembered"
				return remembered, v == version
			}})
			wantDone(t, "ListKeys", err)
			want(t, "description", page.Keys[0].Description, description)
		}
	})

	t.Run("hold whole keys", func(t *testing.T) {
		w := newWorld(t, place)
		k := w.fullKey("full")
		w.mustAdd(t, k)
		page, err := w.ListKeys(t.Context(), store.KeyQuery{Account: w.account})
		wantDone(t, "ListKeys", err)
		want(t, "keys", page.Keys, []keys.Key{k})
	})

	t.Run("page by page hold everything once", func(t *testing.T) {
		w := newWorld(t, place)
		all, _ := w.estate(t)
		for _, order := range []store.KeyOrder{store.ByCreation, store.ByKIDAsc, store.ByKIDDesc, store.ByNameAsc, store.ByNameDesc} {
			q := store.KeyQuery{Account: w.account, ShowDeleted: true, ShowDestroyed: true, Order: order, Limit: 7}
			seen := map[id.Key]int{}
			for pages := 0; pages <= len(all); pages++ {
				page, err := w.ListKeys(t.Context(), q)
				if err != nil {
					t.Fatalf("ListKeys: %v", err)
				}
				if len(page.Keys) == 0 {
					break
				}
				for _, k := range page.Keys {
					seen[k.ID]++
				}
				q.After = page.Keys[len(page.Keys)-1].ID
			}
			for _, k := range all {
				if seen[k.ID] != 1 {
					t.Errorf("order %q: got key %s %d times, want once", order, k.ID, seen[k.ID])
				}
			}
		}
	})

	t.Run("begin only after a key that the caller may see", func(t *testing.T) {
		w := newWorld(t, place)
		k := w.addKey(t, "key")
		hidden := w.addGroup(t, w.account, "Other")
		for name, q := range map[string]store.KeyQuery{
			"no such key":       {Account: w.account, After: "no such key"},
			"in another group":  {Account: w.account, After: k.ID, Groups: []id.Group{hidden}},
			"another account's": {Account: w.addAccount(t, "Other"), After: k.ID},
		} {
			_, err := w.ListKeys(t.Context(), q)
			wantFault(t, name, err, fault.NotFound, "sobject does not exist")
		}
	})
}
