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
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/simulators/storesim"
	"gatehouse/simulators/tokensim"
)

var compromised = keys.RevocationReason{Code: keys.KeyCompromise}

// Each part of the management of keys asks for its own permission, and what is
// refused is recorded.
func TestPermissionsOfTheLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	spec := ec("k")
	spec.State, spec.Ops = keys.PreActive, keys.DefaultOps(keys.EC, keys.P256)|keys.OpExport
	k, other := w.generate(w.local, spec), w.generate(w.local, ec("other"))
	named := func(r keys.Key, s keys.Spec) (keys.Spec, error) { s.Name = "copy"; return s, nil }
	for _, c := range []struct {
		need access.Permissions
		do   func(c access.Caller) error
	}{
		{access.MayActivate, func(c access.Caller) error { return w.Keyring.Activate(w.ctx, c, k.ID) }},
		{access.MayCopy | access.MayCreate, func(c access.Caller) error {
			_, err := w.Keyring.Copy(w.ctx, c, keyring.Copying{Key: keyring.Descriptor{ID: k.ID}, Shape: named})
			return err
		}},
		{access.MayUpdateProfile, func(c access.Caller) error {
			_, err := w.Keyring.Update(w.ctx, c, k.ID, keyring.Change{Name: ptr("renamed")})
			return err
		}},
		{access.MayUpdateEnabled, func(c access.Caller) error {
			_, err := w.Keyring.Update(w.ctx, c, k.ID, keyring.Change{Enabled: ptr(false)})
			return err
		}},
		{access.MayUpdateOps, func(c access.Caller) error {
			_, err := w.Keyring.Update(w.ctx, c, k.ID, keyring.Change{Ops: ptr(keys.OpSign | keys.OpAppManageable)})
			return err
		}},
		{access.MayUpdatePolicies, func(c access.Caller) error {
			_, err := w.Keyring.Update(w.ctx, c, k.ID, keyring.Change{Rotation: &keys.RotationPolicy{Days: 1}})
			return err
		}},
		{access.MayRotate, func(c access.Caller) error {
			return w.Keyring.Replace(w.ctx, c, keyring.Replacing{
				Replaced: keyring.Descriptor{ID: k.ID}, NewName: "was", Replacement: keyring.Descriptor{ID: other.ID},
			})
		}},
		{access.MayRevoke, func(c access.Caller) error { return w.Keyring.Revoke(w.ctx, c, k.ID, compromised) }},
		{access.MayDeleteMaterial, func(c access.Caller) error { return w.Keyring.RemovePrivate(w.ctx, c, k.ID) }},
		{access.MayDestroy, func(c access.Caller) error { return w.Keyring.Destroy(w.ctx, c, k.ID) }},
		{access.MayDelete, func(c access.Caller) error { return w.Keyring.Delete(w.ctx, c, k.ID) }},
	} {
		with := func(p access.Permissions) access.Caller {
			app := w.app
			app.Groups = map[id.Group]access.Permissions{w.local.ID: p}
			return app
		}
		what := strings.Join(c.need.Names(), " and ")
		records := w.Recorded(func() {
			apptest.Want(t, "without "+what, c.do(with(access.AllPermissions&^access.MayManage&^c.need)), fault.Denied)
		})
		if len(records) != 2 || !strings.HasPrefix(records[1], "refused ") {
			t.Errorf("without %s: got the records %v, want the refusal", what, records)
		}
		apptest.Want(t, "with "+what+" alone", c.do(with(c.need)), "")
	}
	if _, there := w.named("was"); there {
		t.Error("the key is still there, want it deleted")
	}
}

