package syncing_test

import (
	"errors"
	"testing"

	"gatehouse/app/grouping"
	"gatehouse/app/internal/apptest"
	"gatehouse/app/keyring"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/simulators/storesim"
	"gatehouse/simulators/tokensim"
)

// The steps of a sync, by the calls with which they begin.
var steps = map[string]storesim.Call{
	"the inventory was read":  "EachKey",
	"the known keys are read": "ListIntents",
	"the plan is recorded":    "SyncKeys",
}

// What happens to keys while a sync reads and records is neither doubled nor
// missed, nor undone.
func TestWhatHappensMeanwhile(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		do   func(w *world, k keys.Key) error
		want []string // the names afterwards, "foreign" apart
	}{
		"a key is made":      {func(w *world, _ keys.Key) error { w.generate("made"); return nil }, []string{"key", "made"}},
		"a key is destroyed": {func(w *world, k keys.Key) error { return w.Keyring.Delete(w.ctx, w.app, k.ID) }, nil},
		"a key is renamed": {func(w *world, k keys.Key) error {
			name := "renamed"
			_, err := w.Keyring.Update(w.ctx, w.app, k.ID, keyring.Change{Name: &name})
			return err
		}, []string{"renamed"}},
		"a key was made in vain": {func(w *world, _ keys.Key) error {
			w.Store.Fail(storesim.Fault{Call: "AddKey", Err: storesim.Lost()})
			_, err := w.Keyring.Generate(w.ctx, w.app, "", keys.Spec{Name: "vain", Type: keys.AES, Size: 256, Enabled: true})
			if !errors.Is(err, fault.Unavailable) {
				return errors.New("the key was recorded")
			}
			_, err = w.Keyring.Recover(w.ctx)
			return err
		}, []string{"key"}},
	} {
		for when, step := range steps {
			t.Run(what+" when "+when, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, groups.Policy{WriteBack: true})
				k := w.generate("key")
				w.put(1, "foreign")
				w.Store.Fail(storesim.Fault{Call: step, Before: func() { apptest.Want(t, what, c.do(w, k), "") }})
				w.sync("")
				if left := len(w.Store.Clear()); left != 0 {
					t.Fatal("it did not happen")
				}
				want := append([]string{"foreign"}, c.want...)
				w.wantNames(want...)
				if out := w.sync(""); out.Added+out.Changed+out.Missing != 0 {
					t.Errorf("the next sync: got %+v, want nothing new", out)
				}
				for _, name := range want {
					apptest.Want(t, name+" encrypts", w.encrypts(name), "")
				}
			})
		}
	}
}

// A key that is being made when a sync begins, or that an earlier process left
// half made, is left alone.
func TestKeysThatAreNotSettledAreLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	w.put(1, "foreign")
	w.HSM.Fail(tokensim.Fault{Call: tokensim.Generate, Apply: true, Hang: true}) // the token has it, the answer is on its way
	made := make(chan error)
	go func() {
		_, err := w.Keyring.Generate(w.ctx, w.app, "", keys.Spec{Name: "slow", Type: keys.AES, Size: 256, Enabled: true})
		made <- err
	}()
	if err := w.HSM.AwaitHanging(w.ctx, tokensim.Generate, 1); err != nil {
		t.Fatal(err)
	}
	w.sync("")
	w.wantNames("foreign")
	w.Store.Fail(storesim.Fault{Call: "EachKey", Before: func() { // it is ready while the next sync has read the HSM
		w.HSM.Release()
		apptest.Want(t, "the slow key", <-made, "")
	}})
	w.sync("")
	w.wantNames("foreign", "slow")

	w.HSM.Fail(tokensim.Fault{Call: tokensim.Generate, Apply: true, Err: fault.New(fault.Unavailable, "lost").Because(fault.TokenFailed)})
	w.HSM.Fail(tokensim.Fault{Call: tokensim.Inventory, Err: fault.New(fault.Unavailable, "lost").Because(fault.TokenFailed)})
	_, err := w.Keyring.Generate(w.ctx, w.app, "", keys.Spec{Name: "half", Type: keys.AES, Size: 256, Enabled: true})
	apptest.Want(t, "Generate", err, fault.Unavailable)
	w.Restart()
	w.sync("")
	w.wantNames("foreign", "slow")
	_, err = w.Keyring.Recover(w.ctx)
	apptest.Want(t, "Recover", err, "")
	w.sync("")
	w.wantNames("foreign", "slow")
}

