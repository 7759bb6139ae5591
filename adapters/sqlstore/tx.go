package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/core/fault"
)

// pause bounds how long a transaction that lost against another one waits
// before it is begun again.
const pause = 50 * time.Millisecond

// cause tells what a caller of the database may want to know of an error.
type cause string

const (
	taken     cause = "a unique constraint"
	reference cause = "a foreign key"
	again     cause = "lost against another transaction"
)

func (c cause) Error() string { return string(c) }

// translate makes an error of the database a fault.
func translate(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	f, known := failureOf(err)
	switch {
	case known && (f.cause == taken || f.cause == reference):
		return fault.Wrap(f.kind, errors.Join(f.cause, err), "%s", f.message)
	case ctx.Err() != nil:
		return ended(errors.Join(ctx.Err(), err))
	case known && f.cause != "":
		return fault.Wrap(f.kind, errors.Join(f.cause, err), "%s", f.message)
	case known:
		return fault.Wrap(f.kind, err, "%s", f.message)
	default:
		return fault.Wrap(fault.Internal, err, "asking the database")
	}
}

func ended(err error) error {
	return fault.Wrap(fault.Unavailable, err, "the request ended before the database had answered")
}

func errClosed() error { return fault.New(fault.Unavailable, "the database is closed") }

// replace returns f if err has the cause c, and err otherwise.
func replace(err error, c cause, f *fault.Error) error {
	if errors.Is(err, c) {
		return f
	}
	return err
}

// handle is a pool or a transaction.
type handle interface {
	sqlx.ExtContext
	BindNamed(query string, arg any) (string, []any, error)
	PrepareNamedContext(ctx context.Context, query string) (*sqlx.NamedStmt, error)
}

// conn asks the database; its errors are faults.
type conn struct{ handle }

// one reads one row; missing when there is none.
func (c conn) one(ctx context.Context, dest any, missing error, query string, args ...any) error {
	if err := ctx.Err(); err != nil {
		return ended(err)
	}
	err := sqlx.GetContext(quick(ctx), c.handle, dest, c.Rebind(query), args...)
	if errors.Is(err, sql.ErrNoRows) {
		return missing
	}
	return translate(ctx, err)
}

// all reads all rows.
func (c conn) all(ctx context.Context, dest any, query string, args ...any) error {
	return translate(ctx, sqlx.SelectContext(ctx, c.handle, dest, c.Rebind(query), args...))
}

// each reads row after row, until yield says that it is enough.
func each[R any](ctx context.Context, c conn, yield func(R) (more bool, err error), query string, args ...any) error {
	rows, err := c.QueryxContext(ctx, c.Rebind(query), args...)
	if err != nil {
		return translate(ctx, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var row R
		if err := rows.StructScan(&row); err != nil {
			return translate(ctx, err)
		}
		if more, err := yield(row); err != nil || !more {
			return err
		}
	}
	return translate(ctx, rows.Err())
}

// exec changes rows and returns how many.
func (c conn) exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, ended(err)
	}
	result, err := c.ExecContext(quick(ctx), c.Rebind(query), args...)
	if err != nil {
		return 0, translate(ctx, err)
	}
	n, err := result.RowsAffected()
	return n, translate(ctx, err)
}

// must is exec for what has to change a row; missing when it does not.
func (c conn) must(ctx context.Context, missing error, query string, args ...any) error {
	n, err := c.exec(ctx, query, args...)
	if err == nil && n == 0 {
		return missing
	}
	return err
}

// put runs a query with the fields of each row as its parameters.
func put[R any](ctx context.Context, c conn, query string, rows ...R) error {
	if len(rows) == 0 {
		return nil
	}
	if len(rows) == 1 {
		bound, args, err := c.BindNamed(query, rows[0])
		if err == nil {
			_, err = c.exec(ctx, bound, args...)
			return err
		}
		return translate(ctx, err)
	}
	stmt, err := c.PrepareNamedContext(ctx, query)
	if err != nil {
		return translate(ctx, err)
	}
	defer func() { _ = stmt.Close() }()
	for _, r := range rows {
		if err := ctx.Err(); err != nil {
			return ended(err)
		}
		if _, err := stmt.ExecContext(quick(ctx), r); err != nil {
			return translate(ctx, err)
		}
	}
	return nil
}

// look runs f with one of the readers: for a single query.
func (s *Store) look(ctx context.Context, f func(conn) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	return f(conn{s.reader})
}

// read runs f in a transaction that only reads: all queries see one moment.
func (s *Store) read(ctx context.Context, f func(conn) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	return inTx(ctx, s.reader, &sql.TxOptions{ReadOnly: true}, f)
}

// write runs f in a transaction, several times if need be. Errors of f are
// returned as they are.
func (s *Store) write(ctx context.Context, f func(conn) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	free, err := s.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer free()
	for n := 1; ; n++ {
		err := inTx(ctx, s.writer, &sql.TxOptions{Isolation: sql.LevelSerializable}, f)
		if n >= s.attempts || !errors.Is(err, again) {
			return err
		}
		wait := time.NewTimer(rand.N(pause)) //nolint:gosec // spreads those who try again: no secret
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return ended(ctx.Err())
		}
	}
}

// takeTurn waits, in the order of arrival, to be the one who writes.
func (s *Store) takeTurn(ctx context.Context) (free func(), err error) {
	select {
	case s.turn <- struct{}{}:
		return func() { <-s.turn }, nil
	case <-ctx.Done():
		return nil, ended(ctx.Err())
	}
}

func inTx(ctx context.Context, db *sqlx.DB, o *sql.TxOptions, f func(conn) error) error {
	tx, err := db.BeginTxx(quick(ctx), o)
	if err != nil {
		return translate(ctx, err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if err := f(conn{tx}); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return ended(err)
	}
	return translate(ctx, tx.Commit())
}

// update loads a value, changes it and saves it, in one transaction, and
// returns what was saved.
func update[T any](
	ctx context.Context, s *Store,
	load func(conn) (T, error), change func(T) (T, error), save func(c conn, old, changed T) (T, error),
) (T, error) {
	var saved T
	err := s.write(ctx, func(c conn) error {
		old, err := load(c)
		if err != nil {
			return err
		}
		changed, err := change(old)
		if err != nil {
			return err
		}
		saved, err = save(c, old, changed)
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return saved, nil
}
