package sqlstore

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"

	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/ports/store"
)

// condition is a part of a WHERE clause.
type condition struct {
	parts []string
	args  []any
}

func (w *condition) and(part string, args ...any) {
	w.parts = append(w.parts, part)
	w.args = append(w.args, args...)
}

func (w condition) String() string { return strings.Join(w.parts, " AND ") }

// within is the condition for keys that the caller may know of at all.
func within(q store.KeyQuery) condition {
	var w condition
	w.and("account_id = ?", q.Account)
	if q.Groups != nil {
		args := make([]any, len(q.Groups))
		for i, g := range q.Groups {
			args[i] = g
		}
		if len(args) == 0 {
			w.and("1 = 0")
			return w
		}
		marks := strings.TrimSuffix(strings.Repeat("?, ", len(args)), ", ")
		w.and("group_id IN ("+marks+")", args...)
	}
	return w
}

// shown is within, without what is not to be shown.
func shown(q store.KeyQuery) condition {
	w := within(q)
	// states as literals, so that an index over some of them can be used
	if !q.ShowDestroyed {
		w.and("state <> 'Destroyed'")
	}
	if !q.ShowDeleted {
		w.and("state <> 'Deleted'")
	}
	return w
}

// selected is shown, with everything else that the query asks for.
func selected(q store.KeyQuery) condition {
	w := shown(q)
	if q.Group != "" {
		w.and("group_id = ?", q.Group)
	}
	if q.Creator != "" {
		w.and("creator_id = ?", q.Creator)
	}
	if q.Name != "" {
		w.and("name = ?", q.Name)
	}
	if q.Type != "" {
		w.and("type = ?", q.Type)
	}
	if len(q.Label) > 0 {
		w.and("cka_label = ?", q.Label)
	}
	if len(q.CKAID) > 0 {
		w.and("cka_id = ?", q.CKAID)
	}
	for _, name := range slices.Sorted(maps.Keys(q.Metadata)) {
		w.and(hasMember("metadata"), name, q.Metadata[name])
	}
	return w
}

// orders tells, for each order, how rows are sorted and how those after a given
// one are found, by its seq, name and id.
var orders = map[store.KeyOrder]struct {
	by    string
	after string
	args  func(seq int64, name string, k id.Key) []any
}{
	store.ByCreation: {"seq", "seq > ?", bySeq},
	store.ByKIDAsc:   {"id", "id > ?", byID},
	store.ByKIDDesc:  {"id DESC", "id < ?", byID},
	store.ByNameAsc:  {"name, id", "(name, id) > (?, ?)", byName},
	store.ByNameDesc: {"name DESC, id DESC", "(name, id) < (?, ?)", byName},
}

func bySeq(seq int64, _ string, _ id.Key) []any   { return []any{seq} }
func byID(_ int64, _ string, k id.Key) []any      { return []any{k} }
func byName(_ int64, name string, k id.Key) []any { return []any{name, k} }

// ListKeys returns the keys that q selects.
func (s *Store) ListKeys(ctx context.Context, q store.KeyQuery) (store.KeyPage, error) {
	order, known := orders[q.Order]
	if !known {
		return store.KeyPage{}, fault.New(fault.Invalid, "sort is not one that the API knows")
	}
	var page store.KeyPage
	err := s.read(ctx, func(c conn) error {
		page = store.KeyPage{} // of this attempt alone
		where := selected(q)
		if q.Count {
			total := shown(q)
			if err := c.one(ctx, &page.Total, nil, "SELECT count(*) FROM keys WHERE "+total.String(), total.args...); err != nil {
				return err
			}
			if err := c.filtered(ctx, where, q, &page.Filtered); err != nil {
				return err
			}
		}
		if q.After != "" {
			var last struct {
				Seq  int64  `db:"seq"`
				Name string `db:"name"`
			}
			start := within(q)
			start.and("id = ?", q.After)
			if err := c.one(ctx, &last, noKey(), "SELECT seq, name FROM keys WHERE "+start.String(), start.args...); err != nil {
				return err
			}
			where.and(order.after, order.args(last.Seq, last.Name, q.After)...)
		}
		var err error
		page.Keys, err = c.part(ctx, where, order.by, q)
		return err
	})
	if err != nil {
		return store.KeyPage{}, err
	}
	return page, nil
}

