package sqlstore

import (
	"context"
	"slices"

	"gatehouse/core/secret"
	"gatehouse/ports/seal"
)

// resealPage is how many values are resealed in one transaction.
const resealPage = 100

// place is a column that holds sealed values.
type place struct {
	purpose string
	table   string
	column  string
	owner   string // column with the owner's id, unique among the rows
	where   string // condition for the rows
	args    []any  // its parameters
}

// places lists every column with sealed values, but for the settings, which say
// their purposes themselves.
func places() []place {
	return []place{
		{string(seal.KeyMaterial), "keys", "material", "id", "material IS NOT NULL", nil},
		{string(seal.ConnectionPIN), "connections", "pin", "id", "pin IS NOT NULL", nil},
		{string(seal.ConnectionKey), "connections", "client_key", "id", "client_key IS NOT NULL", nil},
		{string(seal.AppCredential), "apps", "secret", "id", "secret IS NOT NULL", nil},
	}
}

// settingPlaces lists the sealed settings by purpose. The check of the master
// key comes last: it must not say that all is done before it is.
func (s *Store) settingPlaces(ctx context.Context) ([]place, error) {
	var purposes []string
	err := s.look(ctx, func(c conn) error {
		return c.all(ctx, &purposes, "SELECT purpose FROM settings WHERE purpose <> '' "+
			"GROUP BY purpose ORDER BY purpose = ?, purpose", string(seal.MasterCheck))
	})
	list := make([]place, len(purposes))
	for i, p := range purposes {
		list[i] = place{p, "settings", "value", "name", "purpose = ?", []any{p}}
	}
	return list, err
}

// resealer is what Reseal is given.
type resealer func(purpose, owner string, v secret.Sealed) (secret.Sealed, bool, error)

// Reseal replaces every sealed value.
func (s *Store) Reseal(
	ctx context.Context, reseal func(purpose, owner string, v secret.Sealed) (secret.Sealed, bool, error),
) (int, error) {
	settings, err := s.settingPlaces(ctx)
	if err != nil {
		return 0, err
	}
	var replaced int
	for _, p := range append(places(), settings...) {
		n, err := s.resealPlace(ctx, p, reseal)
		if replaced += n; err != nil {
			return replaced, err
		}
	}
	return replaced, s.scrub(ctx)
}

func (s *Store) resealPlace(ctx context.Context, p place, reseal resealer) (int, error) {
	var replaced int
	for last, more := "", true; more; {
		var n int
		err := s.write(ctx, func(c conn) (err error) {
			n, last, more, err = c.resealPage(ctx, p, last, reseal)
			return err
		})
		if err != nil {
			return replaced, err
		}
		replaced += n
	}
	return replaced, nil
}

// sealedRow is an owner with its sealed value.
type sealedRow struct {
	Owner string `db:"owner"`
	Value []byte `db:"value"`
}

// resealPage replaces the values of the next owners after the given one.
func (c conn) resealPage(
	ctx context.Context, p place, after string, reseal resealer,
) (replaced int, last string, more bool, err error) {
	var rows []sealedRow
	err = c.all(ctx, &rows, "SELECT "+p.owner+" AS owner, "+p.column+" AS value FROM "+p.table+
		" WHERE "+p.where+" AND "+p.owner+" > ? ORDER BY "+p.owner+" LIMIT ?",
		append(slices.Clone(p.args), after, resealPage)...)
	if err != nil {
		return 0, after, false, err
	}
	last = after
	for _, row := range rows {
		last = row.Owner
		value, changed, err := reseal(p.purpose, row.Owner, row.Value)
		if err != nil {
			return 0, after, false, err
		}
		if !changed {
			continue
		}
		args := append([]any{[]byte(value)}, p.args...)
		_, err = c.exec(ctx, "UPDATE "+p.table+" SET "+p.column+" = ? WHERE "+p.where+" AND "+p.owner+" = ?",
			append(args, row.Owner)...)
		if err != nil {
			return 0, after, false, err
		}
		replaced++
	}
	return replaced, last, len(rows) == resealPage, nil
}

// scrub empties the database's log, which still holds what was replaced.
func (s *Store) scrub(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	free, err := s.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer free()
	return emptyLog(ctx, s.writer)
}
