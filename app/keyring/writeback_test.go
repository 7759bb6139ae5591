package keyring_test

import (
	"bytes"
	"slices"
	"testing"

	"gatehouse/app/internal/apptest"
	"gatehouse/app/keyring"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/simulators/storesim"
	"gatehouse/simulators/tokensim"
)

// label returns the label of a key in the HSM.
func (w *world) label(k keys.Key) string {
	w.t.Helper()
	for _, o := range w.HSM.Objects() {
		if bytes.Equal(o.ID, k.Virtual.ID) {
			return string(o.Label)
		}
	}
	w.t.Fatalf("%s is not in the HSM", k.Name)
	return ""
}

func (w *world) rename(k keys.Key, name string) error {
	_, err := w.Keyring.Update(w.ctx, w.app, k.ID, keyring.Change{Name: &name})
	return err
}

// Under a policy of write-back the HSM key changes with the virtual one
// (workflow P2), otherwise it stays as it is (P1).
func TestWriteBack(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{true, false} {
		w := newWorld(t, groups.Policy{WriteBack: on})
		k, ops := w.generate(w.slot, ec("before")), keys.OpSign|keys.OpAppManageable
		_, err := w.Keyring.Update(w.ctx, w.app, k.ID, keyring.Change{Name: ptr("after"), Ops: &ops, Description: ptr("d")})
		apptest.Want(t, "Update", err, "")
		want := map[bool]string{true: "after", false: "before"}[on]
		if got := w.find(k.ID); got.Name != "after" || got.Ops != ops || w.label(k) != want || string(got.Virtual.Label) != want {
			t.Errorf("write-back %t: got %+v and %q in the HSM, want %q there", on, got, w.label(k), want)
		}
		for _, o := range w.HSM.Objects() {
			if verifies := o.Ops.Has(keys.OpVerify); o.Class == hsm.PublicKey && verifies == on {
				t.Errorf("write-back %t: the HSM key may verify: %t", on, verifies)
			}
		}
		calls := w.Store.Calls()["BeginIntent"]
		_, err = w.Keyring.Update(w.ctx, w.app, k.ID, keyring.Change{Enabled: ptr(true), Metadata: ptr(map[string]string{"a": "b"})})
		if apptest.Want(t, "what the HSM does not hold", err, ""); w.Store.Calls()["BeginIntent"] != calls {
			t.Error("an intent was written down for what changes nothing in the HSM")
		}
		w.wantAgreement(0)
		apptest.Want(t, "Delete", w.Keyring.Delete(w.ctx, w.app, k.ID), "")
		w.wantAgreement(map[bool]int{true: 0, false: 2}[on])
	}
}