// Under the default policy an HSM key does not learn of its virtual key's end,
// under write-back it ends first (workflows P1, P2).
func TestDestroyKeepsTheRecord(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{true, false} {
		w := newWorld(t, groups.Policy{WriteBack: on})
		k := w.generate(w.slot, ec("k"))
		apptest.Want(t, "Destroy", w.Keyring.Destroy(w.ctx, w.app, k.ID), "")
		got := w.find(k.ID)
		if got.State != keys.Destroyed || !got.DestructionDate.Equal(w.Now()) || len(got.PublicKey) == 0 || got.Virtual == nil {
			t.Errorf("write-back %t: got %+v, want it destroyed with what was known of it", on, got)
		}
		if n, want := w.inHSM(k.ID), map[bool]int{true: 0, false: 2}[on]; n != want {
			t.Errorf("write-back %t: got %d objects in the HSM, want %d", on, n, want)
		}
		apptest.Want(t, "using it", w.use(w.app, k), fault.BadState)
		apptest.Want(t, "destroying it again", w.Keyring.Destroy(w.ctx, w.app, k.ID), fault.BadState)
		if _, err := w.Keyring.Lookup(w.ctx, w.app, keyring.Descriptor{ID: k.ID}, keyring.Shown{}); fault.KindOf(err) != fault.NotFound {
			t.Errorf("looking it up: got %v, want it hidden", err)
		}
		_, err := w.Syncing.Sync(w.ctx, w.Admin(w.account), w.slot.ID, nil)
		apptest.Want(t, "a sync", err, "")
		if n := len(w.recorded()); n != 1 {
			t.Errorf("write-back %t: got %d keys after a sync, want that it makes no other one of the HSM key", on, n)
		}
		if got := w.find(k.ID); got.State != keys.Destroyed {
			t.Errorf("write-back %t: got state %s after a sync", on, got.State)
		}
		apptest.Want(t, "Delete", w.Keyring.Delete(w.ctx, w.app, k.ID), "")
		apptest.Want(t, "deleting it again", w.Keyring.Delete(w.ctx, w.app, k.ID), fault.NotFound)
		w.generate(w.slot, aes("k")) // the name is free
		got, err = w.Keyring.Lookup(w.ctx, w.app, keyring.Descriptor{ID: k.ID}, keyring.Shown{Deleted: true})
		if err != nil || got.State != keys.Deleted || !got.DeletionDate.Equal(w.Now()) {
			t.Errorf("write-back %t: got %+v and error %v, want the deleted key shown", on, got, err)
		}
	}
}

func TestRemovePrivate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		where     string
		writeBack bool
		inHSM     int
	}{{"ordinary", false, 0}, {"hsm", false, 2}, {"hsm", true, 1}} {
		w := newWorld(t, groups.Policy{WriteBack: c.writeBack})
		g := map[string]groups.Group{"ordinary": w.local, "hsm": w.slot}[c.where]
		k := w.generate(g, ec("k"))
		_, signed, err := w.Keyring.Use(w.ctx, w.app, keyring.Descriptor{ID: k.ID}, useful)
		apptest.Want(t, "signing", err, "")
		apptest.Want(t, "RemovePrivate", w.Keyring.RemovePrivate(w.ctx, w.app, k.ID), "")
		got := w.find(k.ID)
		if !got.PublicOnly || got.Ops.Has(keys.OpSign) || !got.Ops.Has(keys.OpVerify) || w.inHSM(k.ID) != c.inHSM {
			t.Errorf("%+v: got %+v and %d objects in the HSM", c, got, w.inHSM(k.ID))
		}
		apptest.Want(t, "signing afterwards", w.use(w.app, k), fault.Denied)
		_, verified, err := w.Keyring.Use(w.ctx, w.app, keyring.Descriptor{ID: k.ID}, func(keys.Key) (operations.Operation, error) {
			return operations.Verify{Hash: operations.SHA256, Input: []byte("data"), Signature: signed.Output}, nil
		})
		if err != nil || !verified.Valid {
			t.Errorf("%+v: verifying: got %t and error %v, want the signature to be good", c, verified.Valid, err)
		}
		apptest.Want(t, "once more", w.Keyring.RemovePrivate(w.ctx, w.app, k.ID), fault.BadState)
		_, err = w.rotate("k")
		apptest.Want(t, "rotating it", err, fault.BadState)
		if c.where == "hsm" {
			_, err := w.Syncing.Sync(w.ctx, w.Admin(w.account), w.slot.ID, nil)
			apptest.Want(t, "a sync", err, "")
			got := w.find(k.ID)
			if !got.PublicOnly || !got.Virtual.MissingSince.IsZero() || len(w.recorded()) != 1 {
				t.Errorf("%+v: got %+v and %d keys after a sync, want the one key, public only", c, got, len(w.recorded()))
			}
		}
	}
}

