package sqlstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/id"
)

func noSession() *fault.Error { return fault.New(fault.NotFound, "session does not exist") }

// sessionColumns are the columns of sessionRow.
const sessionColumns = "token_hash, principal_kind, principal_id, account_id, created_at, expires_at"

// sessionRow is a row of the table sessions.
type sessionRow struct {
	TokenHash     []byte           `db:"token_hash"`
	PrincipalKind id.PrincipalKind `db:"principal_kind"`
	PrincipalID   string           `db:"principal_id"`
	Account       id.Account       `db:"account_id"`
	CreatedAt     stamp            `db:"created_at"`
	ExpiresAt     stamp            `db:"expires_at"`
}

func rowOfSession(s directory.Session) sessionRow {
	return sessionRow{
		TokenHash: s.TokenHash[:], PrincipalKind: s.Principal.Kind, PrincipalID: s.Principal.ID,
		Account: s.Account, CreatedAt: at(s.CreatedAt), ExpiresAt: at(s.ExpiresAt),
	}
}

func (r sessionRow) session() (directory.Session, error) {
	if len(r.TokenHash) != sha256.Size {
		return directory.Session{}, damaged(errors.New("its hash has another length"), "session of", r.PrincipalID)
	}
	return directory.Session{
		TokenHash: [sha256.Size]byte(r.TokenHash), Principal: id.Principal{Kind: r.PrincipalKind, ID: r.PrincipalID},
		Account: r.Account, CreatedAt: r.CreatedAt.Time, ExpiresAt: r.ExpiresAt.Time,
	}, nil
}

// Session returns what the bearer token of that hash stands for.
func (s *Store) Session(ctx context.Context, tokenHash [32]byte) (directory.Session, error) {
	var session directory.Session
	err := s.look(ctx, func(c conn) (err error) {
		session, err = c.session(ctx, tokenHash)
		return err
	})
	return session, err
}

func (c conn) session(ctx context.Context, tokenHash [32]byte) (directory.Session, error) {
	var row sessionRow
	err := c.one(ctx, &row, noSession(), "SELECT "+sessionColumns+" FROM sessions WHERE token_hash = ?", tokenHash[:])
	if err != nil {
		return directory.Session{}, err
	}
	return row.session()
}

// AddSession stores a new session.
func (s *Store) AddSession(ctx context.Context, session directory.Session) error {
	return s.write(ctx, func(c conn) error {
		err := put(ctx, c, "INSERT INTO sessions ("+sessionColumns+") "+
			"VALUES (:token_hash, :principal_kind, :principal_id, :account_id, :created_at, :expires_at)", rowOfSession(session))
		return replace(err, taken, fault.New(fault.Conflict, "session already exists"))
	})
}

// UpdateSession changes a session.
func (s *Store) UpdateSession(
	ctx context.Context, tokenHash [32]byte, change func(directory.Session) (directory.Session, error),
) (directory.Session, error) {
	return update(ctx, s,
		func(c conn) (directory.Session, error) { return c.session(ctx, tokenHash) },
		change,
		func(c conn, old, changed directory.Session) (directory.Session, error) {
			if changed.TokenHash != old.TokenHash {
				return directory.Session{}, identityChanged("a session")
			}
			row := rowOfSession(changed)
			err := put(ctx, c, "UPDATE sessions SET principal_kind = :principal_kind, principal_id = :principal_id, "+
				"account_id = :account_id, created_at = :created_at, expires_at = :expires_at "+
				"WHERE token_hash = :token_hash", row)
			if err != nil {
				return directory.Session{}, err
			}
			return c.session(ctx, tokenHash)
		})
}

// DeleteSession deletes a session, if it is there.
func (s *Store) DeleteSession(ctx context.Context, tokenHash [32]byte) error {
	return s.deleteSessions(ctx, "DELETE FROM sessions WHERE token_hash = ?", tokenHash[:])
}

// DeleteSessionsOf deletes all sessions of a principal.
func (s *Store) DeleteSessionsOf(ctx context.Context, p id.Principal) error {
	return s.deleteSessions(ctx, "DELETE FROM sessions WHERE principal_id = ? AND principal_kind = ?", p.ID, p.Kind)
}

// DeleteSessionsBefore deletes the sessions that expire before that time.
func (s *Store) DeleteSessionsBefore(ctx context.Context, expired time.Time) error {
	return s.deleteSessions(ctx, "DELETE FROM sessions WHERE expires_at < ?", at(expired))
}

func (s *Store) deleteSessions(ctx context.Context, query string, args ...any) error {
	return s.write(ctx, func(c conn) error {
		_, err := c.exec(ctx, query, args...)
		return err
	})
}
