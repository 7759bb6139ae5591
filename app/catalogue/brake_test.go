package catalogue_test

import (
	"context"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/adapters/sqlstore"
	"gatehouse/app/catalogue"
	"gatehouse/core/directory"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keys"
)

const (
	account = id.Account("11111111-1111-4111-8111-111111111111")
	group   = id.Group("22222222-2222-4222-8222-222222222222")
	key     = id.Key("33333333-3333-4333-8333-333333333333")
)

// After a change has answered, no reader may see what was before it, however
// many readers are filling the memory meanwhile (the emergency brake).
func TestNoOldValueAfterAChange(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, err := sqlstore.Open(context.WithoutCancel(ctx), sqlstore.Options{Path: filepath.Join(t.TempDir(), "gatehouse.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	cat := catalogue.New(s)
	now := time.Unix(1_700_000_000, 0).UTC()
	for _, err := range []error{
		cat.AddAccount(ctx, directory.Account{ID: account, Name: "a", CreatedAt: now, Enabled: true}),
		cat.AddGroup(ctx, groups.Group{ID: group, Account: account, Name: "g", CreatedAt: now}),
		cat.AddKey(ctx, keys.Key{ID: key, Account: account, Group: group, Name: "k", Type: keys.AES, Size: 256, State: keys.Active, CreatedAt: now, Enabled: true}, ""),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}

	var answered atomic.Int64 // the version that the last answered change has made
	ended, end := context.WithCancel(ctx)
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for ended.Err() == nil {
				atLeast := answered.Load()
				for how, read := range map[string]func() (keys.Key, error){
					"by id":   func() (keys.Key, error) { return cat.Key(ctx, key) },
					"by name": func() (keys.Key, error) { return cat.KeyByName(ctx, account, "k") },
				} {
					k, err := read()
					if err != nil {
						t.Errorf("%s: %v", how, err)
						return
					}
					if k.Version < atLeast {
						t.Errorf("%s: got version %d after a change to %d had answered, want that or later", how, k.Version, atLeast)
						return
					}
				}
			}
		})
	}
	for i := range 200 {
		k, err := cat.UpdateKey(ctx, key, func(k keys.Key) (keys.Key, error) {
			k = k.Clone()
			k.Enabled = i%2 == 0
			return k, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		answered.Store(k.Version)
	}
	end()
	readers.Wait()
}
