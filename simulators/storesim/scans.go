package storesim

import (
	"context"

	"gatehouse/core/id"
	"gatehouse/core/keysync"
)

// BeginScan is the store's.
func (s *Store) BeginScan(ctx context.Context, scan keysync.Scan) error {
	return s.do("BeginScan", func() error { return s.behind.BeginScan(ctx, scan) })
}

// EndScan is the store's.
func (s *Store) EndScan(ctx context.Context, scan keysync.Scan) error {
	return s.do("EndScan", func() error { return s.behind.EndScan(ctx, scan) })
}

// Scan is the store's.
func (s *Store) Scan(ctx context.Context, g id.Group, scan id.Scan) (keysync.Scan, error) {
	return ask(s, "Scan", func() (keysync.Scan, error) { return s.behind.Scan(ctx, g, scan) })
}

// ListScans is the store's.
func (s *Store) ListScans(ctx context.Context, g id.Group) ([]keysync.Scan, error) {
	return ask(s, "ListScans", func() ([]keysync.Scan, error) { return s.behind.ListScans(ctx, g) })
}

// RunningScans is the store's.
func (s *Store) RunningScans(ctx context.Context) ([]keysync.Scan, error) {
	return ask(s, "RunningScans", func() ([]keysync.Scan, error) { return s.behind.RunningScans(ctx) })
}
