package accounts_test

import (
	"errors"
	"slices"
	"testing"

	"gatehouse/app/accounts"
	"gatehouse/app/internal/apptest"
	"gatehouse/core/access"
	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/secret"
	"gatehouse/simulators/storesim"
)

// newApp makes an app that belongs to no group.
func (w *world) newApp(name string) directory.App {
	w.t.Helper()
	a, err := w.Accounts.CreateApp(w.ctx, w.admin, accounts.NewApp{Name: name})
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) credential(a id.App) secret.Value {
	w.t.Helper()
	v, err := w.Accounts.Credential(w.ctx, w.admin, a)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func TestCreateApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g, second := w.AddGroup(w.account, "group"), w.AddGroup(w.account, "second")
	foreign := w.AddGroup(w.AddAccount("elsewhere"), "foreign")
	in := func(gs ...id.Group) map[id.Group]access.Permissions {
		m := map[id.Group]access.Permissions{}
		for _, g := range gs {
			m[g] = access.DefaultPermissions
		}
		return m
	}
	for what, c := range map[string]struct {
		app         accounts.NewApp
		want        fault.Kind
		wantDefault id.Group
		wantRole    access.Role
	}{
		"without a group":         {accounts.NewApp{}, "", "", access.CryptoApp},
		"its only group":          {accounts.NewApp{Groups: in(g.ID)}, "", g.ID, access.CryptoApp},
		"two groups":              {accounts.NewApp{Groups: in(g.ID, second.ID)}, "", "", access.CryptoApp},
		"a default among them":    {accounts.NewApp{Groups: in(g.ID, second.ID), Default: second.ID}, "", second.ID, access.CryptoApp},
		"an admin app":            {accounts.NewApp{Role: access.AdminApp}, "", "", access.AdminApp},
		"a role of users":         {accounts.NewApp{Role: access.AccountAdmin}, fault.Invalid, "", ""},
		"a default not among":     {accounts.NewApp{Groups: in(g.ID), Default: second.ID}, fault.Invalid, "", ""},
		"no name":                 {accounts.NewApp{Name: " "}, fault.Invalid, "", ""},
		"a short secret":          {accounts.NewApp{SecretSize: 15}, fault.Invalid, "", ""},
		"a long secret":           {accounts.NewApp{SecretSize: 513}, fault.Invalid, "", ""},
		"another account's group": {accounts.NewApp{Groups: in(g.ID, foreign.ID)}, fault.NotFound, "", ""},
		"no group at all":         {accounts.NewApp{Groups: in(id.Group(w.NewID()))}, fault.NotFound, "", ""},
	} {
		if c.app.Name == "" {
			c.app.Name = what
		}
		made, err := w.Accounts.CreateApp(w.ctx, w.admin, c.app)
		apptest.Want(t, what, err, c.want)
		if err == nil && (made.DefaultGroup != c.wantDefault || made.Role != c.wantRole) {
			t.Errorf("%s: got default %q and role %q, want %q and %q", what, made.DefaultGroup, made.Role, c.wantDefault, c.wantRole)
		}
	}
	_, err := w.Accounts.CreateApp(w.ctx, w.admin, accounts.NewApp{Name: "without a group"})
	apptest.Want(t, "a name that is taken", err, fault.Conflict)
	for _, c := range []access.Caller{w.User(w.account, access.AccountMember, nil), w.App(w.account, g)} {
		_, err := w.Accounts.CreateApp(w.ctx, c, accounts.NewApp{Name: "x"})
		apptest.Want(t, "by "+string(c.Role), err, fault.Denied)
	}
}

func TestUpdateApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := w.AddGroup(w.account, "group")
	a := w.newApp("app")
	set := map[id.Group]access.Permissions{g.ID: access.MaySign}
	changed, err := w.Accounts.UpdateApp(w.ctx, w.admin, a.ID, accounts.AppChange{SetGroups: set, Default: &g.ID})
	if apptest.Want(t, "a first group", err, ""); changed.Groups[g.ID] != access.MaySign || changed.DefaultGroup != g.ID {
		t.Errorf("got %+v, want the group as its default", changed)
	}
	changed, err = w.Accounts.UpdateApp(w.ctx, w.admin, a.ID, accounts.AppChange{RemoveGroups: []id.Group{g.ID}})
	if apptest.Want(t, "removing it", err, ""); len(changed.Groups) != 0 || changed.DefaultGroup != "" {
		t.Errorf("got %+v, want no group and no default", changed)
	}
	for what, ch := range map[string]accounts.AppChange{
		"a default that is not its group": {Default: &g.ID},
		"a role of users":                 {Role: ptr(access.AccountMember)},
		"no name":                         {Name: ptr("")},
	} {
		_, err := w.Accounts.UpdateApp(w.ctx, w.admin, a.ID, ch)
		apptest.Want(t, what, err, fault.Invalid)
	}

	works := w.session(string(a.ID), w.credential(a.ID))
	_, err = w.Accounts.UpdateApp(w.ctx, w.admin, a.ID, accounts.AppChange{Enabled: ptr(false)})
	apptest.Want(t, "disabling", err, "")
	apptest.Want(t, "its session", works(), fault.Unauthenticated)
	_, err = w.Sessions.Basic(w.ctx, string(a.ID), w.credential(a.ID))
	apptest.Want(t, "its API key", err, fault.Unauthenticated)
}