func TestCrashWhileAPrivateHalfIsRemoved(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		kill func(w *world)
		done bool
	}{
		"before it is written down": {func(w *world) { w.dieAt("BeginIntent", false) }, false},
		"once it is written down":   {func(w *world) { w.dieAt("BeginIntent", true) }, false},
		"once the token is changed": {func(w *world) { w.dieIn(tokensim.Update) }, true},
		"before it is recorded":     {func(w *world) { w.dieAt("RecordKeys", false) }, true},
		"once it is recorded":       {func(w *world) { w.dieAt("RecordKeys", true) }, true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, groups.Policy{WriteBack: true})
			k := w.generate(w.slot, ec("k"))
			c.kill(w)
			if err := w.Keyring.RemovePrivate(w.ctx, w.app, k.ID); err == nil {
				t.Fatal("got an answer from a process that is dead")
			}
			w.comesBack(t)
			privates := 0
			for _, o := range w.HSM.Objects() {
				if o.Class == hsm.PrivateKey {
					privates++
				}
			}
			if got := w.find(k.ID); got.PublicOnly != c.done || (privates == 0) != c.done || len(w.intents()) != 0 {
				t.Errorf("got public only %t, %d private halves in the HSM and %d intents; want it done: %t", got.PublicOnly, privates, len(w.intents()), c.done)
			}
		})
	}
}

// After a call that ends the use of a key has answered, no result of it is
// released, not even one that was being made.
func TestTheBrakeHoldsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	for what, brake := range map[string]func(w *world, k keys.Key) error{
		"revoked": func(w *world, k keys.Key) error { return w.Keyring.Revoke(w.ctx, w.app, k.ID, compromised) },
		"disabled": func(w *world, k keys.Key) error {
			_, err := w.Keyring.Update(w.ctx, w.app, k.ID, keyring.Change{Enabled: ptr(false)})
			return err
		},
		"deactivated": func(w *world, k keys.Key) error {
			_, err := w.Keyring.Update(w.ctx, w.app, k.ID, keyring.Change{Deactivation: ptr(w.Now())})
			return err
		},
		"deleted": func(w *world, k keys.Key) error { return w.Keyring.Delete(w.ctx, w.app, k.ID) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, groups.Policy{})
			k := w.generate(w.slot, ec("k"))
			w.HSM.Fail(tokensim.Fault{Call: tokensim.Operate, Hang: true})
			used := make(chan error)
			go func() { used <- w.use(w.app, k) }()
			if err := w.HSM.AwaitHanging(w.ctx, tokensim.Operate, 1); err != nil {
				t.Fatal(err)
			}
			apptest.Want(t, "the brake", brake(w, k), "")
			w.HSM.Release()
			if err := <-used; err == nil {
				t.Error("got a result, want it kept back")
			}
		})
	}
}

