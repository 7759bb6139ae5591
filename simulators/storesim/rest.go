package storesim

import (
	"context"

	"gatehouse/core/audit"
	"gatehouse/core/secret"
)

// reads are the methods that store nothing.
var reads = []Call{
	"Key", "KeyByName", "ListKeys", "EachKey", "Group", "ListGroups", "Account", "ListAccounts", "User", "UserByEmail", "ListUsers", "App", "ListApps", "Session", "ListIntents", "Scan", "ListScans", "RunningScans", "EachAudit", "AuditHead", "Setting", "SealedSetting",
}

// AppendAudit is the store's.
func (s *Store) AppendAudit(ctx context.Context, records ...audit.Record) error {
	return s.do("AppendAudit", func() error { return s.behind.AppendAudit(ctx, records...) })
}

// EachAudit is the store's.
func (s *Store) EachAudit(ctx context.Context, from int64, yield func(audit.Record) error) error {
	return s.do("EachAudit", func() error { return s.behind.EachAudit(ctx, from, yield) })
}

// AuditHead is the store's.
func (s *Store) AuditHead(ctx context.Context) (audit.Head, error) {
	return ask(s, "AuditHead", func() (audit.Head, error) { return s.behind.AuditHead(ctx) })
}

// Reseal is the store's.
func (s *Store) Reseal(ctx context.Context, reseal func(purpose, owner string, s secret.Sealed) (secret.Sealed, bool, error)) (int, error) {
	return ask(s, "Reseal", func() (int, error) { return s.behind.Reseal(ctx, reseal) })
}

// Setting is the store's.
func (s *Store) Setting(ctx context.Context, name string) ([]byte, error) {
	return ask(s, "Setting", func() ([]byte, error) { return s.behind.Setting(ctx, name) })
}

// PutSetting is the store's.
func (s *Store) PutSetting(ctx context.Context, name string, value []byte) error {
	return s.do("PutSetting", func() error { return s.behind.PutSetting(ctx, name, value) })
}

// SealedSetting is the store's.
func (s *Store) SealedSetting(ctx context.Context, purpose, name string) (secret.Sealed, error) {
	return ask(s, "SealedSetting", func() (secret.Sealed, error) { return s.behind.SealedSetting(ctx, purpose, name) })
}

// PutSealedSetting is the store's.
func (s *Store) PutSealedSetting(ctx context.Context, purpose, name string, v secret.Sealed) error {
	return s.do("PutSealedSetting", func() error { return s.behind.PutSealedSetting(ctx, purpose, name, v) })
}

// Close is the store's; no fault acts on it.
func (s *Store) Close() error { return s.behind.Close() }
