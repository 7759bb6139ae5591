package sqlstore

import (
	"context"
	"maps"
	"slices"
	"strings"

	"gatehouse/core/access"
	"gatehouse/core/id"
)

// memberRow is a row of user_groups or app_groups.
type memberRow struct {
	Member      string   `db:"member"`
	Group       id.Group `db:"group_id"`
	Permissions string   `db:"permissions"`
}

// memberships are the groups of users or of apps, by the member's id.
type memberships map[string]map[id.Group]access.Permissions

func membershipsOf(rows []memberRow) (memberships, error) {
	all := memberships{}
	for _, row := range rows {
		p, err := access.ParsePermissions(strings.Fields(row.Permissions))
		if err != nil {
			return nil, damaged(err, "the membership of", row.Member)
		}
		if all[row.Member] == nil {
			all[row.Member] = map[id.Group]access.Permissions{}
		}
		all[row.Member][row.Group] = p
	}
	return all, nil
}

// join replaces the groups of a member. The statements are those of its table.
func (c conn) join(ctx context.Context, leave, enter, member string, in map[id.Group]access.Permissions) error {
	if _, err := c.exec(ctx, leave, member); err != nil {
		return err
	}
	rows := make([]memberRow, 0, len(in))
	for _, g := range slices.Sorted(maps.Keys(in)) {
		rows = append(rows, memberRow{Member: member, Group: g, Permissions: strings.Join(in[g].Names(), " ")})
	}
	return replace(put(ctx, c, enter, rows...), reference, noGroup())
}
