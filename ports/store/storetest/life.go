package storetest

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"gatehouse/core/audit"
	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/ports/store"
)

func same[T any](v T) (T, error) { return v, nil }

// calls calls every method of the port but Close, in the world as newWorld made it.
func (w *world) calls() map[string]func(context.Context, store.Store) error {
	u, a, k, i, scan := w.user("u@example.org"), w.app("app"), w.key("key"), w.create("intent"), w.scan()
	return map[string]func(context.Context, store.Store) error{
		"Key":       func(ctx context.Context, s store.Store) error { _, err := s.Key(ctx, "k"); return err },
		"KeyByName": func(ctx context.Context, s store.Store) error { _, err := s.KeyByName(ctx, "a", "k"); return err },
		"ListKeys": func(ctx context.Context, s store.Store) error {
			_, err := s.ListKeys(ctx, store.KeyQuery{})
			return err
		},
		"EachKey": func(ctx context.Context, s store.Store) error {
			return s.EachKey(ctx, "g", func(keys.Key) error { return nil })
		},
		"EachDue": func(ctx context.Context, s store.Store) error {
			return s.EachDue(ctx, noon(), func(keys.Key) error { return nil })
		},
		"RecordKeys": func(ctx context.Context, s store.Store) error { return s.RecordKeys(ctx, []keys.Key{k}, nil, "") },
		"AddKey":     func(ctx context.Context, s store.Store) error { return s.AddKey(ctx, k, "") },
		"SyncKeys":   func(ctx context.Context, s store.Store) error { return s.SyncKeys(ctx, []keys.Key{k}, nil) },
		"UpdateKey":  func(ctx context.Context, s store.Store) error { _, err := s.UpdateKey(ctx, "k", same); return err },
		"Group":      func(ctx context.Context, s store.Store) error { _, err := s.Group(ctx, "g"); return err },
		"ListGroups": func(ctx context.Context, s store.Store) error { _, err := s.ListGroups(ctx, ""); return err },
		"AddGroup": func(ctx context.Context, s store.Store) error {
			return s.AddGroup(ctx, groups.Group{ID: "g", Account: w.account})
		},
		"UpdateGroup": func(ctx context.Context, s store.Store) error {
			_, err := s.UpdateGroup(ctx, w.group, same)
			return err
		},
		"DeleteGroup":  func(ctx context.Context, s store.Store) error { return s.DeleteGroup(ctx, w.group) },
		"Account":      func(ctx context.Context, s store.Store) error { _, err := s.Account(ctx, "a"); return err },
		"ListAccounts": func(ctx context.Context, s store.Store) error { _, err := s.ListAccounts(ctx); return err },
		"AddAccount":   func(ctx context.Context, s store.Store) error { return s.AddAccount(ctx, directory.Account{ID: "a"}) },
		"UpdateAccount": func(ctx context.Context, s store.Store) error {
			_, err := s.UpdateAccount(ctx, w.account, same)
			return err
		},
		"User":        func(ctx context.Context, s store.Store) error { _, err := s.User(ctx, "u"); return err },
		"UserByEmail": func(ctx context.Context, s store.Store) error { _, err := s.UserByEmail(ctx, "u"); return err },
		"ListUsers":   func(ctx context.Context, s store.Store) error { _, err := s.ListUsers(ctx, ""); return err },
		"AddUser":     func(ctx context.Context, s store.Store) error { return s.AddUser(ctx, u) },
		"UpdateUser":  func(ctx context.Context, s store.Store) error { _, err := s.UpdateUser(ctx, "u", same); return err },
		"DeleteUser":  func(ctx context.Context, s store.Store) error { return s.DeleteUser(ctx, "u") },
		"App":         func(ctx context.Context, s store.Store) error { _, err := s.App(ctx, "a"); return err },
		"ListApps":    func(ctx context.Context, s store.Store) error { _, err := s.ListApps(ctx, ""); return err },
		"AddApp":      func(ctx context.Context, s store.Store) error { return s.AddApp(ctx, a) },
		"UpdateApp":   func(ctx context.Context, s store.Store) error { _, err := s.UpdateApp(ctx, "a", same); return err },
		"DeleteApp":   func(ctx context.Context, s store.Store) error { return s.DeleteApp(ctx, "a") },
		"Session":     func(ctx context.Context, s store.Store) error { _, err := s.Session(ctx, [32]byte{}); return err },
		"AddSession":  func(ctx context.Context, s store.Store) error { return s.AddSession(ctx, session(1)) },
		"UpdateSession": func(ctx context.Context, s store.Store) error {
			_, err := s.UpdateSession(ctx, [32]byte{}, same)
			return err
		},
		"DeleteSession": func(ctx context.Context, s store.Store) error { return s.DeleteSession(ctx, [32]byte{}) },
		"DeleteSessionsOf": func(ctx context.Context, s store.Store) error {
			return s.DeleteSessionsOf(ctx, id.Principal{})
		},
		"DeleteSessionsBefore": func(ctx context.Context, s store.Store) error { return s.DeleteSessionsBefore(ctx, noon()) },
		"BeginIntent":          func(ctx context.Context, s store.Store) error { return s.BeginIntent(ctx, i) },
		"ListIntents":          func(ctx context.Context, s store.Store) error { _, err := s.ListIntents(ctx); return err },
		"AbandonIntent":        func(ctx context.Context, s store.Store) error { return s.AbandonIntent(ctx, "i") },
		"EndIntent":            func(ctx context.Context, s store.Store) error { return s.EndIntent(ctx, "i") },
		"BeginScan":            func(ctx context.Context, s store.Store) error { return s.BeginScan(ctx, scan) },
		"EndScan":              func(ctx context.Context, s store.Store) error { return s.EndScan(ctx, scan) },
		"Scan":                 func(ctx context.Context, s store.Store) error { _, err := s.Scan(ctx, "g", "s"); return err },
		"ListScans":            func(ctx context.Context, s store.Store) error { _, err := s.ListScans(ctx, "g"); return err },
		"RunningScans":         func(ctx context.Context, s store.Store) error { _, err := s.RunningScans(ctx); return err },
		"AppendAudit":          func(ctx context.Context, s store.Store) error { return s.AppendAudit(ctx, record(1)) },
		"EachAudit": func(ctx context.Context, s store.Store) error {
			return s.EachAudit(ctx, 1, func(audit.Record) error { return nil })
		},
		"AuditHead": func(ctx context.Context, s store.Store) error { _, err := s.AuditHead(ctx); return err },
		"Reseal": func(ctx context.Context, s store.Store) error {
			_, err := s.Reseal(ctx, anew)
			return err
		},
		"Setting":       func(ctx context.Context, s store.Store) error { _, err := s.Setting(ctx, "s"); return err },
		"PutSetting":    func(ctx context.Context, s store.Store) error { return s.PutSetting(ctx, "s", nil) },
		"SealedSetting": func(ctx context.Context, s store.Store) error { _, err := s.SealedSetting(ctx, "p", "s"); return err },
		"PutSealedSetting": func(ctx context.Context, s store.Store) error {
			return s.PutSealedSetting(ctx, "p", "s", secret.Sealed("s"))
		},
	}
}

