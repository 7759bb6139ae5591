package keyring_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/app/internal/apptest"
	"gatehouse/app/keyring"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/ports/store"
)

// What lies outside the caller's account or groups answers as what does not exist.
func TestOutsidersSeeNoKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	k := w.generate(w.slot, aes("k"))
	outsiders := map[string]access.Caller{
		"another account's app":     w.App(w.AddAccount("elsewhere"), w.slot),
		"an app of another group":   w.App(w.account, w.local),
		"a member of another group": w.User(w.account, access.AccountMember, map[id.Group]access.Permissions{w.local.ID: access.AllPermissions}),
		"nobody":                    {},
	}
	for who, c := range outsiders {
		for _, d := range []keyring.Descriptor{{ID: k.ID}, {Name: "k"}, {ID: id.Key(w.NewID())}, {Name: "none"}} {
			got, err := w.Keyring.Find(w.ctx, c, d)
			wantAbsent(t, who+": Find", err)
			if diff := cmp.Diff(keys.Key{}, got); diff != "" {
				t.Errorf("%s got a key:\n%s", who, diff)
			}
			_, _, err = w.Keyring.Use(w.ctx, c, d, func(keys.Key) (operations.Operation, error) {
				t.Errorf("%s: the operation was built", who)
				return useful(k)
			})
			wantAbsent(t, who+": Use", err)
			_, _, err = w.Keyring.Export(w.ctx, c, d)
			wantAbsent(t, who+": Export", err)
		}
		for _, kid := range []id.Key{k.ID, id.Key(w.NewID())} {
			_, err := w.Keyring.Update(w.ctx, c, kid, keyring.Change{Name: ptr("x")})
			wantAbsent(t, who+": Update", err)
			wantAbsent(t, who+": Delete", w.Keyring.Delete(w.ctx, c, kid))
		}
		if c.Account == "" {
			continue
		}
		page, err := w.Keyring.List(w.ctx, c, store.KeyQuery{Account: w.account, Group: w.slot.ID, Count: true})
		if apptest.Want(t, who+": List", err, ""); len(page.Keys) != 0 || page.Filtered != 0 || page.Total != 0 {
			t.Errorf("%s: got %d keys of %d in a list, want none", who, len(page.Keys), page.Total)
		}
	}
	_, err := w.Keyring.List(w.ctx, access.Caller{}, store.KeyQuery{Account: w.account})
	apptest.Want(t, "List without an account", err, fault.Denied)
	for _, d := range []keyring.Descriptor{{}, {ID: k.ID, Name: "k"}} {
		_, err := w.Keyring.Find(w.ctx, w.app, d)
		apptest.Want(t, "neither or both of id and name", err, fault.Invalid)
	}
}

func wantAbsent(t *testing.T, what string, err error) {
	t.Helper()
	apptest.Want(t, what, err, fault.NotFound)
	if got := fault.Message(err); got != "sobject does not exist" {
		t.Errorf("%s: got %q, want the key not to exist", what, got)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	spec := aes("later")
	spec.ActivationDate, spec.Deactivation = w.Now().Add(time.Hour), w.Now().Add(2*time.Hour)
	w.generate(w.local, spec)
	w.generate(w.slot, ec("in the HSM"))
	names := func(c access.Caller, q store.KeyQuery) (names []string) {
		t.Helper()
		page, err := w.Keyring.List(w.ctx, c, q)
		apptest.Want(t, "List", err, "")
		for _, k := range page.Keys {
			names = append(names, k.Name+" "+string(k.State))
		}
		return names
	}
	for _, c := range []struct {
		what string
		who  access.Caller
		q    store.KeyQuery
		want []string
	}{
		{"by an app", w.app, store.KeyQuery{}, []string{"later PreActive", "in the HSM Active"}},
		{"by an administrator", w.Admin(w.account), store.KeyQuery{}, []string{"later PreActive", "in the HSM Active"}},
		{"by an app of one group", w.App(w.account, w.slot), store.KeyQuery{}, []string{"in the HSM Active"}},
		{"of one group", w.app, store.KeyQuery{Group: w.local.ID}, []string{"later PreActive"}},
		{"of groups that it names itself", w.App(w.account, w.slot), store.KeyQuery{Groups: []id.Group{w.local.ID}}, []string{"in the HSM Active"}},
	} {
		if got := names(c.who, c.q); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.what, got, c.want)
		}
	}
	w.Pass(time.Hour)
	if got := names(w.app, store.KeyQuery{Group: w.local.ID}); !slices.Equal(got, []string{"later Active"}) {
		t.Errorf("after its activation date: got %q", got)
	}
	w.Pass(time.Hour)
	if got := names(w.app, store.KeyQuery{Group: w.local.ID}); !slices.Equal(got, []string{"later Deactivated"}) {
		t.Errorf("after its deactivation date: got %q", got)
	}
}
