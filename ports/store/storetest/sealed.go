package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/ports/seal"
)

func runSettings(t *testing.T, place func(t *testing.T) Place) {
	t.Run("are kept, replaced and told apart", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		_, err := w.Setting(ctx, "a")
		wantFault(t, "Setting that is not there", err, fault.NotFound, "setting does not exist")
		_, err = w.SealedSetting(ctx, "p", "a")
		wantFault(t, "SealedSetting that is not there", err, fault.NotFound, "setting does not exist")
		for _, value := range []string{"first", "second\x00\xff"} {
			wantDone(t, "PutSetting", w.PutSetting(ctx, "a", []byte(value)))
			wantDone(t, "PutSealedSetting", w.PutSealedSetting(ctx, "p", "a", secret.Sealed("p "+value)))
			wantDone(t, "PutSealedSetting", w.PutSealedSetting(ctx, "q", "a", secret.Sealed("q "+value)))
			w.reopen(t)
			got, err := w.Setting(ctx, "a")
			wantDone(t, "Setting", err)
			want(t, "setting", string(got), value)
			for _, p := range []string{"p", "q"} {
				got, err := w.SealedSetting(ctx, p, "a")
				wantDone(t, "SealedSetting", err)
				want(t, "sealed setting", string([]byte(got)), p+" "+value)
			}
		}
		wantDone(t, "PutSetting of nothing", w.PutSetting(ctx, "empty", nil))
		got, err := w.Setting(ctx, "empty")
		wantDone(t, "Setting that is empty", err)
		want(t, "empty setting", len(got), 0)
	})

	t.Run("that are sealed have a purpose", func(t *testing.T) {
		w := newWorld(t, place)
		_, err := w.SealedSetting(t.Context(), "", "a")
		wantFault(t, "SealedSetting", err, fault.Internal, "")
		wantFault(t, "PutSealedSetting", w.PutSealedSetting(t.Context(), "", "a", nil), fault.Internal, "")
	})
}

// sealedEverywhere stores sealed values in every place, and values that are not
// sealed beside them, and returns the sealed ones by "purpose/owner".
func (w *world) sealedEverywhere(t *testing.T) map[string]string {
	t.Helper()
	ctx := t.Context()
	all := map[string]string{}
	for i := range 250 { // more than an implementation takes at once
		k := w.key(fmt.Sprintf("key %d", i))
		if i%10 == 0 {
			k.Material, k.Virtual = nil, &keys.Pointer{ID: []byte("id")}
		} else {
			all[string(seal.KeyMaterial)+"/"+string(k.ID)] = string([]byte(k.Material))
		}
		w.mustAdd(t, k)
	}
	for i := range 3 {
		g := w.fullGroup(fmt.Sprintf("group %d", i))
		first, second := &g.Connections[0], &g.Connections[1]
		first.PIN, second.PIN = secret.Sealed(fmt.Sprint("PIN ", i)), nil
		second.TLS.ClientKey = secret.Sealed(fmt.Sprint("second key ", i))
		wantDone(t, "AddGroup", w.AddGroup(ctx, g))
		all[string(seal.ConnectionPIN)+"/"+string(first.ID)] = string([]byte(first.PIN))
		all[string(seal.ConnectionKey)+"/"+string(first.ID)] = string([]byte(first.TLS.ClientKey))
		all[string(seal.ConnectionKey)+"/"+string(second.ID)] = string([]byte(second.TLS.ClientKey))
		a := w.app(fmt.Sprintf("app %d", i))
		if i == 0 {
			a.Secret = nil
		} else {
			all[string(seal.AppCredential)+"/"+string(a.ID)] = string([]byte(a.Secret))
		}
		wantDone(t, "AddApp", w.AddApp(ctx, a))
	}
	for _, p := range []seal.Purpose{seal.MasterCheck, seal.ServiceSecret} {
		wantDone(t, "PutSealedSetting", w.PutSealedSetting(ctx, string(p), "s", secret.Sealed(p+" sealed")))
		all[string(p)+"/s"] = string(p + " sealed")
	}
	wantDone(t, "PutSetting", w.PutSetting(ctx, "plain", []byte("plain")))
	return all
}

// stored reads the sealed values back, one way and another.
func (w *world) stored(t *testing.T) map[string]string {
	t.Helper()
	ctx := t.Context()
	all := map[string]string{}
	put := func(p seal.Purpose, owner string, v secret.Sealed) {
		if !v.Empty() {
			all[string(p)+"/"+owner] = string([]byte(v))
		}
	}
	wantDone(t, "EachKey", w.EachKey(ctx, w.group, func(k keys.Key) error {
		put(seal.KeyMaterial, string(k.ID), k.Material)
		return nil
	}))
	list, err := w.ListGroups(ctx, "")
	wantDone(t, "ListGroups", err)
	for _, g := range list {
		for _, c := range g.Connections {
			put(seal.ConnectionPIN, string(c.ID), c.PIN)
			put(seal.ConnectionKey, string(c.ID), c.TLS.ClientKey)
		}
	}
	apps, err := w.ListApps(ctx, "")
	wantDone(t, "ListApps", err)
	for _, a := range apps {
		put(seal.AppCredential, string(a.ID), a.Secret)
	}
	for _, p := range []seal.Purpose{seal.MasterCheck, seal.ServiceSecret} {
		v, err := w.SealedSetting(ctx, string(p), "s")
		wantDone(t, "SealedSetting", err)
		put(p, "s", v)
	}
	return all
}

