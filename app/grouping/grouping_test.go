package grouping_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/app/grouping"
	"gatehouse/app/internal/apptest"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/simulators/storesim"
)

func TestCreate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hsm := []grouping.Connection{apptest.Connection("hsm.example")}
	for _, c := range []struct {
		what string
		n    grouping.NewGroup
		want fault.Kind
	}{
		{"an ordinary group", grouping.NewGroup{Name: "ordinary", Description: "d", Metadata: map[string]string{"a": "b"}}, ""},
		{"a group linked to an HSM", grouping.NewGroup{
			Name: "hsm", Connections: hsm, Redundancy: groups.PriorityFailover, Policy: groups.Policy{WriteBack: true, OwnKeysOnly: true},
		}, ""},
		{"a name that is taken", grouping.NewGroup{Name: "hsm"}, fault.Conflict},
		{"no name", grouping.NewGroup{Name: " "}, fault.Invalid},
		{"a name of two lines", grouping.NewGroup{Name: "a\nb"}, fault.Invalid},
		{"write-back without an HSM", grouping.NewGroup{Name: "x", Policy: groups.Policy{WriteBack: true}}, fault.Invalid},
		{"a scan setting without an HSM", grouping.NewGroup{Name: "x", Policy: groups.Policy{OwnKeysOnly: true}}, fault.Invalid},
		{"failover without an HSM", grouping.NewGroup{Name: "x", Redundancy: groups.PriorityFailover}, fault.Invalid},
		{"unknown redundancy", grouping.NewGroup{Name: "x", Connections: hsm, Redundancy: "RoundRobin"}, fault.Invalid},
		{"too many connections", grouping.NewGroup{Name: "x", Connections: slices.Repeat(hsm, grouping.MaxConnections+1)}, fault.Invalid},
		{"as many as there may be", grouping.NewGroup{Name: "many", Connections: slices.Repeat(hsm, grouping.MaxConnections)}, ""},
	} {
		made, err := w.Grouping.Create(w.ctx, w.admin, c.n)
		apptest.Want(t, c.what, err, c.want)
		if err != nil {
			continue
		}
		got, err := w.Grouping.Group(w.ctx, w.admin, made.ID)
		apptest.Want(t, c.what, err, "")
		if got.Name != c.n.Name || got.Description != c.n.Description || got.Policy != c.n.Policy || got.Redundancy != c.n.Redundancy ||
			len(got.Connections) != len(c.n.Connections) || got.Creator != w.admin.Principal || !cmp.Equal(got.Metadata, c.n.Metadata) {
			t.Errorf("%s: got %+v, want %+v", c.what, got, c.n)
		}
	}
	for _, r := range []access.Role{access.AccountMember, access.AccountAuditor, access.CryptoApp} {
		_, err := w.Grouping.Create(w.ctx, w.User(w.account, r, nil), grouping.NewGroup{Name: "x"})
		apptest.Want(t, "by "+string(r), err, fault.Denied)
	}
	if _, refused := w.HSM.Logins(); len(w.dialled) != 0 || refused != 0 {
		t.Errorf("got %d connections opened, want a group saved without trying any", len(w.dialled))
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ordinary, hsm := w.linked("ordinary"), w.linked("hsm", apptest.Connection("hsm.example"))
	got := w.update("all there is", hsm, grouping.Change{
		Name: ptr("renamed"), Description: ptr("d"), Metadata: ptr(map[string]string{"a": "b"}), Redundancy: ptr(groups.PriorityFailover),
		WriteBack: ptr(true), OwnKeysOnly: ptr(true),
	}, "")
	want := hsm
	want.Name, want.Description, want.Metadata = "renamed", "d", map[string]string{"a": "b"}
	want.Redundancy, want.Policy, want.Version = groups.PriorityFailover, groups.Policy{WriteBack: true, OwnKeysOnly: true}, hsm.Version+1
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want − got +:\n%s", diff)
	}
	got = w.update("nothing", hsm, grouping.Change{}, "")
	want.Version++
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("an empty change, want − got +:\n%s", diff)
	}
	for what, c := range map[string]struct {
		g    groups.Group
		ch   grouping.Change
		want fault.Kind
	}{
		"a name that is taken":         {hsm, grouping.Change{Name: ptr("ordinary")}, fault.Conflict},
		"no name":                      {hsm, grouping.Change{Name: ptr("")}, fault.Invalid},
		"unknown redundancy":           {hsm, grouping.Change{Redundancy: ptr(groups.Redundancy("x"))}, fault.Invalid},
		"write-back without an HSM":    {ordinary, grouping.Change{WriteBack: ptr(true)}, fault.Invalid},
		"a scan setting without one":   {ordinary, grouping.Change{OwnKeysOnly: ptr(true)}, fault.Invalid},
		"settings that are so already": {ordinary, grouping.Change{WriteBack: ptr(false), OwnKeysOnly: ptr(false)}, ""},
		"linking an ordinary group":    {ordinary, grouping.Change{Add: []grouping.Connection{apptest.Connection("hsm.example")}}, fault.BadState},
	} {
		w.update(what, c.g, c.ch, c.want)
	}
	var both sync.WaitGroup
	for _, ch := range []grouping.Change{{Name: ptr("one")}, {Description: ptr("two")}} {
		both.Go(func() { w.update("at once", hsm, ch, "") })
	}
	both.Wait()
	if got, err := w.Grouping.Group(w.ctx, w.admin, hsm.ID); err != nil || got.Name != "one" || got.Description != "two" || got.Version != want.Version+2 {
		t.Errorf("got %+v and error %v, want both changes that were made at once", got, err)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := w.linked("hsm", apptest.Connection("hsm.example"))
	if _, err := w.Grouping.CheckSaved(w.ctx, w.admin, g.ID, "", nil); err != nil {
		t.Fatal(err)
	}
	app := w.App(w.account, g)
	k, err := w.Keyring.Generate(w.ctx, app, "", keys.Spec{Name: "k", Type: keys.AES, Size: 256, Enabled: true})
	apptest.Want(t, "Generate", err, "")
	apptest.Want(t, "a group that holds a key", w.Grouping.Delete(w.ctx, w.admin, g.ID), fault.Conflict)
	apptest.Want(t, "Delete of the key", w.Keyring.Delete(w.ctx, app, k.ID), "")
	apptest.Want(t, "by an app", w.Grouping.Delete(w.ctx, app, g.ID), fault.Denied)
	recorded := w.Recorded(func() { apptest.Want(t, "Delete", w.Grouping.Delete(w.ctx, w.admin, g.ID), "") })
	if want := []string{"begun group delete", "done group delete"}; !slices.Equal(recorded, want) {
		t.Errorf("got the records %q, want %q", recorded, want)
	}
	wantAbsent(t, "a second time", w.Grouping.Delete(w.ctx, w.admin, g.ID))
}