func runLife(t *testing.T, place func(t *testing.T) Place) {
	t.Run("every method of the port is called here", func(t *testing.T) {
		w := newWorld(t, place)
		calls := w.calls()
		port := reflect.TypeFor[store.Store]()
		for i := range port.NumMethod() {
			if name := port.Method(i).Name; name != "Close" && calls[name] == nil {
				t.Errorf("%s is not called", name)
			}
		}
	})

	t.Run("a context that has ended stops every call", func(t *testing.T) {
		w := newWorld(t, place)
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
		defer cancel()
		for name, call := range w.calls() {
			err := call(cancelled, w.Store)
			wantFault(t, name, err, fault.Unavailable, "")
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: got %v, want the context's error in it", name, err)
			}
			wantFault(t, name, call(late, w.Store), fault.Unavailable, "")
		}
		page, err := w.ListKeys(t.Context(), store.KeyQuery{Account: w.account})
		wantDone(t, "ListKeys", err)
		want(t, "keys", len(page.Keys), 0)
		want(t, "audit records", len(w.log(t)), 0)
		_, err = w.Group(t.Context(), w.group)
		wantDone(t, "Group", err)
	})

	t.Run("a context that ends within a change undoes it", func(t *testing.T) {
		w := newWorld(t, place)
		k := w.addKey(t, "key")
		ctx, cancel := context.WithCancel(t.Context())
		_, err := w.UpdateKey(ctx, k.ID, func(k keys.Key) (keys.Key, error) { cancel(); k.Size++; return k, nil })
		wantFault(t, "UpdateKey", err, fault.Unavailable, "")
		got, err := w.Key(t.Context(), k.ID)
		wantDone(t, "Key", err)
		want(t, "key", got, k)
		_, err = w.UpdateKey(t.Context(), k.ID, same)
		wantDone(t, "UpdateKey afterwards", err)
	})

	t.Run("a change that panics harms nobody else", func(t *testing.T) {
		w := newWorld(t, place)
		k := w.addKey(t, "key")
		func() {
			defer func() {
				if recover() == nil {
					t.Error("got no panic, want the one of the change")
				}
			}()
			_, _ = w.UpdateKey(t.Context(), k.ID, func(keys.Key) (keys.Key, error) { panic("of a change") })
		}()
		_, err := w.UpdateKey(t.Context(), k.ID, same)
		wantDone(t, "UpdateKey afterwards", err)
	})

	t.Run("after Close every call is refused", func(t *testing.T) {
		w := newWorld(t, place)
		calls := w.calls()
		wantDone(t, "Close", w.Close())
		for name, call := range calls {
			wantFault(t, name, call(t.Context(), w.Store), fault.Unavailable, "")
		}
		wantDone(t, "a second Close", w.Close())
		w.reopen(t)
		_, err := w.Group(t.Context(), w.group)
		wantDone(t, "Group after opening again", err)
	})

	t.Run("Close under load loses nothing that was promised", func(t *testing.T) {
		w := newWorld(t, place)
		const callers = 8
		appended, added := make([]int, callers), make([][]id.Key, callers)
		stock := make([][]keys.Key, callers)
		for c := range callers {
			for range 200 {
				k := w.key("")
				k.Name = string(k.ID)
				stock[c] = append(stock[c], k)
			}
		}
		begun := make(chan struct{}, 2*callers)
		var wg sync.WaitGroup
		for c := range callers {
			wg.Go(func() {
				for {
					if err := w.AppendAudit(t.Context(), record(c)); err != nil {
						wantFault(t, "AppendAudit while closing", err, fault.Unavailable, "")
						return
					}
					if appended[c]++; appended[c] == 3 {
						begun <- struct{}{}
					}
				}
			})
			wg.Go(func() {
				for n, k := range stock[c] {
					if err := w.AddKey(t.Context(), k, ""); err != nil {
						wantFault(t, "AddKey while closing", err, fault.Unavailable, "")
						return
					}
					if added[c] = append(added[c], k.ID); n == 3 {
						begun <- struct{}{}
					}
				}
			})
		}
		for range 2 * callers {
			<-begun
		}
		wantDone(t, "Close", w.Close())
		wg.Wait()
		w.reopen(t)
		promised, there := 0, 0
		for c := range callers {
			promised += appended[c]
			for _, k := range added[c] {
				_, err := w.Key(t.Context(), k)
				wantDone(t, "Key that was added", err)
			}
		}
		there = len(w.log(t))
		want(t, "audit records", there, promised)
	})
}
