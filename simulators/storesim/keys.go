package storesim

import (
	"context"
	"time"

	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/intents"
	"gatehouse/core/keys"
	"gatehouse/ports/store"
)

// Key is the store's.
func (s *Store) Key(ctx context.Context, k id.Key) (keys.Key, error) {
	return ask(s, "Key", func() (keys.Key, error) { return s.behind.Key(ctx, k) })
}

// KeyByName is the store's.
func (s *Store) KeyByName(ctx context.Context, a id.Account, name string) (keys.Key, error) {
	return ask(s, "KeyByName", func() (keys.Key, error) { return s.behind.KeyByName(ctx, a, name) })
}

// ListKeys is the store's.
func (s *Store) ListKeys(ctx context.Context, q store.KeyQuery) (store.KeyPage, error) {
	return ask(s, "ListKeys", func() (store.KeyPage, error) { return s.behind.ListKeys(ctx, q) })
}

// EachKey is the store's.
func (s *Store) EachKey(ctx context.Context, g id.Group, yield func(keys.Key) error) error {
	return s.do("EachKey", func() error { return s.behind.EachKey(ctx, g, yield) })
}

// EachDue is the store's.
func (s *Store) EachDue(ctx context.Context, by time.Time, yield func(keys.Key) error) error {
	return s.do("EachDue", func() error { return s.behind.EachDue(ctx, by, yield) })
}

// AddKey is the store's.
func (s *Store) AddKey(ctx context.Context, k keys.Key, finished id.Intent) error {
	return s.do("AddKey", func() error { return s.behind.AddKey(ctx, k, finished) })
}

// SyncKeys is the store's.
func (s *Store) SyncKeys(ctx context.Context, added []keys.Key, changes []store.KeyChange) error {
	return s.do("SyncKeys", func() error { return s.behind.SyncKeys(ctx, added, changes) })
}

// UpdateKey is the store's.
func (s *Store) UpdateKey(ctx context.Context, k id.Key, change func(keys.Key) (keys.Key, error)) (keys.Key, error) {
	return ask(s, "UpdateKey", func() (keys.Key, error) { return s.behind.UpdateKey(ctx, k, change) })
}

// RecordKeys is the store's.
func (s *Store) RecordKeys(ctx context.Context, added []keys.Key, changes []store.KeyChange, finished id.Intent) error {
	return s.do("RecordKeys", func() error { return s.behind.RecordKeys(ctx, added, changes, finished) })
}

// Group is the store's.
func (s *Store) Group(ctx context.Context, g id.Group) (groups.Group, error) {
	return ask(s, "Group", func() (groups.Group, error) { return s.behind.Group(ctx, g) })
}

// ListGroups is the store's.
func (s *Store) ListGroups(ctx context.Context, a id.Account) ([]groups.Group, error) {
	return ask(s, "ListGroups", func() ([]groups.Group, error) { return s.behind.ListGroups(ctx, a) })
}

// AddGroup is the store's.
func (s *Store) AddGroup(ctx context.Context, g groups.Group) error {
	return s.do("AddGroup", func() error { return s.behind.AddGroup(ctx, g) })
}

// UpdateGroup is the store's.
func (s *Store) UpdateGroup(ctx context.Context, g id.Group, change func(groups.Group) (groups.Group, error)) (groups.Group, error) {
	return ask(s, "UpdateGroup", func() (groups.Group, error) { return s.behind.UpdateGroup(ctx, g, change) })
}

// DeleteGroup is the store's.
func (s *Store) DeleteGroup(ctx context.Context, g id.Group) error {
	return s.do("DeleteGroup", func() error { return s.behind.DeleteGroup(ctx, g) })
}

// BeginIntent is the store's.
func (s *Store) BeginIntent(ctx context.Context, i intents.Intent) error {
	return s.do("BeginIntent", func() error { return s.behind.BeginIntent(ctx, i) })
}

// ListIntents is the store's.
func (s *Store) ListIntents(ctx context.Context) ([]intents.Intent, error) {
	return ask(s, "ListIntents", func() ([]intents.Intent, error) { return s.behind.ListIntents(ctx) })
}

// AbandonIntent is the store's.
func (s *Store) AbandonIntent(ctx context.Context, i id.Intent) error {
	return s.do("AbandonIntent", func() error { return s.behind.AbandonIntent(ctx, i) })
}

// EndIntent is the store's.
func (s *Store) EndIntent(ctx context.Context, i id.Intent) error {
	return s.do("EndIntent", func() error { return s.behind.EndIntent(ctx, i) })
}
