// Package catalogue keeps what every request needs (keys, groups, apps, users,
// sessions) in memory, in front of the store.
//
// A Catalogue is a store: reads are answered from memory once they were read,
// and every change goes to the store first and replaces what is in memory
// before it returns, so that a deactivated key or a disabled app is not used
// again after the call that deactivated it has answered. It is the only user
// of its store. Values that it hands out must not be changed; Clone them.
package catalogue

import (
	"context"
	"time"

	"gatehouse/core/directory"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/ports/store"
)

// Catalogue is a store with a memory.
type Catalogue struct {
	store.Store
	keys     *memory[id.Key, keys.Key]
	names    *memory[keyName, id.Key]
	groups   *memory[id.Group, groups.Group]
	apps     *memory[id.App, directory.App]
	users    *memory[id.User, directory.User]
	accounts *memory[id.Account, directory.Account]
	sessions *memory[[32]byte, directory.Session]
}

var _ store.Store = (*Catalogue)(nil)

type keyName struct {
	account id.Account
	name    string
}

// Entries is the number of entries of each kind that are kept in memory.
const Entries = 200_000

// New returns a catalogue of s.
func New(s store.Store) *Catalogue {
	return &Catalogue{
		Store:    s,
		keys:     newMemory[id.Key, keys.Key](),
		names:    newMemory[keyName, id.Key](),
		groups:   newMemory[id.Group, groups.Group](),
		apps:     newMemory[id.App, directory.App](),
		users:    newMemory[id.User, directory.User](),
		accounts: newMemory[id.Account, directory.Account](),
		sessions: newMemory[[32]byte, directory.Session](),
	}
}

// Key returns a key, from memory if it is there.
func (c *Catalogue) Key(ctx context.Context, k id.Key) (keys.Key, error) {
	return c.keys.read(k, func() (keys.Key, error) { return c.Store.Key(ctx, k) })
}

// KeyByName returns a key by its name, from memory if it is there.
func (c *Catalogue) KeyByName(ctx context.Context, a id.Account, name string) (keys.Key, error) {
	k, err := c.names.read(keyName{a, name}, func() (id.Key, error) {
		key, err := c.Store.KeyByName(ctx, a, name)
		return key.ID, err
	})
	if err != nil {
		return keys.Key{}, err
	}
	key, err := c.Key(ctx, k)
	if err != nil || key.Name != name || key.Account != a || key.State == keys.Deleted { // changed in between
		return c.Store.KeyByName(ctx, a, name)
	}
	return key, nil
}

// ListKeys returns the keys that q selects, and remembers them. The store tells
// which they are and in which version; what memory holds is not read again.
func (c *Catalogue) ListKeys(ctx context.Context, q store.KeyQuery) (store.KeyPage, error) {
	if q.Known != nil {
		return c.Store.ListKeys(ctx, q)
	}
	before := c.keys.moment()
	q.Known = func(k id.Key, version int64) (keys.Key, bool) {
		key, ok := c.keys.peek(k)
		return key, ok && key.Version == version
	}
	read := map[id.Key]keys.Key{}
	if where := q.Where; where != nil {
		q.Where = func(k keys.Key) bool {
			read[k.ID] = k
			return where(k)
		}
	}
	page, err := c.Store.ListKeys(ctx, q)
	if err != nil {
		return store.KeyPage{}, err
	}
	for _, k := range page.Keys {
		read[k.ID] = k
	}
	c.keys.remember(before, read)
	return page, nil
}

// UpdateKey changes a key in the store and in memory.
func (c *Catalogue) UpdateKey(ctx context.Context, k id.Key, change func(keys.Key) (keys.Key, error)) (keys.Key, error) {
	defer c.names.forgetAll()
	return c.keys.write(k, func() (keys.Key, error) { return c.Store.UpdateKey(ctx, k, change) })
}

// SyncKeys stores what a sync found.
func (c *Catalogue) SyncKeys(ctx context.Context, added []keys.Key, changes []store.KeyChange) error {
	err := c.Store.SyncKeys(ctx, added, changes)
	for _, ch := range changes {
		c.keys.forget(ch.Key)
	}
	return err
}

// RecordKeys stores what belongs together, and forgets what was changed.
func (c *Catalogue) RecordKeys(ctx context.Context, added []keys.Key, changes []store.KeyChange, finished id.Intent) error {
	err := c.Store.RecordKeys(ctx, added, changes, finished)
	for _, ch := range changes {
		c.keys.forget(ch.Key)
	}
	c.names.forgetAll()
	return err
}