// States change when their dates come, recorded or not; a timer records it, once.
func TestDatesActByThemselves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	spec := aes("k")
	spec.ActivationDate, spec.Deactivation = w.Now().Add(time.Hour), w.Now().Add(2*time.Hour)
	k := w.generate(w.slot, spec)
	apptest.Want(t, "before", w.use(w.app, k), fault.BadState)
	for _, c := range []struct {
		action string
		state  keys.State
		use    fault.Kind
	}{{"key activate", keys.Active, ""}, {"key deactivate", keys.Deactivated, fault.BadState}} {
		w.Pass(time.Hour)
		apptest.Want(t, "using it once its date has come", w.use(w.app, k), c.use)
		got := strings.Join(w.Recorded(func() {
			for range 2 {
				if _, err := w.Keyring.Age(w.ctx); err != nil {
					t.Error(err)
				}
			}
		}), ", ")
		if want := "begun " + c.action + ", done " + c.action; got != want {
			t.Errorf("got the records %q, want %q", got, want)
		}
		if stored, err := w.Store.Key(w.ctx, k.ID); err != nil || stored.State != c.state {
			t.Errorf("got state %s and error %v stored, want %s", stored.State, err, c.state)
		}
	}
}

// A group's history policy makes what ends keys undone within its window, and
// keeps their material no longer.
func TestHistoryPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	g, err := w.Grouping.Update(w.ctx, w.Admin(w.account), w.local.ID, grouping.Change{UndoWindow: ptr(24 * time.Hour)})
	apptest.Want(t, "the policy", err, "")
	k := w.generate(g, aes("k"))
	apptest.Want(t, "Revoke", w.Keyring.Revoke(w.ctx, w.app, k.ID, compromised), "")
	apptest.Want(t, "Destroy", w.Keyring.Destroy(w.ctx, w.app, k.ID), "")
	apptest.Want(t, "using it", w.use(w.app, k), fault.BadState)
	was := w.find(k.ID)
	if len(was.History) != 2 {
		t.Fatalf("got %+v, want two states to go back to", was.History)
	}
	apptest.Want(t, "Delete", w.Keyring.Delete(w.ctx, w.app, k.ID), "")
	apptest.Want(t, "Revert of nothing", w.Keyring.Revert(w.ctx, w.app, k.ID, nil), fault.Invalid)
	apptest.Want(t, "Revert", w.Keyring.Revert(w.ctx, w.app, k.ID, []string{was.History[0].ID}), "")
	if got := w.find(k.ID); got.State != keys.Active || got.RevocationReason != nil {
		t.Errorf("got %+v, want it as it was at first", got)
	}
	apptest.Want(t, "using it again", w.use(w.app, k), "")

	apptest.Want(t, "Delete", w.Keyring.Delete(w.ctx, w.app, k.ID), "")
	other := w.generate(g, aes("k"))
	deleted, err := w.Keyring.Lookup(w.ctx, w.app, keyring.Descriptor{ID: k.ID}, keyring.Shown{Deleted: true})
	apptest.Want(t, "Lookup", err, "")
	last := deleted.History[len(deleted.History)-1].ID
	apptest.Want(t, "Revert while another has the name", w.Keyring.Revert(w.ctx, w.app, k.ID, []string{last}), fault.Conflict)
	apptest.Want(t, "Delete the other", w.Keyring.Delete(w.ctx, w.app, other.ID), "")
	w.Pass(25 * time.Hour)
	apptest.Want(t, "Revert too late", w.Keyring.Revert(w.ctx, w.app, k.ID, []string{last}), fault.Invalid)
	if _, err := w.Keyring.Age(w.ctx); err != nil {
		t.Error(err)
	}
	if stored, err := w.Store.Key(w.ctx, k.ID); err != nil || !stored.Material.Empty() || len(stored.History) != 0 {
		t.Errorf("got %+v and error %v, want neither material nor history", stored, err)
	}
}

func TestCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	other := w.AddGroup(w.account, "other")
	w.app.Groups[other.ID] = access.AllPermissions
	copyTo := func(k keys.Key, g id.Group, name string) (keys.Key, error) {
		return w.Keyring.Copy(w.ctx, w.app, keyring.Copying{Key: keyring.Descriptor{ID: k.ID}, Group: g, Shape: func(_ keys.Key, s keys.Spec) (keys.Spec, error) {
			s.Name = name
			return s, nil
		}})
	}
	stays, leaves := w.generate(w.local, ec("stays")), func() keys.Key {
		spec := ec("leaves")
		spec.Ops = keys.OpSign | keys.OpExport | keys.OpAppManageable
		return w.generate(w.local, spec)
	}()
	inHSM := w.generate(w.slot, ec("in the HSM"))

	beside, err := copyTo(stays, "", "beside")
	apptest.Want(t, "into its own group", err, "")
	if string(beside.PublicKey) != string(stays.PublicKey) || beside.Links.CopiedFrom != stays.ID || beside.Ops != stays.Ops {
		t.Errorf("got %+v, want a copy of %+v", beside, stays)
	}
	_, err = copyTo(stays, other.ID, "away")
	apptest.Want(t, "into another group without EXPORT", err, fault.Denied)
	_, err = copyTo(inHSM, "", "copy")
	apptest.Want(t, "of a key that its HSM does not give away", err, fault.Denied)
	imported, err := copyTo(leaves, w.slot.ID, "imported")
	apptest.Want(t, "into an HSM", err, "")
	if imported.Virtual == nil || w.inHSM(imported.ID) != 2 || imported.Links.CopiedFrom != leaves.ID {
		t.Errorf("got %+v and %d objects in the HSM", imported, w.inHSM(imported.ID))
	}
	away, err := copyTo(leaves, other.ID, "away")
	apptest.Want(t, "into another group", err, "")
	if got := w.find(leaves.ID).Links.CopiedTo; len(got) != 2 || got[0] != imported.ID || got[1] != away.ID {
		t.Errorf("got the copies %v", got)
	}
	_, err = copyTo(leaves, other.ID, "away")
	apptest.Want(t, "under a name that is taken", err, fault.Conflict)
	apptest.Want(t, "Revoke", w.Keyring.Revoke(w.ctx, w.app, leaves.ID, compromised), "")
	_, err = copyTo(leaves, "", "more")
	apptest.Want(t, "of a compromised key", err, fault.BadState)
	w.wantAgreement(0)
}

// After a crash a copy in an HSM is there with both of its links, or not at all.
func TestCrashWhileAKeyIsCopiedIntoAnHSM(t *testing.T) {
	t.Parallel()
	for what, kill := range map[string]func(w *world){
		"once the token is changed": func(w *world) { w.dieIn(tokensim.Import) },
		"before it is recorded":     func(w *world) { w.dieAt("RecordKeys", false) },
		"once it is recorded":       func(w *world) { w.dieAt("RecordKeys", true) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, groups.Policy{})
			spec := aes("k")
			spec.Ops = keys.OpEncrypt | keys.OpExport | keys.OpAppManageable
			k := w.generate(w.local, spec)
			kill(w)
			_, err := w.Keyring.Copy(w.ctx, w.app, keyring.Copying{Key: keyring.Descriptor{ID: k.ID}, Group: w.slot.ID, Shape: func(_ keys.Key, s keys.Spec) (keys.Spec, error) {
				s.Name = "copy"
				return s, nil
			}})
			if err == nil {
				t.Fatal("got an answer from a process that is dead")
			}
			w.revive()
			_, err = w.Keyring.Recover(w.ctx)
			apptest.Want(t, "Recover", err, "")
			c, _ := w.named("copy")
			if got := w.find(k.ID).Links.CopiedTo; len(got) != 1 || got[0] != c.ID || c.Links.CopiedFrom != k.ID {
				t.Errorf("got the copies %v and %+v", got, c)
			}
			w.wantAgreement(0)
		})
	}
}

