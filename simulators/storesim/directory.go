package storesim

import (
	"context"
	"time"

	"gatehouse/core/directory"
	"gatehouse/core/id"
)

// Account is the store's.
func (s *Store) Account(ctx context.Context, a id.Account) (directory.Account, error) {
	return ask(s, "Account", func() (directory.Account, error) { return s.behind.Account(ctx, a) })
}

// ListAccounts is the store's.
func (s *Store) ListAccounts(ctx context.Context) ([]directory.Account, error) {
	return ask(s, "ListAccounts", func() ([]directory.Account, error) { return s.behind.ListAccounts(ctx) })
}

// AddAccount is the store's.
func (s *Store) AddAccount(ctx context.Context, a directory.Account) error {
	return s.do("AddAccount", func() error { return s.behind.AddAccount(ctx, a) })
}

// UpdateAccount is the store's.
func (s *Store) UpdateAccount(ctx context.Context, a id.Account, change func(directory.Account) (directory.Account, error)) (directory.Account, error) {
	return ask(s, "UpdateAccount", func() (directory.Account, error) { return s.behind.UpdateAccount(ctx, a, change) })
}

// User is the store's.
func (s *Store) User(ctx context.Context, u id.User) (directory.User, error) {
	return ask(s, "User", func() (directory.User, error) { return s.behind.User(ctx, u) })
}

// UserByEmail is the store's.
func (s *Store) UserByEmail(ctx context.Context, email string) (directory.User, error) {
	return ask(s, "UserByEmail", func() (directory.User, error) { return s.behind.UserByEmail(ctx, email) })
}

// ListUsers is the store's.
func (s *Store) ListUsers(ctx context.Context, a id.Account) ([]directory.User, error) {
	return ask(s, "ListUsers", func() ([]directory.User, error) { return s.behind.ListUsers(ctx, a) })
}

// AddUser is the store's.
func (s *Store) AddUser(ctx context.Context, u directory.User) error {
	return s.do("AddUser", func() error { return s.behind.AddUser(ctx, u) })
}

// UpdateUser is the store's.
func (s *Store) UpdateUser(ctx context.Context, u id.User, change func(directory.User) (directory.User, error)) (directory.User, error) {
	return ask(s, "UpdateUser", func() (directory.User, error) { return s.behind.UpdateUser(ctx, u, change) })
}

// DeleteUser is the store's.
func (s *Store) DeleteUser(ctx context.Context, u id.User) error {
	return s.do("DeleteUser", func() error { return s.behind.DeleteUser(ctx, u) })
}

// App is the store's.
func (s *Store) App(ctx context.Context, a id.App) (directory.App, error) {
	return ask(s, "App", func() (directory.App, error) { return s.behind.App(ctx, a) })
}

// ListApps is the store's.
func (s *Store) ListApps(ctx context.Context, a id.Account) ([]directory.App, error) {
	return ask(s, "ListApps", func() ([]directory.App, error) { return s.behind.ListApps(ctx, a) })
}

// AddApp is the store's.
func (s *Store) AddApp(ctx context.Context, a directory.App) error {
	return s.do("AddApp", func() error { return s.behind.AddApp(ctx, a) })
}

// UpdateApp is the store's.
func (s *Store) UpdateApp(ctx context.Context, a id.App, change func(directory.App) (directory.App, error)) (directory.App, error) {
	return ask(s, "UpdateApp", func() (directory.App, error) { return s.behind.UpdateApp(ctx, a, change) })
}

// DeleteApp is the store's.
func (s *Store) DeleteApp(ctx context.Context, a id.App) error {
	return s.do("DeleteApp", func() error { return s.behind.DeleteApp(ctx, a) })
}

// Session is the store's.
func (s *Store) Session(ctx context.Context, tokenHash [32]byte) (directory.Session, error) {
	return ask(s, "Session", func() (directory.Session, error) { return s.behind.Session(ctx, tokenHash) })
}

// AddSession is the store's.
func (s *Store) AddSession(ctx context.Context, session directory.Session) error {
	return s.do("AddSession", func() error { return s.behind.AddSession(ctx, session) })
}

// UpdateSession is the store's.
func (s *Store) UpdateSession(ctx context.Context, tokenHash [32]byte, change func(directory.Session) (directory.Session, error)) (directory.Session, error) {
	return ask(s, "UpdateSession", func() (directory.Session, error) { return s.behind.UpdateSession(ctx, tokenHash, change) })
}

// DeleteSession is the store's.
func (s *Store) DeleteSession(ctx context.Context, tokenHash [32]byte) error {
	return s.do("DeleteSession", func() error { return s.behind.DeleteSession(ctx, tokenHash) })
}

// DeleteSessionsOf is the store's.
func (s *Store) DeleteSessionsOf(ctx context.Context, p id.Principal) error {
	return s.do("DeleteSessionsOf", func() error { return s.behind.DeleteSessionsOf(ctx, p) })
}

// DeleteSessionsBefore is the store's.
func (s *Store) DeleteSessionsBefore(ctx context.Context, expired time.Time) error {
	return s.do("DeleteSessionsBefore", func() error { return s.behind.DeleteSessionsBefore(ctx, expired) })
}
