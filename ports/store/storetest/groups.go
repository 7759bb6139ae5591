package storetest

import (
	"testing"
	"time"

	"gatehouse/core/access"
	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/intents"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
)

// fullGroup returns a group with every field set.
func (w *world) fullGroup(name string) groups.Group {
	return groups.Group{
		ID: id.Group(w.uuid()), Account: w.account, Name: name, Description: "a <group>", CreatedAt: noon(),
		Creator:  id.Principal{Kind: id.UserPrincipal, ID: "u"},
		Metadata: map[string]string{"a": "b"},
		Kind:     groups.SafeNet, UndoWindow: 90 * time.Second,
		Connections: []groups.Connection{
			{
				ID: id.Connection("z" + w.uuid()), Kind: groups.SafeNet, Address: "hmg-1:4442", Slot: 1<<63 + 1,
				PIN: secret.Sealed("sealed PIN"), Order: -5,
				TLS: groups.TLS{
					Mode: groups.TLSRequired, GlobalRoots: true, Pinned: [][]byte{{1, 2}, {3}}, ValidateHostname: true,
					ClientCert: []byte("certificate"), ClientKey: secret.Sealed("sealed key"),
				},
			},
			{
				ID: id.Connection("a" + w.uuid()), Kind: groups.SafeNet, Address: "hmg-2:4442", Order: -5,
				Refusal: groups.Refusal{Reason: fault.PINLocked, At: noon()},
			},
		},
		Redundancy: groups.PriorityFailover,
		Policy:     groups.Policy{WriteBack: true, OwnKeysOnly: true},
		AutoScan:   24,
		Version:    3,
	}
}

func runGroups(t *testing.T, place func(t *testing.T) Place) {
	t.Run("come back as they were stored, in order of creation, also after a restart", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		first, err := w.Group(ctx, w.group)
		wantDone(t, "Group", err)
		full := w.fullGroup("full")
		wantDone(t, "AddGroup", w.AddGroup(ctx, full))
		other := w.addAccount(t, "Other")
		theirs, err := w.Group(ctx, w.addGroup(t, other, "Keys")) // the same name in another account
		wantDone(t, "Group", err)
		w.reopen(t)
		got, err := w.Group(ctx, full.ID)
		wantDone(t, "Group", err)
		want(t, "group", got, full)
		for a, expected := range map[id.Account][]groups.Group{
			w.account: {first, full}, other: {theirs}, "": {first, full, theirs}, "no such account": {},
		} {
			list, err := w.ListGroups(ctx, a)
			wantDone(t, "ListGroups", err)
			want(t, "groups of account "+string(a), list, expected)
		}
	})

	t.Run("conflict by name within the account, and by connection", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		full := w.fullGroup("full")
		wantDone(t, "AddGroup", w.AddGroup(ctx, full))
		wantFault(t, "the same name", w.AddGroup(ctx, w.fullGroup("full")), fault.Conflict, "group already exists")
		_, err := w.UpdateGroup(ctx, w.group, func(g groups.Group) (groups.Group, error) { g.Name = "full"; return g, nil })
		wantFault(t, "renaming", err, fault.Conflict, "group already exists")
		copied := w.fullGroup("copied")
		copied.Connections = full.Connections
		wantFault(t, "the same connections", w.AddGroup(ctx, copied), fault.Conflict, "")
		_, err = w.Group(ctx, copied.ID)
		wantFault(t, "Group after a conflict", err, fault.NotFound, "")
		lost := w.fullGroup("lost")
		lost.Account = "no such account"
		wantFault(t, "no such account", w.AddGroup(ctx, lost), fault.NotFound, "account does not exist")
	})

	t.Run("change with a new version, or not at all", func(t *testing.T) {
		w := newWorld(t, place)
		full := w.fullGroup("full")
		wantDone(t, "AddGroup", w.AddGroup(t.Context(), full))
		versioned(t, full.ID, "no such group", "group does not exist", w.Group, w.UpdateGroup,
			func(g groups.Group) int64 { return g.Version },
			func(g *groups.Group) {
				g.Name, g.Policy.WriteBack, g.Version = "renamed", false, 99
				g.Connections = []groups.Connection{{ID: "new", Address: "x"}, g.Connections[1], g.Connections[0]}
			},
			func(g *groups.Group) { g.Metadata["spoiled"], g.Connections[0].Address = "1", "spoiled" },
			func(g *groups.Group) { g.Account = "another" })
	})

	t.Run("are not deleted while they hold keys or intents", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		k := w.addKey(t, "key")
		wantFault(t, "with a key", w.DeleteGroup(ctx, w.group), fault.Conflict, "")
		_, err := w.UpdateKey(ctx, k.ID, func(k keys.Key) (keys.Key, error) { k.State = keys.Destroyed; return k, nil })
		wantDone(t, "UpdateKey", err)
		wantFault(t, "with a destroyed key", w.DeleteGroup(ctx, w.group), fault.Conflict, "")
		_, err = w.Key(ctx, k.ID)
		wantDone(t, "Key after a refused DeleteGroup", err)
		_, err = w.UpdateKey(ctx, k.ID, ended(keys.Deleted))
		wantDone(t, "UpdateKey", err)
		for _, kind := range []intents.Kind{intents.Create, intents.Update, intents.Destroy} {
			i := w.create("key")
			i.Kind = kind
			wantDone(t, "BeginIntent", w.BeginIntent(ctx, i))
			wantFault(t, "with an intent", w.DeleteGroup(ctx, w.group), fault.Conflict, "")
			wantDone(t, "EndIntent", w.EndIntent(ctx, i.ID))
		}
		wantDone(t, "DeleteGroup", w.DeleteGroup(ctx, w.group))
		wantFault(t, "a second DeleteGroup", w.DeleteGroup(ctx, w.group), fault.NotFound, "group does not exist")
	})

	t.Run("take with them what only they gave meaning to", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		k := w.key("key")
		k.State = keys.Deleted
		w.mustAdd(t, k)
		kept := w.addGroup(t, w.account, "Kept")
		may := map[id.Group]access.Permissions{w.group: access.MaySign, kept: access.MayVerify}
		u := directory.User{ID: id.User(w.uuid()), Email: "a@b", Groups: may}
		a := directory.App{ID: id.App(w.uuid()), Account: w.account, Name: "app", Groups: may, DefaultGroup: w.group}
		wantDone(t, "AddUser", w.AddUser(ctx, u))
		wantDone(t, "AddApp", w.AddApp(ctx, a))
		wantDone(t, "DeleteGroup", w.DeleteGroup(ctx, w.group))

		_, err := w.Key(ctx, k.ID)
		wantFault(t, "Key that was deleted", err, fault.NotFound, "")
		left := map[id.Group]access.Permissions{kept: access.MayVerify}
		user, err := w.User(ctx, u.ID)
		wantDone(t, "User", err)
		want(t, "groups of the user", user.Groups, left)
		app, err := w.App(ctx, a.ID)
		wantDone(t, "App", err)
		want(t, "groups of the app", app.Groups, left)
		want(t, "default group of the app", app.DefaultGroup, "")
	})
}