// The copies of a key that its rotation policy means get the new material with it.
func TestCopiesAreRotatedToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	spec := aes("k")
	spec.Ops, spec.Rotation = keys.OpEncrypt|keys.OpExport|keys.OpAppManageable, &keys.RotationPolicy{Days: 1, Copies: keys.RotatedCopies{AllExternal: true}}
	k := w.generate(w.local, spec)
	copied := map[string]keys.Key{}
	for name, g := range map[string]id.Group{"in the HSM": w.slot.ID, "beside": ""} {
		c, err := w.Keyring.Copy(w.ctx, w.app, keyring.Copying{Key: keyring.Descriptor{ID: k.ID}, Group: g, Shape: func(_ keys.Key, s keys.Spec) (keys.Spec, error) {
			s.Name = name
			return s, nil
		}})
		apptest.Want(t, "Copy", err, "")
		copied[name] = c
	}
	w.Pass(24 * time.Hour)
	_, err := w.Keyring.Age(w.ctx)
	apptest.Want(t, "Age", err, "")
	next, _ := w.named("k")
	external, _ := w.named("in the HSM")
	beside, _ := w.named("beside")
	if next.Links.Replaced != k.ID || external.Links.Replaced != copied["in the HSM"].ID || external.Links.CopiedFrom != next.ID || external.KCV != next.KCV {
		t.Errorf("got %+v and its copy %+v", next, external)
	}
	if beside.ID != copied["beside"].ID {
		t.Error("the copy beside was rotated too, want the external ones only")
	}
	w.wantAgreement(0)
}

func TestReplace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	spec := aes("old")
	spec.Metadata, spec.Rotation = map[string]string{"a": "b"}, &keys.RotationPolicy{Days: 5}
	old, next := w.generate(w.local, spec), w.generate(w.local, aes("next"))
	virtual := w.generate(w.slot, aes("virtual"))
	replace := func(a, b keys.Key, name string) error {
		return w.Keyring.Replace(w.ctx, w.app, keyring.Replacing{Replaced: keyring.Descriptor{ID: a.ID}, NewName: name, Replacement: keyring.Descriptor{ID: b.ID}})
	}
	apptest.Want(t, "with a key in an HSM", replace(old, virtual, "x"), fault.Unsupported)
	apptest.Want(t, "by itself", replace(old, old, "x"), fault.Invalid)
	apptest.Want(t, "with a key of another type", replace(old, w.generate(w.local, ec("ec")), "x"), fault.Invalid)
	apptest.Want(t, "under a name that is taken", replace(old, next, "ec"), fault.Conflict)
	w.Store.Fail(storesim.Fault{Call: "RecordKeys", Err: storesim.Lost()})
	apptest.Want(t, "without a store", replace(old, next, "was"), fault.Unavailable)
	apptest.Want(t, "Replace", replace(old, next, "was"), "")
	a, b := w.find(old.ID), w.find(next.ID)
	if a.Name != "was" || a.Links.Replacement != next.ID || a.Rotation != nil || b.Name != "old" || b.Links.Replaced != old.ID ||
		b.Metadata["a"] != "b" || b.Rotation == nil || b.ScheduledRotation.IsZero() {
		t.Errorf("got %+v and %+v", a, b)
	}
	apptest.Want(t, "once more", replace(old, w.generate(w.local, aes("third")), "x"), fault.BadState)
}

// The material of an erased ordinary key is gone from the store.
func TestErasedMaterialIsGone(t *testing.T) {
	t.Parallel()
	for what, erase := range map[string]func(w *world, k keys.Key) error{
		"destroyed": func(w *world, k keys.Key) error { return w.Keyring.Destroy(w.ctx, w.app, k.ID) },
		"deleted":   func(w *world, k keys.Key) error { return w.Keyring.Delete(w.ctx, w.app, k.ID) },
	} {
		w := newWorld(t, groups.Policy{})
		k, err := w.Keyring.Import(w.ctx, w.app, w.local.ID, keys.Spec{Name: "k", Type: keys.Secret, Enabled: true}, secret.FromString("a secret of ours"))
		apptest.Want(t, "Import", err, "")
		apptest.Want(t, what, erase(w, k), "")
		if stored, err := w.Store.Key(w.ctx, k.ID); err != nil || !stored.Material.Empty() {
			t.Errorf("%s: got %+v and error %v, want no material", what, stored, err)
		}
	}
}