// What lies outside the caller's account or groups answers as what does not exist.
func TestOutsidersSeeNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g, other := w.linked("hsm", apptest.Connection("hsm.example")), w.linked("other")
	inOther := map[id.Group]access.Permissions{other.ID: access.AllPermissions}
	for who, c := range map[string]access.Caller{
		"another account's administrator": w.Admin(w.AddAccount("elsewhere")),
		"a member of another group":       w.User(w.account, access.AccountMember, inOther),
		"an app of another group":         w.App(w.account, other),
		"nobody":                          {},
	} {
		for _, gid := range []id.Group{g.ID, id.Group(w.NewID())} {
			got, err := w.Grouping.Group(w.ctx, c, gid)
			wantAbsent(t, who+": Group", err)
			if diff := cmp.Diff(groups.Group{}, got); diff != "" {
				t.Errorf("%s got a group:\n%s", who, diff)
			}
			_, err = w.Grouping.Update(w.ctx, c, gid, grouping.Change{Name: ptr("x")})
			wantAbsent(t, who+": Update", err)
			_, err = w.Grouping.CheckSaved(w.ctx, c, gid, "", nil)
			wantAbsent(t, who+": CheckSaved", err)
			_, err = w.Grouping.Statuses(w.ctx, c, gid)
			wantAbsent(t, who+": Statuses", err)
			wantAbsent(t, who+": Delete", w.Grouping.Delete(w.ctx, c, gid))
		}
	}
	for who, c := range map[string]struct {
		who  access.Caller
		want []string
	}{
		"an administrator": {w.admin, []string{"hsm", "other"}},
		"an auditor":       {w.User(w.account, access.AccountAuditor, nil), []string{"hsm", "other"}},
		"a member":         {w.User(w.account, access.AccountMember, inOther), []string{"other"}},
		"an app":           {w.App(w.account, other), []string{"other"}},
		"an outsider":      {w.Admin(w.AddAccount("abroad")), nil},
	} {
		all, err := w.Grouping.List(w.ctx, c.who)
		apptest.Want(t, "List by "+who, err, "")
		var names []string
		for _, g := range all {
			names = append(names, g.Name)
		}
		if !slices.Equal(names, c.want) {
			t.Errorf("List by %s: got %q, want %q", who, names, c.want)
		}
	}
	_, err := w.Grouping.List(w.ctx, access.Caller{})
	apptest.Want(t, "List without an account", err, fault.Denied)
	auditor := w.User(w.account, access.AccountAuditor, nil)
	_, err = w.Grouping.Update(w.ctx, auditor, g.ID, grouping.Change{Name: ptr("x")})
	apptest.Want(t, "Update by an auditor", err, fault.Denied)
}

func TestNothingIsDoneUnrecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := w.linked("hsm", apptest.Connection("hsm.example"))
	w.Store.Fail(storesim.Fault{Call: "AppendAudit", Stays: true, Err: storesim.Lost()})
	writes := w.Store.Writes()
	_, err := w.Grouping.Create(w.ctx, w.admin, grouping.NewGroup{Name: "x"})
	apptest.Want(t, "Create", err, fault.Unavailable)
	w.update("Update", g, grouping.Change{Name: ptr("x")}, fault.Unavailable)
	apptest.Want(t, "Delete", w.Grouping.Delete(w.ctx, w.admin, g.ID), fault.Unavailable)
	if n := w.Store.Writes() - writes; n != 0 {
		t.Errorf("got %d writes, want none", n)
	}
	if _, err := w.Grouping.CheckSaved(w.ctx, w.admin, g.ID, "", nil); err == nil || len(w.dialled) != 0 {
		t.Errorf("CheckSaved: got %v and %d connections opened, want a refusal and none", err, len(w.dialled))
	}
}
