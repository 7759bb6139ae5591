package sqlstore

import (
	"context"

	"gatehouse/core/access"
	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/secret"
)

func noApp() *fault.Error    { return fault.New(fault.NotFound, "app does not exist") }
func appTaken() *fault.Error { return fault.New(fault.Conflict, "app already exists") }

// appColumns are the columns of appRow.
const appColumns = "id, account_id, name, default_group_id, secret, detail, version"

// appRow is a row of the table apps.
type appRow struct {
	ID           id.App     `db:"id"`
	Account      id.Account `db:"account_id"`
	Name         string     `db:"name"`
	DefaultGroup *id.Group  `db:"default_group_id"`
	Secret       []byte     `db:"secret"`
	Detail       string     `db:"detail"`
	Version      int64      `db:"version"`
}

// appDetail is the document of an app.
type appDetail struct {
	Description string      `json:"description,omitempty"`
	Type        string      `json:"type,omitempty"`
	Interface   string      `json:"interface,omitempty"`
	Role        access.Role `json:"role,omitempty"`
	Creator     principal   `json:"creator,omitzero"`
	CreatedAt   stamp       `json:"created_at,omitzero"`
	LastUsedAt  stamp       `json:"last_used_at,omitzero"`
	Enabled     bool        `json:"enabled"`
}

func rowOfApp(a directory.App) (appRow, error) {
	detail, err := encode(appDetail{
		Description: a.Description, Type: a.Type, Interface: a.Interface, Role: a.Role, Creator: principal(a.Creator),
		CreatedAt: at(a.CreatedAt), LastUsedAt: at(a.LastUsedAt), Enabled: a.Enabled,
	})
	row := appRow{
		ID: a.ID, Account: a.Account, Name: a.Name, Secret: none(a.Secret), Detail: detail, Version: a.Version,
	}
	if a.DefaultGroup != "" {
		row.DefaultGroup = &a.DefaultGroup
	}
	return row, err
}

func (r appRow) app() (directory.App, error) {
	var d appDetail
	if err := decode(r.Detail, &d); err != nil {
		return directory.App{}, damaged(err, "app", string(r.ID))
	}
	a := directory.App{
		ID: r.ID, Account: r.Account, Name: r.Name, Secret: secret.Sealed(none(r.Secret)), Version: r.Version,
		Description: d.Description, Type: d.Type, Interface: d.Interface, Role: d.Role, Creator: id.Principal(d.Creator),
		CreatedAt: d.CreatedAt.Time, LastUsedAt: d.LastUsedAt.Time, Enabled: d.Enabled,
	}
	if r.DefaultGroup != nil {
		a.DefaultGroup = *r.DefaultGroup
	}
	return a, nil
}

// apps returns the apps that the condition selects, with their groups, in
// order of creation.
func (c conn) apps(ctx context.Context, where, arg string) ([]directory.App, error) {
	var rows []appRow
	if err := c.all(ctx, &rows, "SELECT "+appColumns+" FROM apps WHERE "+where+" ORDER BY seq", arg); err != nil {
		return nil, err
	}
	var members []memberRow
	err := c.all(ctx, &members, "SELECT app_id AS member, group_id, permissions FROM app_groups "+
		"WHERE app_id IN (SELECT id FROM apps WHERE "+where+")", arg)
	if err != nil {
		return nil, err
	}
	in, err := membershipsOf(members)
	if err != nil {
		return nil, err
	}
	list := make([]directory.App, len(rows))
	for i, row := range rows {
		if list[i], err = row.app(); err != nil {
			return nil, err
		}
		list[i].Groups = in[string(row.ID)]
	}
	return list, nil
}

func (c conn) app(ctx context.Context, a id.App) (directory.App, error) {
	list, err := c.apps(ctx, "id = ?", string(a))
	if err != nil {
		return directory.App{}, err
	}
	if len(list) == 0 {
		return directory.App{}, noApp()
	}
	return list[0], nil
}

// App returns an app.
func (s *Store) App(ctx context.Context, a id.App) (directory.App, error) {
	var app directory.App
	err := s.read(ctx, func(c conn) (err error) {
		app, err = c.app(ctx, a)
		return err
	})
	return app, err
}

// ListApps returns the apps of an account, or all.
func (s *Store) ListApps(ctx context.Context, a id.Account) ([]directory.App, error) {
	var list []directory.App
	err := s.read(ctx, func(c conn) (err error) {
		list, err = c.apps(ctx, "? IN ('', account_id)", string(a))
		return err
	})
	return list, err
}

// AddApp stores a new app.
func (s *Store) AddApp(ctx context.Context, a directory.App) error {
	row, err := rowOfApp(a)
	if err != nil {
		return err
	}
	return s.write(ctx, func(c conn) error {
		// an app has two references: to its account, and to its default group
		if _, err := c.account(ctx, a.Account); err != nil {
			return err
		}
		err := put(ctx, c, "INSERT INTO apps ("+appColumns+") "+
			"VALUES (:id, :account_id, :name, :default_group_id, :secret, :detail, :version)", row)
		if err != nil {
			return replace(replace(err, taken, appTaken()), reference, noGroup())
		}
		return c.joinApp(ctx, a)
	})
}

// joinApp replaces the groups of an app.
func (c conn) joinApp(ctx context.Context, a directory.App) error {
	return c.join(ctx, "DELETE FROM app_groups WHERE app_id = ?",
		"INSERT INTO app_groups (app_id, group_id, permissions) VALUES (:member, :group_id, :permissions)",
		string(a.ID), a.Groups)
}

// UpdateApp changes an app.
func (s *Store) UpdateApp(
	ctx context.Context, a id.App, change func(directory.App) (directory.App, error),
) (directory.App, error) {
	return update(ctx, s,
		func(c conn) (directory.App, error) { return c.app(ctx, a) },
		change,
		func(c conn, old, changed directory.App) (directory.App, error) {
			if changed.ID != old.ID || changed.Account != old.Account {
				return directory.App{}, identityChanged("an app")
			}
			changed.Version = old.Version + 1
			row, err := rowOfApp(changed)
			if err != nil {
				return directory.App{}, err
			}
			err = put(ctx, c, "UPDATE apps SET name = :name, default_group_id = :default_group_id, "+
				"secret = :secret, detail = :detail, version = :version WHERE id = :id", row)
			if err != nil {
				return directory.App{}, replace(replace(err, taken, appTaken()), reference, noGroup())
			}
			if err := c.joinApp(ctx, changed); err != nil {
				return directory.App{}, err
			}
			return c.app(ctx, a)
		})
}

// DeleteApp deletes an app.
func (s *Store) DeleteApp(ctx context.Context, a id.App) error {
	return s.write(ctx, func(c conn) error {
		return c.must(ctx, noApp(), "DELETE FROM apps WHERE id = ?", a)
	})
}