// A key that was being destroyed when a sync began, and is gone at its end, does
// not come back with what the sync has read of it.
func TestAKeyThatIsBeingDestroyedDoesNotComeBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{WriteBack: true})
	k := w.generate("key")
	w.HSM.Fail(tokensim.Fault{Call: tokensim.Destroy, Hang: true})
	gone := make(chan error)
	go func() { gone <- w.Keyring.Delete(w.ctx, w.app, k.ID) }()
	if err := w.HSM.AwaitHanging(w.ctx, tokensim.Destroy, 1); err != nil {
		t.Fatal(err)
	}
	w.Store.Fail(storesim.Fault{Call: "EachKey", Before: func() {
		w.HSM.Release()
		apptest.Want(t, "Delete", <-gone, "")
	}})
	if out := w.sync(""); out.Objects != 1 {
		t.Fatalf("got %d objects read, want the one that was about to go", out.Objects)
	}
	w.wantNames()
}

// A change that a person made while the plan waited to be recorded is not undone.
func TestAPlanThatIsOldIsNotRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{WriteBack: true})
	w.put(1, "foreign")
	w.sync("")
	k := w.keys()[0]
	w.take(1)
	w.sync("")
	w.wantNames("[foreign]")
	w.put(1, "foreign")
	w.Store.Fail(storesim.Fault{Call: "SyncKeys", Before: func() {
		name := "renamed"
		_, err := w.Keyring.Update(w.ctx, w.admin, k.ID, keyring.Change{Name: &name})
		apptest.Want(t, "Update", err, "")
	}})
	w.sync("")
	if got := w.keys()[0]; got.Name != "renamed" || string(got.Virtual.Label) != "renamed" {
		t.Errorf("got %q with label %q, want the change kept", got.Name, got.Virtual.Label)
	}
	w.sync("")
	w.wantNames("renamed")
	apptest.Want(t, "it encrypts", w.encrypts("renamed"), "")
}

// Names are given where nobody has them and where they are kept for nobody.
func TestNamesThatAreTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	local := w.AddGroup(w.account, "ordinary")
	generate := func(name string) {
		t.Helper()
		_, err := w.Keyring.Generate(w.ctx, w.App(w.account, local), "", keys.Spec{Name: name, Type: keys.AES, Size: 256, Enabled: true})
		apptest.Want(t, "Generate", err, "")
	}
	generate("taken")
	w.HSM.Fail(tokensim.Fault{Call: tokensim.Generate, Hang: true})
	made := make(chan error)
	go func() {
		_, err := w.Keyring.Generate(w.ctx, w.app, "", keys.Spec{Name: "kept", Type: keys.AES, Size: 256, Enabled: true})
		made <- err
	}()
	if err := w.HSM.AwaitHanging(w.ctx, tokensim.Generate, 1); err != nil {
		t.Fatal(err)
	}
	for n, label := range []string{"taken", "kept", "late"} {
		w.put(n, label)
	}
	w.Store.Fail(storesim.Fault{Call: "SyncKeys", Before: func() { generate("late") }})
	w.sync("")
	w.wantNames("kept (2)", "late (2)", "taken (2)")
	w.HSM.Release()
	apptest.Want(t, "the key whose name was kept", <-made, "")
	w.wantNames("kept", "kept (2)", "late (2)", "taken (2)")
}

// A key of the same CKA_ID in another HSM that is being changed is another key.
func TestAChangeInAnotherHSMIsNoneOfASyncsBusiness(t *testing.T) {
	t.Parallel()
	w, second := twoHSMs(t)
	w.put(1, "here")
	o := hsm.Object{Class: hsm.SecretKey, Type: keys.AES, ID: w.HSM.Objects()[0].ID, Label: []byte("there"), Ops: keys.OpEncrypt}
	if err := second.Add(o, secret.New(make([]byte, 32))); err != nil {
		t.Fatal(err)
	}
	g, err := w.Grouping.Create(w.ctx, w.admin, grouping.NewGroup{
		Name: "elsewhere", Policy: groups.Policy{WriteBack: true}, Connections: []grouping.Connection{apptest.Connection("second.elsewhere")},
	})
	apptest.Want(t, "Create", err, "")
	out, err := w.Syncing.Sync(w.ctx, w.admin, g.ID, nil)
	apptest.Want(t, "Sync of the other", err, "")

	second.Fail(tokensim.Fault{Call: tokensim.Update, Hang: true})
	name, renamed := "renamed", make(chan error)
	go func() {
		_, err := w.Keyring.Update(w.ctx, w.admin, out.Keys[0].ID, keyring.Change{Name: &name})
		renamed <- err
	}()
	if err := second.AwaitHanging(w.ctx, tokensim.Update, 1); err != nil {
		t.Fatal(err)
	}
	w.sync("")
	w.wantNames("here")
	second.Release()
	apptest.Want(t, "Update", <-renamed, "")
}