func TestCredential(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.newApp("app")
	first := w.credential(a.ID)
	works := w.session(string(a.ID), first)

	got := w.Recorded(func() { w.credential(a.ID) })
	if want := []string{"done app credential read"}; !slices.Equal(got, want) {
		t.Errorf("got the records %q, want %q", got, want)
	}
	w.Store.Fail(storesim.Fault{Call: "AppendAudit", Err: storesim.Lost()})
	v, err := w.Accounts.Credential(w.ctx, w.admin, a.ID)
	if apptest.Want(t, "a reading that is not recorded", err, fault.Unavailable); !v.Empty() {
		t.Error("got the credential, want it withheld")
	}

	_, err = w.Accounts.ResetSecret(w.ctx, w.admin, a.ID, 5)
	apptest.Want(t, "a short one", err, fault.Invalid)
	apptest.Want(t, "its session", works(), "")
	_, err = w.Accounts.ResetSecret(w.ctx, w.admin, a.ID, 32)
	apptest.Want(t, "ResetSecret", err, "")
	apptest.Want(t, "the session of before", works(), fault.Unauthenticated)
	_, err = w.Sessions.Basic(w.ctx, string(a.ID), first)
	apptest.Want(t, "the API key of before", err, fault.Unauthenticated)
	w.login(string(a.ID), w.credential(a.ID))

	for what, c := range map[string]access.Caller{
		"a member": w.User(w.account, access.AccountMember, nil), "the app": w.login(string(a.ID), w.credential(a.ID)),
		"an auditor": w.User(w.account, access.AccountAuditor, nil),
	} {
		v, err := w.Accounts.Credential(w.ctx, c, a.ID)
		if !v.Empty() || !errors.Is(err, fault.Denied) && !errors.Is(err, fault.NotFound) {
			t.Errorf("by %s: got %v, want it refused", what, err)
		}
	}
}

func TestWhoSeesAnApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g, other := w.AddGroup(w.account, "group"), w.AddGroup(w.account, "other")
	a := w.newApp("app")
	if _, err := w.Accounts.UpdateApp(w.ctx, w.admin, a.ID, accounts.AppChange{SetGroups: map[id.Group]access.Permissions{g.ID: 0}}); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		who  access.Caller
		sees bool
	}{
		"an administrator":          {w.admin, true},
		"an auditor":                {w.User(w.account, access.AccountAuditor, nil), true},
		"a member of its group":     {w.User(w.account, access.AccountMember, map[id.Group]access.Permissions{g.ID: 0}), true},
		"a member of another group": {w.User(w.account, access.AccountMember, map[id.Group]access.Permissions{other.ID: 0}), false},
		"an app of its group":       {w.App(w.account, g), true},
		"an app of another group":   {w.App(w.account, other), false},
		"itself":                    {w.login(string(a.ID), w.credential(a.ID)), true},
	} {
		want := fault.NotFound
		if c.sees {
			want = ""
		}
		_, err := w.Accounts.App(w.ctx, c.who, a.ID)
		apptest.Want(t, "App by "+what, err, want)
		all, err := w.Accounts.Apps(w.ctx, c.who)
		if apptest.Want(t, "Apps by "+what, err, ""); (len(all) == 1) != c.sees {
			t.Errorf("Apps by %s: got %d, want it in the list: %t", what, len(all), c.sees)
		}
	}
}

func TestDeleteApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.newApp("app")
	key := w.credential(a.ID)
	works := w.session(string(a.ID), key)
	apptest.Want(t, "by itself", w.Accounts.DeleteApp(w.ctx, w.login(string(a.ID), key), a.ID), fault.Denied)
	apptest.Want(t, "DeleteApp", w.Accounts.DeleteApp(w.ctx, w.admin, a.ID), "")
	apptest.Want(t, "its session", works(), fault.Unauthenticated)
	_, err := w.Sessions.Basic(w.ctx, string(a.ID), key)
	apptest.Want(t, "its API key", err, fault.Unauthenticated)
	wantAbsent(t, "a second time", w.Accounts.DeleteApp(w.ctx, w.admin, a.ID), "app does not exist")
}