// Whatever happens to a change, the virtual key finds its HSM key afterwards.
func TestWriteBackThatFails(t *testing.T) {
	t.Parallel()
	denied := fault.New(fault.Denied, "the attribute is fixed")
	for _, c := range []struct {
		name     string
		token    []tokensim.Fault
		store    []storesim.Fault
		want     fault.Kind
		wantName string
		open     int // intents left to recovery
		waits    bool
	}{
		{name: "the HSM refuses", token: []tokensim.Fault{{Call: tokensim.Update, Err: denied}}, want: fault.Denied, wantName: "before"},
		{name: "the answer is lost and it was done", token: []tokensim.Fault{{Call: tokensim.Update, Apply: true, Err: lost()}}, wantName: "after"},
		{
			name: "the answer is lost and it was not done", token: []tokensim.Fault{{Call: tokensim.Update, Err: lost()}},
			want: fault.Unavailable, wantName: "before", open: 1, waits: true,
		},
		{
			name: "it was done and nobody can look", want: fault.Unavailable, wantName: "before", open: 1,
			token: []tokensim.Fault{{Call: tokensim.Update, Apply: true, Err: lost()}, {Call: tokensim.Inventory, Err: lost()}},
		},
		{name: "it cannot be recorded", store: []storesim.Fault{{Call: "UpdateKey"}}, want: fault.Unavailable, wantName: "before"},
		{
			name: "nor where the key is now", store: []storesim.Fault{{Call: "UpdateKey"}, {Call: "UpdateKey"}},
			want: fault.Unavailable, wantName: "before", open: 1,
		},
		{name: "it is recorded and that is not told", store: []storesim.Fault{{Call: "UpdateKey", Apply: true}}, want: fault.Unavailable, wantName: "after"},
		{name: "the intent cannot be ended", store: []storesim.Fault{{Call: "EndIntent"}}, wantName: "after", open: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, groups.Policy{WriteBack: true})
			k := w.generate(w.slot, aes("before"))
			w.HSM.Fail(c.token...)
			for _, f := range c.store {
				f.Err = storesim.Lost()
				w.Store.Fail(f)
			}
			apptest.Want(t, "Update", w.rename(k, "after"), c.want)
			if left := len(w.HSM.Clear()) + len(w.Store.Clear()); left != 0 {
				t.Fatalf("%d faults were set and did not act", left)
			}
			if got := len(w.intents()); got != c.open {
				t.Errorf("got %d intents left, want %d", got, c.open)
			}
			if c.open > 0 {
				apptest.Want(t, "another change meanwhile", w.rename(k, "other"), fault.BadState)
				apptest.Want(t, "a deletion meanwhile", w.Keyring.Delete(w.ctx, w.app, k.ID), fault.BadState)
			}
			if c.waits {
				w.recovers(0)
				w.Pass(apptest.Grace)
			}
			w.recovers(c.open)
			if got := w.find(k.ID).Name; got != c.wantName {
				t.Errorf("got the name %q, want %q", got, c.wantName)
			}
			w.wantAgreement(0)
			apptest.Want(t, "a change afterwards", w.rename(k, "later"), "")
			apptest.Want(t, "and a deletion", w.Keyring.Delete(w.ctx, w.app, k.ID), "")
			w.wantAgreement(0)
		})
	}
}

func TestANameThatIsTakenLeavesTheHSMAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{WriteBack: true})
	w.generate(w.local, aes("taken"))
	k := w.generate(w.slot, aes("k"))
	if apptest.Want(t, "Update", w.rename(k, "taken"), fault.Conflict); w.label(k) != "k" {
		t.Errorf("got the label %q in the HSM, want it as it was", w.label(k))
	}
	// taken in the very moment in which the HSM is changed
	w.Store.Fail(storesim.Fault{Call: "UpdateKey", Before: func() { w.generate(w.local, aes("late")) }})
	apptest.Want(t, "Update", w.rename(k, "late"), fault.Conflict)
	w.wantAgreement(0)
}

// deathsOfAnUpdate are the points at which the process can die.
func deathsOfAnUpdate() map[string]func(w *world) {
	return map[string]func(w *world){
		"before it is written down":   func(w *world) { w.dieAt("BeginIntent", false) },
		"once it is written down":     func(w *world) { w.dieAt("BeginIntent", true) },
		"once the token is changed":   func(w *world) { w.dieIn(tokensim.Update) },
		"before it is recorded":       func(w *world) { w.dieAt("UpdateKey", false) },
		"once it is recorded":         func(w *world) { w.dieAt("UpdateKey", true) },
		"while the intent is ended":   func(w *world) { w.dieAt("EndIntent", false) },
		"when the intent is no more":  func(w *world) { w.dieAt("EndIntent", true) },
		"before the answer is logged": func(w *world) { w.Store.Fail(storesim.Fault{Call: "AppendAudit", Skip: 1, Before: w.die}) },
	}
}

func TestCrashWhileAKeyIsChanged(t *testing.T) {
	t.Parallel()
	for what, kill := range deathsOfAnUpdate() {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, groups.Policy{WriteBack: true})
			k := w.generate(w.slot, aes("before"))
			kill(w)
			_ = w.rename(k, "after") // nobody hears the answer
			w.comesBack(t)
			w.wantAgreement(0)
			if got := w.find(k.ID).Name; !slices.Contains([]string{"before", "after"}, got) {
				t.Errorf("got the name %q", got)
			}
		})
	}
}

// allowed returns what the HSM key of k may do, of what can be asked for.
func (w *world) allowed(k keys.Key) keys.Ops {
	w.t.Helper()
	for _, o := range w.HSM.Objects() {
		if bytes.Equal(o.ID, k.Virtual.ID) {
			return o.Ops & (keys.OpEncrypt | keys.OpDecrypt)
		}
	}
	w.t.Fatalf("%s is not in the HSM", k.Name)
	return 0
}