// Group returns a group, from memory if it is there.
func (c *Catalogue) Group(ctx context.Context, g id.Group) (groups.Group, error) {
	return c.groups.read(g, func() (groups.Group, error) { return c.Store.Group(ctx, g) })
}

// UpdateGroup changes a group in the store and in memory.
func (c *Catalogue) UpdateGroup(ctx context.Context, g id.Group, change func(groups.Group) (groups.Group, error)) (groups.Group, error) {
	return c.groups.write(g, func() (groups.Group, error) { return c.Store.UpdateGroup(ctx, g, change) })
}

// DeleteGroup deletes a group in the store and forgets it, along with what its
// members remember of it.
func (c *Catalogue) DeleteGroup(ctx context.Context, g id.Group) error {
	err := c.Store.DeleteGroup(ctx, g)
	c.groups.forget(g)
	c.apps.forgetAll()
	c.users.forgetAll()
	return err
}

// App returns an app, from memory if it is there.
func (c *Catalogue) App(ctx context.Context, a id.App) (directory.App, error) {
	return c.apps.read(a, func() (directory.App, error) { return c.Store.App(ctx, a) })
}

// UpdateApp changes an app in the store and in memory.
func (c *Catalogue) UpdateApp(ctx context.Context, a id.App, change func(directory.App) (directory.App, error)) (directory.App, error) {
	return c.apps.write(a, func() (directory.App, error) { return c.Store.UpdateApp(ctx, a, change) })
}

// DeleteApp deletes an app in the store and forgets it.
func (c *Catalogue) DeleteApp(ctx context.Context, a id.App) error {
	err := c.Store.DeleteApp(ctx, a)
	c.apps.forget(a)
	return err
}

// Account returns an account, from memory if it is there.
func (c *Catalogue) Account(ctx context.Context, a id.Account) (directory.Account, error) {
	return c.accounts.read(a, func() (directory.Account, error) { return c.Store.Account(ctx, a) })
}

// UpdateAccount changes an account in the store and in memory.
func (c *Catalogue) UpdateAccount(ctx context.Context, a id.Account, change func(directory.Account) (directory.Account, error)) (directory.Account, error) {
	return c.accounts.write(a, func() (directory.Account, error) { return c.Store.UpdateAccount(ctx, a, change) })
}

// User returns a user, from memory if it is there.
func (c *Catalogue) User(ctx context.Context, u id.User) (directory.User, error) {
	return c.users.read(u, func() (directory.User, error) { return c.Store.User(ctx, u) })
}

// UpdateUser changes a user in the store and in memory.
func (c *Catalogue) UpdateUser(ctx context.Context, u id.User, change func(directory.User) (directory.User, error)) (directory.User, error) {
	return c.users.write(u, func() (directory.User, error) { return c.Store.UpdateUser(ctx, u, change) })
}

// DeleteUser deletes a user in the store and forgets it.
func (c *Catalogue) DeleteUser(ctx context.Context, u id.User) error {
	err := c.Store.DeleteUser(ctx, u)
	c.users.forget(u)
	return err
}

// Session returns a session, from memory if it is there.
func (c *Catalogue) Session(ctx context.Context, tokenHash [32]byte) (directory.Session, error) {
	return c.sessions.read(tokenHash, func() (directory.Session, error) { return c.Store.Session(ctx, tokenHash) })
}

// UpdateSession changes a session in the store and in memory.
func (c *Catalogue) UpdateSession(ctx context.Context, tokenHash [32]byte, change func(directory.Session) (directory.Session, error)) (directory.Session, error) {
	return c.sessions.write(tokenHash, func() (directory.Session, error) { return c.Store.UpdateSession(ctx, tokenHash, change) })
}

// DeleteSession deletes a session in the store and forgets it.
func (c *Catalogue) DeleteSession(ctx context.Context, tokenHash [32]byte) error {
	err := c.Store.DeleteSession(ctx, tokenHash)
	c.sessions.forget(tokenHash)
	return err
}

// DeleteSessionsOf deletes the sessions of a principal in the store and forgets them.
func (c *Catalogue) DeleteSessionsOf(ctx context.Context, p id.Principal) error {
	err := c.Store.DeleteSessionsOf(ctx, p)
	c.sessions.forgetAll()
	return err
}

// DeleteSessionsBefore deletes expired sessions in the store and forgets them.
func (c *Catalogue) DeleteSessionsBefore(ctx context.Context, expired time.Time) error {
	err := c.Store.DeleteSessionsBefore(ctx, expired)
	c.sessions.forgetAll()
	return err
}
