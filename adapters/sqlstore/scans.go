package sqlstore

import (
	"context"

	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keysync"
	"gatehouse/ports/store"
)

func noScan() *fault.Error { return fault.New(fault.NotFound, "scan does not exist") }

// BeginScan stores that a sync has begun.
func (s *Store) BeginScan(ctx context.Context, scan keysync.Scan) error {
	row, _, err := rowsOfScan(scan)
	if err != nil {
		return err
	}
	return s.write(ctx, func(c conn) error {
		err := put(ctx, c, "INSERT INTO scans ("+scanColumns+") VALUES (:id, :group_id, :running, :detail)", row)
		return replace(replace(err, taken, fault.New(fault.Conflict, "a sync of this group is running")), reference, noGroup())
	})
}

// EndScan stores how a sync has ended, and forgets old ones.
func (s *Store) EndScan(ctx context.Context, scan keysync.Scan) error {
	row, warnings, err := rowsOfScan(scan)
	if err != nil {
		return err
	}
	return s.write(ctx, func(c conn) error {
		err := c.must(ctx, noScan(), "UPDATE scans SET running = ?, detail = ? WHERE id = ? AND group_id = ? AND running = ?",
			false, row.Detail, row.ID, row.Group, true)
		if err != nil {
			return err
		}
		err = put(ctx, c, "INSERT INTO scan_warnings (scan_id, position, detail) VALUES (:scan_id, :position, :detail)", warnings...)
		if err != nil {
			return err
		}
		_, err = c.exec(ctx, "DELETE FROM scans WHERE group_id = ? AND running = ? AND seq NOT IN "+
			"(SELECT seq FROM scans WHERE group_id = ? AND running = ? ORDER BY seq DESC LIMIT ?)",
			row.Group, false, row.Group, false, store.ScansKept)
		return err
	})
}

// Scan returns a sync of a group.
func (s *Store) Scan(ctx context.Context, g id.Group, scan id.Scan) (keysync.Scan, error) {
	list, err := s.scans(ctx, "id = ? AND group_id = ?", scan, g)
	if err == nil && len(list) == 0 {
		err = noScan()
	}
	if err != nil {
		return keysync.Scan{}, err
	}
	return list[0], nil
}

// ListScans returns the syncs of a group, the newest first.
func (s *Store) ListScans(ctx context.Context, g id.Group) ([]keysync.Scan, error) {
	return s.scans(ctx, "group_id = ? ORDER BY seq DESC", g)
}

// RunningScans returns the syncs that have not ended.
func (s *Store) RunningScans(ctx context.Context) ([]keysync.Scan, error) {
	return s.scans(ctx, "running = ? ORDER BY seq", true)
}

// scans returns the syncs that the condition selects.
func (s *Store) scans(ctx context.Context, which string, args ...any) ([]keysync.Scan, error) {
	var rows []scanRow
	warnings := map[id.Scan][]scanWarningRow{}
	err := s.read(ctx, func(c conn) error {
		if err := c.all(ctx, &rows, "SELECT "+scanColumns+" FROM scans WHERE "+which, args...); err != nil {
			return err
		}
		for _, row := range rows { // at most a few
			var of []scanWarningRow
			err := c.all(ctx, &of, "SELECT scan_id, position, detail FROM scan_warnings WHERE scan_id = ? ORDER BY position", row.ID)
			if err != nil {
				return err
			}
			warnings[row.ID] = of
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	list := make([]keysync.Scan, len(rows))
	for i, row := range rows {
		if list[i], err = row.scan(warnings[row.ID]); err != nil {
			return nil, err
		}
	}
	return list, nil
}
