package sqlstore

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"

	"gatehouse/core/fault"
)

// dialect is what the migrations are written in.
const dialect = goose.DialectSQLite3

// hasMember is a condition on a JSON object: it has the member ? with the value ?.
func hasMember(column string) string {
	return "EXISTS (SELECT 1 FROM json_each(" + column + ") AS member WHERE member.key = ? AND member.value = ?)"
}

// lockWait is how long SQLite itself waits for another program's lock, which
// nothing can interrupt.
const lockWait = 100 * time.Millisecond

// quick returns the context for a statement that takes microseconds. SQLite is
// in this process: to watch for the end of a context would cost more than the
// statement, so that it is looked at between statements instead.
func quick(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

// connect opens the database in the file and looks whether it really works as
// it was told to.
func connect(ctx context.Context, path string, write bool) (*sqlx.DB, error) {
	settings := url.Values{
		"mode":          {"rw"},
		"_busy_timeout": {strconv.FormatInt(lockWait.Milliseconds(), 10)},
		"_foreign_keys": {"1"},
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"},
		// every query text that is used often stays prepared, on each connection
		"_stmt_cache_size": {"128"},
	}
	if write {
		settings.Set("_txlock", "immediate")  // a transaction that will write waits at its begin, and only there
		settings.Set("_secure_delete", "1")   // no deleted key material in free pages
		settings.Set("_cache_size", "-16384") // 16 MiB
	} else {
		settings.Set("_query_only", "1")
	}
	name := url.URL{Scheme: "file", Path: path, RawQuery: settings.Encode()}
	db, err := sqlx.Open("sqlite3", name.String())
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the database %s cannot be opened", path)
	}
	if err := inspect(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// inspect proves that the database is durable and keeps its references whole.
func inspect(ctx context.Context, db *sqlx.DB) error {
	for _, p := range [...]struct{ query, want, without string }{
		{"PRAGMA journal_mode", "wal", "write-ahead logging: its file system cannot do it"},
		{"PRAGMA synchronous", "2", "full synchronisation"},
		{"PRAGMA foreign_keys", "1", "foreign keys"},
	} {
		var got string
		if err := db.GetContext(ctx, &got, p.query); err != nil {
			return translate(ctx, err)
		}
		if got != p.want {
			return fault.New(fault.Unavailable, "the database runs without %s", p.without)
		}
	}
	return nil
}

// emptyLog moves everything from the log to the database, where overwritten
// values are gone.
func emptyLog(ctx context.Context, db *sqlx.DB) error {
	var busy, logged, moved int
	row := db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	if err := row.Scan(&busy, &logged, &moved); err != nil {
		return translate(ctx, err)
	}
	if busy != 0 {
		return fault.New(fault.Unavailable, "the database's log could not be emptied: something reads it")
	}
	return nil
}

// failure is what a result code of SQLite means.
type failure struct {
	kind    fault.Kind
	message string
	cause   cause
}

// failures is the one table of result codes (https://www.sqlite.org/rescode.html).
// Extended codes come first; what is in neither table is a bug: fault.Internal.
var (
	extendedFailures = map[sqlite3.ErrNoExtended]failure{
		sqlite3.ErrConstraintUnique:     {fault.Conflict, "it already exists", taken},
		sqlite3.ErrConstraintPrimaryKey: {fault.Conflict, "it already exists", taken},
		sqlite3.ErrConstraintRowID:      {fault.Conflict, "it already exists", taken},
		sqlite3.ErrConstraintForeignKey: {fault.Conflict, "something else refers to it", reference},
	}
	failures = map[sqlite3.ErrNo]failure{
		sqlite3.ErrBusy:      {fault.Unavailable, "the database is locked by another program", again},
		sqlite3.ErrLocked:    {fault.Unavailable, "the database is locked by another program", again},
		sqlite3.ErrFull:      {fault.Unavailable, "the database's disk is full", ""},
		sqlite3.ErrIoErr:     {fault.Unavailable, "the database's disk fails", ""},
		sqlite3.ErrCantOpen:  {fault.Unavailable, "the database cannot be opened", ""},
		sqlite3.ErrReadonly:  {fault.Unavailable, "the database is read-only", ""},
		sqlite3.ErrPerm:      {fault.Unavailable, "the database may not be opened", ""},
		sqlite3.ErrAuth:      {fault.Unavailable, "the database may not be opened", ""},
		sqlite3.ErrNomem:     {fault.Unavailable, "the database has no memory left", ""},
		sqlite3.ErrProtocol:  {fault.Unavailable, "the database's lock cannot be had", again},
		sqlite3.ErrInterrupt: {fault.Unavailable, "the database was interrupted", ""},
		sqlite3.ErrCorrupt:   {fault.Internal, "the database is damaged", ""},
		sqlite3.ErrNotADB:    {fault.Internal, "the file is not a database", ""},
		sqlite3.ErrFormat:    {fault.Internal, "the database is damaged", ""},
	}
)

// failureOf returns what an error of the driver means.
func failureOf(err error) (failure, bool) {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return failure{}, false
	}
	if f, ok := extendedFailures[e.ExtendedCode]; ok {
		return f, true
	}
	f, ok := failures[e.Code]
	return f, ok
}
