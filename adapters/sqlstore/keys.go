package sqlstore

import (
	"context"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/ports/store"
)

const (
	insertKey = "INSERT INTO keys (" + keyColumns + ") VALUES (" +
		":id, :account_id, :group_id, :name, :type, :state, :creator_kind, :creator_id, " +
		":cka_id, :cka_label, :metadata, :material, :detail, :version, :due_at)"
	updateKey = "UPDATE keys SET group_id = :group_id, name = :name, type = :type, state = :state, " +
		"creator_kind = :creator_kind, creator_id = :creator_id, cka_id = :cka_id, cka_label = :cka_label, " +
		"metadata = :metadata, material = :material, detail = :detail, version = :version, due_at = :due_at WHERE id = :id"
	selectKey = "SELECT " + keyColumns + " FROM keys WHERE id = ?"
)

func noKey() *fault.Error    { return fault.New(fault.NotFound, "sobject does not exist") }
func keyTaken() *fault.Error { return fault.New(fault.Conflict, "sobject already exists") }

// Key returns a key.
func (s *Store) Key(ctx context.Context, k id.Key) (keys.Key, error) {
	var key keys.Key
	err := s.look(ctx, func(c conn) (err error) {
		key, err = c.key(ctx, k)
		return err
	})
	return key, err
}

func (c conn) key(ctx context.Context, k id.Key) (keys.Key, error) {
	var row keyRow
	if err := c.one(ctx, &row, noKey(), selectKey, k); err != nil {
		return keys.Key{}, err
	}
	return row.key()
}

// KeyByName returns the key of that name.
func (s *Store) KeyByName(ctx context.Context, a id.Account, name string) (keys.Key, error) {
	var row keyRow
	err := s.look(ctx, func(c conn) error {
		return c.one(ctx, &row, noKey(),
			"SELECT "+keyColumns+" FROM keys WHERE account_id = ? AND name = ? AND state <> 'Deleted'", a, name)
	})
	if err != nil {
		return keys.Key{}, err
	}
	return row.key()
}

// eachPage is how many keys EachKey reads at a time.
const eachPage = 500

// EachKey yields the keys of a group in order of id.
func (s *Store) EachKey(ctx context.Context, g id.Group, yield func(keys.Key) error) error {
	return s.each(ctx, "group_id = ? AND state <> 'Deleted'", g, yield)
}

// EachDue yields the keys to which something is to happen by then.
func (s *Store) EachDue(ctx context.Context, by time.Time, yield func(keys.Key) error) error {
	return s.each(ctx, "due_at <= ?", by.UnixMicro(), yield)
}

// each yields the keys for which a condition of one argument holds, in order of id.
func (s *Store) each(ctx context.Context, condition string, arg any, yield func(keys.Key) error) error {
	var last id.Key
	for {
		var rows []keyRow
		err := s.look(ctx, func(c conn) error {
			return c.all(ctx, &rows,
				"SELECT "+keyColumns+" FROM keys WHERE "+condition+" AND id > ? ORDER BY id LIMIT ?", arg, last, eachPage)
		})
		if err != nil {
			return err
		}
		for _, row := range rows {
			k, err := row.key()
			if err != nil {
				return err
			}
			if err := yield(k); err != nil {
				return err
			}
			last = k.ID
		}
		if len(rows) < eachPage {
			return nil
		}
	}
}

// AddKey stores a key and ends its intent.
func (s *Store) AddKey(ctx context.Context, k keys.Key, finished id.Intent) error {
	row, err := rowOfKey(k)
	if err != nil {
		return err
	}
	return s.write(ctx, func(c conn) error {
		if err := c.endIntent(ctx, finished); err != nil {
			return err
		}
		if err := c.saveKeys(ctx, insertKey, row); err != nil {
			return err
		}
		return c.checkReserved(ctx, k.Account, k.Name)
	})
}

// saveKeys inserts or updates keys.
func (c conn) saveKeys(ctx context.Context, query string, rows ...keyRow) error {
	err := put(ctx, c, query, rows...)
	return replace(replace(err, taken, keyTaken()), reference, noGroup())
}

