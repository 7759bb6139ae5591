package sqlstore

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"

	"gatehouse/core/fault"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the database to the newest version that this program knows,
// each step in one transaction. A database that is newer yet is left alone.
func migrate(ctx context.Context, db *sqlx.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fault.Wrap(fault.Internal, err, "reading the migrations")
	}
	steps, err := goose.NewProvider(dialect, db.DB, files,
		goose.WithDisableGlobalRegistry(true), goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return fault.Wrap(fault.Internal, err, "reading the migrations")
	}
	is, known, err := steps.GetVersions(ctx)
	if err != nil {
		return translate(ctx, err)
	}
	if is > known {
		return fault.New(fault.Unavailable,
			"the database has version %d and this program knows versions up to %d only: use a newer program", is, known)
	}
	if _, err := steps.Up(ctx); err != nil {
		return translate(ctx, err)
	}
	return nil
}
