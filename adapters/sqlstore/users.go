package sqlstore

import (
	"context"
	"maps"
	"slices"

	"gatehouse/core/access"
	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/id"
)

func noUser() *fault.Error    { return fault.New(fault.NotFound, "user does not exist") }
func userTaken() *fault.Error { return fault.New(fault.Conflict, "user already exists") }

// userColumns are the columns of userRow.
const userColumns = "id, email, detail, version"

// userRow is a row of the table users.
type userRow struct {
	ID      id.User `db:"id"`
	Email   string  `db:"email"`
	Detail  string  `db:"detail"`
	Version int64   `db:"version"`
}

// userDetail is the document of a user.
type userDetail struct {
	PasswordHash string `json:"password_hash,omitempty"` // PHC string
	FirstName    string `json:"first_name,omitempty"`
	LastName     string `json:"last_name,omitempty"`
	Description  string `json:"description,omitempty"`
	CreatedAt    stamp  `json:"created_at,omitzero"`
	LastLoginAt  stamp  `json:"last_login_at,omitzero"`
	Enabled      bool   `json:"enabled"`
}

// roleRow is a row of the table user_accounts.
type roleRow struct {
	User    id.User     `db:"user_id"`
	Account id.Account  `db:"account_id"`
	Role    access.Role `db:"role"`
}

func rowOfUser(u directory.User) (userRow, error) {
	detail, err := encode(userDetail{
		PasswordHash: u.PasswordHash, FirstName: u.FirstName, LastName: u.LastName, Description: u.Description,
		CreatedAt: at(u.CreatedAt), LastLoginAt: at(u.LastLoginAt), Enabled: u.Enabled,
	})
	return userRow{ID: u.ID, Email: u.Email, Detail: detail, Version: u.Version}, err
}

func (r userRow) user() (directory.User, error) {
	var d userDetail
	if err := decode(r.Detail, &d); err != nil {
		return directory.User{}, damaged(err, "user", string(r.ID))
	}
	return directory.User{
		ID: r.ID, Email: r.Email, Version: r.Version,
		PasswordHash: d.PasswordHash, FirstName: d.FirstName, LastName: d.LastName, Description: d.Description,
		CreatedAt: d.CreatedAt.Time, LastLoginAt: d.LastLoginAt.Time, Enabled: d.Enabled,
	}, nil
}

// users returns the users that the condition selects, with their accounts and
// groups, in order of creation.
func (c conn) users(ctx context.Context, where string, args ...any) ([]directory.User, error) {
	var rows []userRow
	if err := c.all(ctx, &rows, "SELECT "+userColumns+" FROM users WHERE "+where+" ORDER BY seq", args...); err != nil {
		return nil, err
	}
	var roles []roleRow
	err := c.all(ctx, &roles, "SELECT user_id, account_id, role FROM user_accounts "+
		"WHERE user_id IN (SELECT id FROM users WHERE "+where+")", args...)
	if err != nil {
		return nil, err
	}
	var members []memberRow
	err = c.all(ctx, &members, "SELECT user_id AS member, group_id, permissions FROM user_groups "+
		"WHERE user_id IN (SELECT id FROM users WHERE "+where+")", args...)
	if err != nil {
		return nil, err
	}
	in, err := membershipsOf(members)
	if err != nil {
		return nil, err
	}
	accounts := map[id.User]map[id.Account]access.Role{}
	for _, r := range roles {
		if accounts[r.User] == nil {
			accounts[r.User] = map[id.Account]access.Role{}
		}
		accounts[r.User][r.Account] = r.Role
	}
	list := make([]directory.User, len(rows))
	for i, row := range rows {
		if list[i], err = row.user(); err != nil {
			return nil, err
		}
		list[i].Accounts, list[i].Groups = accounts[row.ID], in[string(row.ID)]
	}
	return list, nil
}