// anew is a reseal that leaves alone what is under the new key already.
func anew(_, _ string, v secret.Sealed) (secret.Sealed, bool, error) {
	if strings.HasPrefix(string([]byte(v)), "new ") {
		return v, false, nil
	}
	return secret.Sealed("new " + string([]byte(v))), true, nil
}

func runReseal(t *testing.T, place func(t *testing.T) Place) {
	t.Run("replaces every sealed value once, with its purpose and owner", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		all := w.sealedEverywhere(t)
		var order []string
		n, err := w.Reseal(ctx, func(purpose, owner string, v secret.Sealed) (secret.Sealed, bool, error) {
			order = append(order, purpose)
			if got, expected := string([]byte(v)), all[purpose+"/"+owner]; got != expected {
				t.Errorf("%s of %s: got another value than is sealed for it", purpose, owner)
			}
			return anew(purpose, owner, v)
		})
		wantDone(t, "Reseal", err)
		want(t, "number of values", n, len(all))
		want(t, "the last purpose", order[len(order)-1], string(seal.MasterCheck))
		w.reopen(t)
		for at, v := range all {
			all[at] = "new " + v
		}
		want(t, "sealed values", w.stored(t), all)
		plain, err := w.Setting(ctx, "plain")
		wantDone(t, "Setting", err)
		want(t, "a value that is not sealed", string(plain), "plain")

		n, err = w.Reseal(ctx, anew)
		wantDone(t, "a second Reseal", err)
		want(t, "number of values the second time", n, 0)
	})

	t.Run("keeps versions: nobody sees a change", func(t *testing.T) {
		w := newWorld(t, place)
		k := w.addKey(t, "key")
		_, err := w.Reseal(t.Context(), anew)
		wantDone(t, "Reseal", err)
		got, err := w.Key(t.Context(), k.ID)
		wantDone(t, "Key", err)
		k.Material = secret.Sealed("new " + string([]byte(k.Material)))
		want(t, "key", got, k)
	})

	t.Run("can be interrupted anywhere and begun again", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		all := w.sealedEverywhere(t)
		stop := errors.New("stop")
		total := 0
		for after := 1; ; after *= 2 {
			calls := 0
			n, err := w.Reseal(ctx, func(purpose, owner string, v secret.Sealed) (secret.Sealed, bool, error) {
				if calls++; calls > after {
					return nil, false, stop
				}
				return anew(purpose, owner, v)
			})
			total += n
			if err == nil {
				break
			}
			if !errors.Is(err, stop) {
				t.Fatalf("Reseal: got %v, want the error of the closure", err)
			}
			w.reopen(t)
			replaced := 0
			for at, v := range w.stored(t) {
				if v == "new "+all[at] {
					replaced++
				} else if v != all[at] {
					t.Errorf("%s: got a value that is neither the old nor the new one", at)
				}
			}
			want(t, "values replaced so far", replaced, total)
		}
		for at, v := range all {
			all[at] = "new " + v
		}
		if diff := cmp.Diff(all, w.stored(t)); diff != "" {
			t.Errorf("sealed values, want − got +:\n%s", diff)
		}
		want(t, "values replaced in all", total, len(all))
	})

	t.Run("loses nothing that others change meanwhile", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		w.sealedEverywhere(t)
		k := w.addKey(t, "changed")
		done := make(chan error, 1)
		go func() {
			_, err := w.Reseal(ctx, anew)
			done <- err
		}()
		const changes = 20
		for range changes {
			_, err := w.UpdateKey(ctx, k.ID, func(k keys.Key) (keys.Key, error) { k.Size++; return k, nil })
			wantDone(t, "UpdateKey", err)
			_, err = w.UpdateGroup(ctx, w.group, func(g groups.Group) (groups.Group, error) { g.Description += "."; return g, nil })
			wantDone(t, "UpdateGroup", err)
		}
		wantDone(t, "Reseal", <-done)
		got, err := w.Key(ctx, k.ID)
		wantDone(t, "Key", err)
		want(t, "size", got.Size, k.Size+changes)
		want(t, "material", string([]byte(got.Material)), "new "+string([]byte(k.Material)))
		_, err = w.Group(ctx, w.group)
		wantDone(t, "Group", err)
	})
}
