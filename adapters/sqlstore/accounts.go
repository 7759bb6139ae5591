package sqlstore

import (
	"context"

	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/id"
)

func noAccount() *fault.Error    { return fault.New(fault.NotFound, "account does not exist") }
func accountTaken() *fault.Error { return fault.New(fault.Conflict, "account already exists") }

// accountColumns are the columns of accountRow.
const accountColumns = "id, name, detail, version"

// accountRow is a row of the table accounts.
type accountRow struct {
	ID      id.Account `db:"id"`
	Name    string     `db:"name"`
	Detail  string     `db:"detail"`
	Version int64      `db:"version"`
}

// accountDetail is the document of an account.
type accountDetail struct {
	Description string `json:"description,omitempty"`
	CreatedAt   stamp  `json:"created_at,omitzero"`
	Enabled     bool   `json:"enabled"`
}

func rowOfAccount(a directory.Account) (accountRow, error) {
	detail, err := encode(accountDetail{Description: a.Description, CreatedAt: at(a.CreatedAt), Enabled: a.Enabled})
	return accountRow{ID: a.ID, Name: a.Name, Detail: detail, Version: a.Version}, err
}

func (r accountRow) account() (directory.Account, error) {
	var d accountDetail
	if err := decode(r.Detail, &d); err != nil {
		return directory.Account{}, damaged(err, "account", string(r.ID))
	}
	return directory.Account{
		ID: r.ID, Name: r.Name, Version: r.Version,
		Description: d.Description, CreatedAt: d.CreatedAt.Time, Enabled: d.Enabled,
	}, nil
}

// Account returns an account.
func (s *Store) Account(ctx context.Context, a id.Account) (directory.Account, error) {
	var account directory.Account
	err := s.look(ctx, func(c conn) (err error) {
		account, err = c.account(ctx, a)
		return err
	})
	return account, err
}

func (c conn) account(ctx context.Context, a id.Account) (directory.Account, error) {
	var row accountRow
	if err := c.one(ctx, &row, noAccount(), "SELECT "+accountColumns+" FROM accounts WHERE id = ?", a); err != nil {
		return directory.Account{}, err
	}
	return row.account()
}

// ListAccounts returns all accounts in order of creation.
func (s *Store) ListAccounts(ctx context.Context) ([]directory.Account, error) {
	var rows []accountRow
	err := s.look(ctx, func(c conn) error {
		return c.all(ctx, &rows, "SELECT "+accountColumns+" FROM accounts ORDER BY seq")
	})
	if err != nil {
		return nil, err
	}
	list := make([]directory.Account, len(rows))
	for i, row := range rows {
		if list[i], err = row.account(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// AddAccount stores a new account.
func (s *Store) AddAccount(ctx context.Context, a directory.Account) error {
	row, err := rowOfAccount(a)
	if err != nil {
		return err
	}
	return s.write(ctx, func(c conn) error {
		err := put(ctx, c, "INSERT INTO accounts ("+accountColumns+") VALUES (:id, :name, :detail, :version)", row)
		return replace(err, taken, accountTaken())
	})
}

// UpdateAccount changes an account.
func (s *Store) UpdateAccount(
	ctx context.Context, a id.Account, change func(directory.Account) (directory.Account, error),
) (directory.Account, error) {
	return update(ctx, s,
		func(c conn) (directory.Account, error) { return c.account(ctx, a) },
		change,
		func(c conn, old, changed directory.Account) (directory.Account, error) {
			if changed.ID != old.ID {
				return directory.Account{}, identityChanged("an account")
			}
			changed.Version = old.Version + 1
			row, err := rowOfAccount(changed)
			if err != nil {
				return directory.Account{}, err
			}
			err = put(ctx, c, "UPDATE accounts SET name = :name, detail = :detail, version = :version WHERE id = :id", row)
			if err != nil {
				return directory.Account{}, replace(err, taken, accountTaken())
			}
			return row.account()
		})
}