// user returns the one user that the condition selects.
func (c conn) user(ctx context.Context, where, arg string) (directory.User, error) {
	list, err := c.users(ctx, where, arg)
	if err != nil {
		return directory.User{}, err
	}
	if len(list) == 0 {
		return directory.User{}, noUser()
	}
	return list[0], nil
}

// User returns a user.
func (s *Store) User(ctx context.Context, u id.User) (directory.User, error) {
	return s.userBy(ctx, "id = ?", string(u))
}

// UserByEmail returns the user of that address.
func (s *Store) UserByEmail(ctx context.Context, email string) (directory.User, error) {
	return s.userBy(ctx, "email = ?", email)
}

func (s *Store) userBy(ctx context.Context, where, arg string) (directory.User, error) {
	var user directory.User
	err := s.read(ctx, func(c conn) (err error) {
		user, err = c.user(ctx, where, arg)
		return err
	})
	return user, err
}

// ListUsers returns the members of an account, or all users.
func (s *Store) ListUsers(ctx context.Context, a id.Account) ([]directory.User, error) {
	var list []directory.User
	err := s.read(ctx, func(c conn) (err error) {
		list, err = c.users(ctx,
			"? = '' OR id IN (SELECT user_id FROM user_accounts WHERE account_id = ?)", a, a)
		return err
	})
	return list, err
}

// AddUser stores a new user.
func (s *Store) AddUser(ctx context.Context, u directory.User) error {
	row, err := rowOfUser(u)
	if err != nil {
		return err
	}
	return s.write(ctx, func(c conn) error {
		err := put(ctx, c, "INSERT INTO users ("+userColumns+") VALUES (:id, :email, :detail, :version)", row)
		if err != nil {
			return replace(err, taken, userTaken())
		}
		return c.joinUser(ctx, u)
	})
}

// joinUser replaces the accounts and groups of a user.
func (c conn) joinUser(ctx context.Context, u directory.User) error {
	if _, err := c.exec(ctx, "DELETE FROM user_accounts WHERE user_id = ?", u.ID); err != nil {
		return err
	}
	roles := make([]roleRow, 0, len(u.Accounts))
	for _, a := range slices.Sorted(maps.Keys(u.Accounts)) {
		roles = append(roles, roleRow{User: u.ID, Account: a, Role: u.Accounts[a]})
	}
	err := put(ctx, c, "INSERT INTO user_accounts (user_id, account_id, role) VALUES (:user_id, :account_id, :role)", roles...)
	if err != nil {
		return replace(err, reference, noAccount())
	}
	return c.join(ctx, "DELETE FROM user_groups WHERE user_id = ?",
		"INSERT INTO user_groups (user_id, group_id, permissions) VALUES (:member, :group_id, :permissions)",
		string(u.ID), u.Groups)
}

// UpdateUser changes a user.
func (s *Store) UpdateUser(
	ctx context.Context, u id.User, change func(directory.User) (directory.User, error),
) (directory.User, error) {
	return update(ctx, s,
		func(c conn) (directory.User, error) { return c.user(ctx, "id = ?", string(u)) },
		change,
		func(c conn, old, changed directory.User) (directory.User, error) {
			if changed.ID != old.ID {
				return directory.User{}, identityChanged("a user")
			}
			changed.Version = old.Version + 1
			row, err := rowOfUser(changed)
			if err != nil {
				return directory.User{}, err
			}
			err = put(ctx, c, "UPDATE users SET email = :email, detail = :detail, version = :version WHERE id = :id", row)
			if err != nil {
				return directory.User{}, replace(err, taken, userTaken())
			}
			if err := c.joinUser(ctx, changed); err != nil {
				return directory.User{}, err
			}
			return c.user(ctx, "id = ?", string(u))
		})
}

// DeleteUser deletes a user.
func (s *Store) DeleteUser(ctx context.Context, u id.User) error {
	return s.write(ctx, func(c conn) error {
		return c.must(ctx, noUser(), "DELETE FROM users WHERE id = ?", u)
	})
}
