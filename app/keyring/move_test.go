package keyring_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse/app/grouping"
	"gatehouse/app/internal/apptest"
	"gatehouse/app/keyring"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/simulators/storesim"
)

func (w *world) move(c access.Caller, k keys.Key, to id.Group) error {
	_, err := w.Keyring.Update(w.ctx, c, k.ID, keyring.Change{Group: &to})
	return err
}

// A key moves with the permission to take it out of its group and the one to
// make keys in the other, and from then on the other's permissions count.
func TestMove(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	archive := w.AddGroup(w.account, "archive")
	k := w.generate(w.local, aes("k"))
	may := func(here, there access.Permissions) access.Caller {
		app := w.app
		app.Groups = map[id.Group]access.Permissions{w.local.ID: here, archive.ID: there}
		return app
	}
	all := access.AllPermissions &^ access.MayManage
	stranger := w.AddGroup(w.AddAccount("other"), "theirs")
	for what, try := range map[string]struct {
		by   access.Caller
		to   id.Group
		want fault.Kind
	}{
		"without MOVE_SOBJECTS where it is":        {may(all&^access.MayMove, all), archive.ID, fault.Denied},
		"without CREATE_SOBJECTS where it goes":    {may(all, all&^access.MayCreate), archive.ID, fault.Denied},
		"into a group that the app is not in":      {w.app, archive.ID, fault.NotFound},
		"into a group of another account":          {w.Admin(w.account), stranger.ID, fault.NotFound},
		"into no group":                            {w.Admin(w.account), "no such group", fault.NotFound},
		"into an HSM group":                        {w.Admin(w.account), w.slot.ID, fault.Unsupported},
		"by an auditor":                            {w.User(w.account, access.AccountAuditor, nil), archive.ID, fault.Denied},
		"into an HSM group, which the app may not": {may(all, all), w.slot.ID, fault.NotFound},
	} {
		apptest.Want(t, what, w.move(try.by, k, try.to), try.want)
	}
	if got := w.find(k.ID); got.Group != w.local.ID || got.Version != k.Version {
		t.Fatalf("got %+v, want it as it was", got)
	}

	records := w.Records(func() {
		apptest.Want(t, "with both", w.move(may(access.MayMove, access.MayCreate), k, archive.ID), "")
	})
	if len(records) != 2 || records[1].Action != "key update" || records[1].Group != w.local.ID || !strings.Contains(records[1].Detail, string(archive.ID)) {
		t.Errorf("got the records %+v, want one of the change that tells both groups", records)
	}
	apptest.Want(t, "a use by who may use the former group only", w.use(w.app, k), fault.NotFound)
	apptest.Want(t, "a use by who may use the other", w.use(may(0, all), k), "")

	virtual := w.generate(w.slot, aes("in the HSM"))
	apptest.Want(t, "out of an HSM group", w.move(w.Admin(w.account), virtual, archive.ID), fault.Unsupported)
	apptest.Want(t, "to where it is", w.move(w.app, virtual, w.slot.ID), "")
	destroyed := w.generate(w.local, aes("destroyed"))
	apptest.Want(t, "Destroy", w.Keyring.Destroy(w.ctx, w.app, destroyed.ID), "")
	apptest.Want(t, "a destroyed key", w.move(w.Admin(w.account), destroyed, archive.ID), fault.BadState)
}

// A move is in the history of the key, which goes back to nothing before it while
// the key is elsewhere.
func TestMoveIsRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	admin := w.Admin(w.account)
	from, err := w.Grouping.Update(w.ctx, admin, w.local.ID, grouping.Change{UndoWindow: ptr(24 * time.Hour)})
	apptest.Want(t, "the policy", err, "")
	archive := w.AddGroup(w.account, "archive")
	k := w.generate(from, aes("k"))
	apptest.Want(t, "moving it", w.move(admin, k, archive.ID), "")
	moved, err := w.Keyring.Find(w.ctx, admin, keyring.Descriptor{ID: k.ID})
	apptest.Want(t, "Find", err, "")
	if len(moved.History) != 1 || moved.History[0].Was.Group != from.ID {
		t.Fatalf("got the history %+v, want the group that it was in", moved.History)
	}
	items := []string{moved.History[0].ID}
	apptest.Want(t, "undoing the move", w.Keyring.Revert(w.ctx, admin, k.ID, items), fault.BadState)
	apptest.Want(t, "moving it back", w.move(admin, k, from.ID), "")
	apptest.Want(t, "undoing what was before", w.Keyring.Revert(w.ctx, admin, k.ID, items), "")
}

// What was allowed in one group is not done once the key is in another.
func TestAKeyThatWasMovedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	admin := w.Admin(w.account)
	archive := w.AddGroup(w.account, "archive")
	for what, c := range map[string]struct {
		stores storesim.Call
		do     func(kid id.Key) error
	}{
		"destroying": {"RecordKeys", func(kid id.Key) error { return w.Keyring.Destroy(w.ctx, admin, kid) }},
		"renaming": {"UpdateKey", func(kid id.Key) error {
			_, err := w.Keyring.Update(w.ctx, admin, kid, keyring.Change{Name: ptr("x")})
			return err
		}},
		"revoking": {"UpdateKey", func(kid id.Key) error { return w.Keyring.Revoke(w.ctx, admin, kid, compromised) }},
	} {
		k := w.generate(w.local, aes("k for "+what))
		w.Store.Fail(storesim.Fault{Call: c.stores, Before: func() { apptest.Want(t, "moving it", w.move(admin, k, archive.ID), "") }})
		apptest.Want(t, what, c.do(k.ID), fault.Conflict)
		if got, err := w.Store.Key(w.ctx, k.ID); err != nil || got.Group != archive.ID || got.State != keys.Active || got.Name != k.Name {
			t.Errorf("%s: got %+v and error %v, want it moved and otherwise as it was", what, got, err)
		}
	}
}