// What the HSM key may do is what its virtual key may, wherever the process died.
func TestCrashWhilePermissionsAreChanged(t *testing.T) {
	t.Parallel()
	for what, kill := range deathsOfAnUpdate() {
		for with, name := range map[string]*string{"alone": nil, "with the name": ptr("after")} {
			t.Run(what+", "+with, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, groups.Policy{WriteBack: true})
				k, ops := w.generate(w.slot, aes("before")), keys.OpEncrypt|keys.OpAppManageable
				kill(w)
				_, _ = w.Keyring.Update(w.ctx, w.app, k.ID, keyring.Change{Name: name, Ops: &ops}) // as above
				w.comesBack(t)
				w.wantAgreement(0)
				now := w.find(k.ID)
				if here, there := now.Ops&(keys.OpEncrypt|keys.OpDecrypt), w.allowed(now); here != there || now.Ops != ops && now.Ops != k.Ops {
					t.Errorf("got %v of the virtual key and %v of the HSM key; it had %v and was to have %v", now.Ops, there, k.Ops, ops)
				}
			})
		}
	}
}

// An HSM that does not give a permission back has the last word.
func TestPermissionsThatCannotBeTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{WriteBack: true})
	k, ops := w.generate(w.slot, aes("k")), keys.OpEncrypt|keys.OpAppManageable
	w.dieIn(tokensim.Update)
	_, _ = w.Keyring.Update(w.ctx, w.app, k.ID, keyring.Change{Ops: &ops}) // nobody hears the answer
	w.revive()
	w.HSM.Fail(tokensim.Fault{Call: tokensim.Update, Err: fault.New(fault.Denied, "the HSM does not permit it")})
	w.Pass(apptest.Grace)
	_, err := w.Keyring.Recover(w.ctx)
	apptest.Want(t, "Recover", err, "")
	if now := w.find(k.ID); now.Ops != ops || w.allowed(now) != keys.OpEncrypt {
		t.Errorf("got %v of the virtual key and %v of the HSM key, want %v of both", now.Ops, w.allowed(now), ops)
	}
}

// One change of an HSM key goes on at a time: another would know it by another label.
func TestOneChangeAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{WriteBack: true})
	k := w.generate(w.slot, aes("k"))
	w.HSM.Fail(tokensim.Fault{Call: tokensim.Update, Hang: true})
	renamed := make(chan error)
	go func() { renamed <- w.rename(k, "after") }()
	if err := w.HSM.AwaitHanging(w.ctx, tokensim.Update, 1); err != nil {
		t.Fatal(err)
	}
	apptest.Want(t, "another change", w.rename(k, "other"), fault.Conflict)
	apptest.Want(t, "a deletion", w.Keyring.Delete(w.ctx, w.app, k.ID), fault.Conflict)
	w.recovers(0)
	w.HSM.Release()
	apptest.Want(t, "the first change", <-renamed, "")
	w.wantAgreement(0)
}

// Whoever found the key before somebody else changed it would look for it under
// its old label.
func TestAKeyThatWasChangedMeanwhile(t *testing.T) {
	t.Parallel()
	for what, late := range map[string]func(w *world, k keys.Key) error{
		"a deletion": func(w *world, k keys.Key) error { return w.Keyring.Delete(w.ctx, w.app, k.ID) },
		"a change":   func(w *world, k keys.Key) error { return w.rename(k, "late") },
	} {
		w := newWorld(t, groups.Policy{WriteBack: true})
		k := w.generate(w.slot, aes("before"))
		w.Restart() // so that the group is read from the store, once the key was found
		w.Store.Fail(storesim.Fault{Call: "Group", Before: func() { apptest.Want(t, "Update", w.rename(k, "after"), "") }})
		apptest.Want(t, what, late(w, k), fault.Conflict)
		if got := w.find(k.ID); got.Name != "after" {
			t.Errorf("%s: got the name %q, want the first change", what, got.Name)
		}
		w.wantAgreement(0)
	}
}