// SyncKeys stores what a sync found.
func (s *Store) SyncKeys(ctx context.Context, added []keys.Key, changes []store.KeyChange) error {
	return s.saveAll(ctx, added, changes, func(err error) bool { return fault.KindOf(err) == fault.NotFound }, "")
}

// RecordKeys stores what belongs together.
func (s *Store) RecordKeys(ctx context.Context, added []keys.Key, changes []store.KeyChange, finished id.Intent) error {
	return s.saveAll(ctx, added, changes, func(error) bool { return false }, finished)
}

// saveAll ends an intent, changes keys and adds new ones. Pass tells which
// errors of finding a key to change are passed over.
func (s *Store) saveAll(ctx context.Context, added []keys.Key, changes []store.KeyChange, pass func(error) bool, finished id.Intent) error {
	rows := make([]keyRow, len(added)) // made before others have to wait for this transaction
	for i, k := range added {
		var err error
		if rows[i], err = rowOfKey(k); err != nil {
			return err
		}
	}
	return s.write(ctx, func(c conn) error {
		if err := c.endIntent(ctx, finished); err != nil {
			return err
		}
		for _, ch := range changes {
			old, err := c.key(ctx, ch.Key)
			if pass(err) {
				continue
			}
			if err != nil {
				return err
			}
			changed, err := ch.Change(old)
			if err != nil {
				return err
			}
			if _, err := c.saveChange(ctx, old, changed); err != nil {
				return err
			}
		}
		if err := c.saveKeys(ctx, insertKey, rows...); err != nil {
			return err
		}
		return c.checkAllReserved(ctx)
	})
}

// UpdateKey changes a key.
func (s *Store) UpdateKey(ctx context.Context, k id.Key, change func(keys.Key) (keys.Key, error)) (keys.Key, error) {
	return update(ctx, s,
		func(c conn) (keys.Key, error) { return c.key(ctx, k) },
		change,
		func(c conn, old, changed keys.Key) (keys.Key, error) {
			row, err := c.saveChange(ctx, old, changed)
			if err != nil {
				return keys.Key{}, err
			}
			if row.Name != old.Name || row.State != old.State {
				if err := c.checkReserved(ctx, row.Account, row.Name); err != nil {
					return keys.Key{}, err
				}
			}
			return row.key()
		})
}

// saveChange stores the new value of a key and returns its row.
func (c conn) saveChange(ctx context.Context, old, changed keys.Key) (keyRow, error) {
	if changed.ID != old.ID || changed.Account != old.Account {
		return keyRow{}, identityChanged("a key")
	}
	changed.Version = old.Version + 1
	row, err := rowOfKey(changed)
	if err != nil {
		return keyRow{}, err
	}
	return row, c.saveKeys(ctx, updateKey, row)
}

// checkReserved fails when an unfinished intent keeps a key's name.
func (c conn) checkReserved(ctx context.Context, a id.Account, name string) error {
	return c.absent(ctx, keyTaken(), "SELECT count(*) FROM intents WHERE account_id = ? AND reserved = ? "+
		"AND EXISTS (SELECT 1 FROM keys WHERE keys.account_id = intents.account_id AND keys.name = intents.reserved "+
		"AND keys.state <> 'Deleted')", a, name)
}

// checkAllReserved is checkReserved for all names.
func (c conn) checkAllReserved(ctx context.Context) error {
	return c.absent(ctx, keyTaken(), "SELECT count(*) FROM intents WHERE reserved IS NOT NULL "+
		"AND EXISTS (SELECT 1 FROM keys WHERE keys.account_id = intents.account_id AND keys.name = intents.reserved "+
		"AND keys.state <> 'Deleted')")
}

// absent returns found when the query counts any row.
func (c conn) absent(ctx context.Context, found error, query string, args ...any) error {
	var n int
	if err := c.one(ctx, &n, nil, query, args...); err != nil {
		return err
	}
	if n > 0 {
		return found
	}
	return nil
}
