package sqlstore

import (
	"context"

	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keys"
)

func noGroup() *fault.Error    { return fault.New(fault.NotFound, "group does not exist") }
func groupTaken() *fault.Error { return fault.New(fault.Conflict, "group already exists") }

// Group returns a group with its connections.
func (s *Store) Group(ctx context.Context, g id.Group) (groups.Group, error) {
	var group groups.Group
	err := s.read(ctx, func(c conn) (err error) {
		group, err = c.group(ctx, g)
		return err
	})
	return group, err
}

func (c conn) group(ctx context.Context, g id.Group) (groups.Group, error) {
	var row groupRow
	if err := c.one(ctx, &row, noGroup(), "SELECT "+groupColumns+" FROM groups WHERE id = ?", g); err != nil {
		return groups.Group{}, err
	}
	var conns []connectionRow
	err := c.all(ctx, &conns,
		"SELECT "+connectionColumns+" FROM connections WHERE group_id = ? ORDER BY position", g)
	if err != nil {
		return groups.Group{}, err
	}
	return row.group(conns)
}

// ListGroups returns the groups of an account, or all.
func (s *Store) ListGroups(ctx context.Context, a id.Account) ([]groups.Group, error) {
	var rows []groupRow
	var conns []connectionRow
	err := s.read(ctx, func(c conn) error {
		err := c.all(ctx, &rows, "SELECT "+groupColumns+" FROM groups WHERE ? IN ('', account_id) ORDER BY seq", a)
		if err != nil {
			return err
		}
		return c.all(ctx, &conns, "SELECT "+connectionColumns+" FROM connections "+
			"WHERE group_id IN (SELECT id FROM groups WHERE ? IN ('', account_id)) ORDER BY group_id, position", a)
	})
	if err != nil {
		return nil, err
	}
	of := map[id.Group][]connectionRow{}
	for _, c := range conns {
		of[c.Group] = append(of[c.Group], c)
	}
	list := make([]groups.Group, len(rows))
	for i, row := range rows {
		if list[i], err = row.group(of[row.ID]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// AddGroup stores a new group.
func (s *Store) AddGroup(ctx context.Context, g groups.Group) error {
	row, conns, err := rowsOfGroup(g)
	if err != nil {
		return err
	}
	return s.write(ctx, func(c conn) error {
		err := put(ctx, c, "INSERT INTO groups ("+groupColumns+") VALUES (:id, :account_id, :name, :detail, :version)", row)
		if err != nil {
			return replace(replace(err, taken, groupTaken()), reference, noAccount())
		}
		return c.addConnections(ctx, conns)
	})
}

func (c conn) addConnections(ctx context.Context, conns []connectionRow) error {
	err := put(ctx, c, "INSERT INTO connections ("+connectionColumns+") "+
		"VALUES (:id, :group_id, :position, :pin, :client_key, :detail)", conns...)
	return replace(err, taken, fault.New(fault.Conflict, "hmg config already exists"))
}

// UpdateGroup changes a group.
func (s *Store) UpdateGroup(
	ctx context.Context, g id.Group, change func(groups.Group) (groups.Group, error),
) (groups.Group, error) {
	return update(ctx, s,
		func(c conn) (groups.Group, error) { return c.group(ctx, g) },
		change,
		func(c conn, old, changed groups.Group) (groups.Group, error) {
			if changed.ID != old.ID || changed.Account != old.Account {
				return groups.Group{}, identityChanged("a group")
			}
			changed.Version = old.Version + 1
			row, conns, err := rowsOfGroup(changed)
			if err != nil {
				return groups.Group{}, err
			}
			err = put(ctx, c, "UPDATE groups SET name = :name, detail = :detail, version = :version WHERE id = :id", row)
			if err != nil {
				return groups.Group{}, replace(err, taken, groupTaken())
			}
			if _, err := c.exec(ctx, "DELETE FROM connections WHERE group_id = ?", g); err != nil {
				return groups.Group{}, err
			}
			if err := c.addConnections(ctx, conns); err != nil {
				return groups.Group{}, err
			}
			return row.group(conns)
		})
}

// DeleteGroup deletes a group that holds nothing but deleted keys.
func (s *Store) DeleteGroup(ctx context.Context, g id.Group) error {
	return s.write(ctx, func(c conn) error {
		if _, err := c.exec(ctx, "DELETE FROM keys WHERE group_id = ? AND state = ?", g, keys.Deleted); err != nil {
			return err
		}
		err := c.must(ctx, noGroup(), "DELETE FROM groups WHERE id = ?", g)
		return replace(err, reference, fault.New(fault.Conflict, "group still holds keys, or keys are being made or deleted in it"))
	})
}