// filtered counts the keys that q selects.
func (c conn) filtered(ctx context.Context, where condition, q store.KeyQuery, count *int) error {
	if q.Where == nil {
		return c.one(ctx, count, nil, "SELECT count(*) FROM keys WHERE "+where.String(), where.args...)
	}
	return c.walk(ctx, where.String(), where.args, q.Known, func(k keys.Key) bool {
		if q.Where(k) {
			*count++
		}
		return true
	})
}

// part returns the keys from q's offset on, at most q's limit. A condition that
// is not the database's is asked while rows are read, until there are enough.
func (c conn) part(ctx context.Context, where condition, by string, q store.KeyQuery) (list []keys.Key, err error) {
	limit, offset := int64(q.Limit), int64(max(q.Offset, 0))
	if limit <= 0 {
		limit = math.MaxInt64
	}
	tail, holds := where.String()+" ORDER BY "+by, q.Where
	if holds == nil {
		tail, where.args, offset = tail+" LIMIT ? OFFSET ?", append(where.args, limit, offset), 0
		holds = func(keys.Key) bool { return true }
	}
	list = []keys.Key{}
	err = c.walk(ctx, tail, where.args, q.Known, func(k keys.Key) bool {
		switch {
		case !holds(k):
		case offset > 0:
			offset--
		default:
			list = append(list, k)
		}
		return int64(len(list)) < limit
	})
	return list, err
}

// chunk is how many keys are read at once by their ids.
const chunk = 200

// walk yields the keys that the rest of a query selects, in order, until yield
// says that it is enough. Of what is known only id and version are read.
func (c conn) walk(
	ctx context.Context, tail string, args []any, known func(id.Key, int64) (keys.Key, bool), yield func(keys.Key) (more bool),
) error {
	if known == nil {
		return each(ctx, c, func(row keyRow) (bool, error) {
			k, err := row.key()
			return err == nil && yield(k), err
		}, "SELECT "+keyColumns+" FROM keys WHERE "+tail, args...)
	}
	var stubs []keyStub
	if err := c.all(ctx, &stubs, "SELECT id, version FROM keys WHERE "+tail, args...); err != nil {
		return err
	}
	for part := range slices.Chunk(stubs, chunk) {
		found, err := c.recall(ctx, part, known)
		if err != nil {
			return err
		}
		for _, s := range part {
			if !yield(found[s.ID]) {
				return nil
			}
		}
	}
	return nil
}

// keyStub names one version of a key.
type keyStub struct {
	ID      id.Key `db:"id"`
	Version int64  `db:"version"`
}

// recall returns keys from memory, and reads the others.
func (c conn) recall(ctx context.Context, stubs []keyStub, known func(id.Key, int64) (keys.Key, bool)) (map[id.Key]keys.Key, error) {
	found := make(map[id.Key]keys.Key, len(stubs))
	var others []any
	for _, s := range stubs {
		if k, ok := known(s.ID, s.Version); ok {
			found[s.ID] = k
		} else {
			others = append(others, s.ID)
		}
	}
	if len(others) == 0 {
		return found, nil
	}
	for len(others) < chunk { // always the same text, which stays prepared
		others = append(others, others[0])
	}
	var rows []keyRow
	marks := strings.TrimSuffix(strings.Repeat("?, ", chunk), ", ")
	if err := c.all(ctx, &rows, "SELECT "+keyColumns+" FROM keys WHERE id IN ("+marks+")", others...); err != nil {
		return nil, err
	}
	list, err := keysOf(rows)
	for _, k := range list {
		found[k.ID] = k
	}
	return found, err
}
