package keyring_test

import (
	"bytes"
	"slices"
	"testing"

	"gatehouse/app/internal/apptest"
	"gatehouse/app/slotkeys"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/simulators/storesim"
	"gatehouse/simulators/tokensim"
)

// die makes everything fail from now on, as for a process that is no more.
func (w *world) die() {
	w.Store.Fail(storesim.Fault{Stays: true, Err: storesim.Lost()})
	w.HSM.Fail(tokensim.Fault{Stays: true, Err: lost()})
}

// dieAt kills the process when it calls the store, before or after the call is carried out.
func (w *world) dieAt(c storesim.Call, applied bool) {
	w.Store.Fail(storesim.Fault{Call: c, Before: w.die, Apply: applied, Err: storesim.Lost()})
}

// dieIn kills the process in the middle of a call to the token, which is carried out.
func (w *world) dieIn(c tokensim.Call) {
	apptest.Want(w.t, "the connection", checked(w), "") // is open
	w.HSM.Fail(tokensim.Fault{Call: c, Apply: true, Err: lost()})
	w.Store.Fail(storesim.Fault{Call: "BeginIntent", Before: w.die})
}

// checked tests the connection of the slot's group.
func checked(w *world) error {
	_, err := w.Slots.Check(w.ctx, w.slot, w.slot.Connections[0].ID)
	return err
}

// revive begins a new process once the earlier one is dead.
func (w *world) revive() {
	w.Store.Clear()
	w.HSM.Clear()
	w.Restart()
}

// comesBack lets a new process recover what a dead one left: at once, and when
// the HSM can have nothing of it under way any more.
func (w *world) comesBack(t *testing.T) {
	t.Helper()
	w.revive()
	_, err := w.Keyring.Recover(w.ctx)
	apptest.Want(t, "Recover at once", err, "")
	w.Pass(apptest.Grace)
	_, err = w.Keyring.Recover(w.ctx)
	apptest.Want(t, "Recover later", err, "")
}

// makers make a key of a name in the HSM group, each in another way.
func (w *world) makers() map[string]func(name string) (keys.Key, error) {
	return map[string]func(name string) (keys.Key, error){
		"generating a secret key": func(name string) (keys.Key, error) { return w.Keyring.Generate(w.ctx, w.app, w.slot.ID, aes(name)) },
		"generating a pair":       func(name string) (keys.Key, error) { return w.Keyring.Generate(w.ctx, w.app, w.slot.ID, ec(name)) },
		"importing a secret key": func(name string) (keys.Key, error) {
			return w.Keyring.Import(w.ctx, w.app, w.slot.ID, aes(name), secret.New(bytes.Repeat([]byte{7}, 32)))
		},
	}
}

// After a crash at any point there is one key, in the HSM and in the store, or
// none in either, and its name is free.
func TestCrashWhileAKeyIsMade(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		kill func(w *world)
		want int // keys, once it was recovered
	}{
		{"before the order is written down", func(w *world) { w.dieAt("BeginIntent", false) }, 0},
		{"once it is written down", func(w *world) { w.dieAt("BeginIntent", true) }, 0},
		{"once the token is changed", func(w *world) { w.dieIn(tokensim.Generate) }, 1},
		{"before the key is recorded", func(w *world) { w.dieAt("AddKey", false) }, 1},
		{"once the key is recorded", func(w *world) { w.dieAt("AddKey", true) }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, groups.Policy{})
			for how := range w.makers() {
				name := how + " " + c.name
				before := len(w.recorded())
				c.kill(w)
				if how == "importing a secret key" && c.name == "once the token is changed" {
					w.HSM.Clear()
					w.dieIn(tokensim.Import)
				}
				if _, err := w.makers()[how](name); err == nil {
					t.Fatalf("%s: got a key from a process that is dead", how)
				}
				w.comesBack(t)
				if got := len(w.recorded()) - before; got != c.want {
					t.Errorf("%s: got %d keys, want %d", how, got, c.want)
				}
				w.wantAgreement(0)
				want := fault.Kind("")
				if c.want == 1 {
					want = fault.Conflict
				}
				_, err := w.makers()[how](name)
				apptest.Want(t, how+" with the name again", err, want)
			}
		})
	}
}

// Whoever was told that it failed gets no key, and can try again at once under
// the same name.
func TestFailureWhileAKeyIsMade(t *testing.T) {
	t.Parallel()
	refused := fault.New(fault.Unsupported, "the HSM cannot do this")
	unreached := fault.New(fault.Unavailable, "nobody listens").Because(fault.Refused)
	noInventory := tokensim.Fault{Call: tokensim.Inventory, Err: lost()}
	for _, c := range []struct {
		name  string
		token []tokensim.Fault
		store []storesim.Fault
		want  fault.Kind
		open  int // intents left to recovery
		waits bool
	}{
		{name: "the HSM refuses", token: []tokensim.Fault{{Err: refused}}, want: fault.Unsupported},
		{name: "the HSM is not reached", token: []tokensim.Fault{{Err: unreached}}, want: fault.Unavailable},
		{name: "the answer is lost and the key is there", token: []tokensim.Fault{{Apply: true, Err: lost()}}},
		{name: "an internal error and the key is there", token: []tokensim.Fault{{Apply: true, Err: fault.New(fault.Internal, "CKR_GENERAL_ERROR")}}},
		{name: "the answer is lost and the key is not there", token: []tokensim.Fault{{Err: lost()}}, want: fault.Unavailable, open: 1, waits: true},
		{name: "the answer is lost and nobody can look", token: []tokensim.Fault{{Apply: true, Err: lost()}, noInventory}, want: fault.Unavailable, open: 1},
		{name: "the key cannot be recorded", store: []storesim.Fault{{Call: "AddKey"}}, want: fault.Unavailable, open: 1},
		{name: "neither the key nor the failure can be recorded", store: []storesim.Fault{{Call: "AddKey"}, {Call: "AbandonIntent"}}, want: fault.Unavailable, open: 1},
		{name: "the intent is stored but that is not told", store: []storesim.Fault{{Call: "BeginIntent", Apply: true}}, want: fault.Unavailable},
		{
			name: "nor can it be ended", store: []storesim.Fault{{Call: "BeginIntent", Apply: true}, {Call: "EndIntent"}},
			want: fault.Unavailable, open: 1, waits: true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, groups.Policy{})
			for _, f := range c.token {
				if f.Call == "" {
					f.Call = tokensim.Generate
				}
				w.HSM.Fail(f)
			}
			for _, f := range c.store {
				f.Err = storesim.Lost()
				w.Store.Fail(f)
			}
			_, err := w.Keyring.Generate(w.ctx, w.app, w.slot.ID, ec("k"))
			apptest.Want(t, "Generate", err, c.want)
			if got := len(w.intents()); got != c.open {
				t.Errorf("got %d intents left, want %d", got, c.open)
			}
			if left := len(w.HSM.Clear()) + len(w.Store.Clear()); left != 0 {
				t.Fatalf("%d faults were set and did not act", left)
			}
			keyed := 0
			if c.want == "" {
				keyed = 1
			} else if open := w.intents(); len(open) == 0 || open[0].Abandoned {
				w.generate(w.slot, aes("k")) // the name is free at once
				keyed = 1
			}
			if c.waits {
				w.recovers(0)
				w.Pass(apptest.Grace)
			}
			w.recovers(c.open)
			if got := len(w.recorded()); got != keyed {
				t.Errorf("got %d keys, want %d", got, keyed)
			}
			w.wantAgreement(0)
			w.recovers(0)
		})
	}
}

// A key that was made, and that the HSM's library does not notice, is not taken for
// one that was never made.
func TestAKeyThatIsNotNoticedIsRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	w.HSM.Fail(tokensim.Fault{Call: tokensim.Generate, Apply: true, Err: lost()})
	w.HSM.Fail(tokensim.Fault{Call: tokensim.Inventory, Err: lost()})
	_, err := w.Keyring.Generate(w.ctx, w.app, w.slot.ID, aes("k"))
	apptest.Want(t, "Generate", err, fault.Unavailable)
	made := w.HSM.Objects()
	if len(made) != 1 {
		t.Fatalf("got %d objects in the HSM, want the key", len(made))
	}
	w.HSM.Hide(made[0].ID)
	w.recovers(0)
	w.Pass(apptest.Grace)
	w.recovers(1)
	if left := len(w.HSM.Objects()); left != 0 {
		t.Errorf("got %d objects left in the HSM, want none", left)
	}
	w.wantAgreement(0)
}

// A key that the token makes late, after its requester was told that it failed, is removed.
func TestAKeyThatTurnsUpLateIsRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	w.HSM.Fail(tokensim.Fault{Call: tokensim.Generate, Err: lost()})
	_, err := w.Keyring.Generate(w.ctx, w.app, w.slot.ID, aes("k"))
	apptest.Want(t, "Generate", err, fault.Unavailable)
	w.recovers(0)
	late := hsm.Object{Class: hsm.SecretKey, Type: keys.AES, ID: slotkeys.CKAID(w.intents()[0].Key), Label: []byte("k")}
	if err := w.HSM.Add(late, secret.New(make([]byte, 32))); err != nil {
		t.Fatal(err)
	}
	got := w.Recorded(func() { w.recovers(1) })
	if want := []string{"begun key create undone", "done key create undone"}; !slices.Equal(got, want) {
		t.Errorf("got the records %q, want %q", got, want)
	}
	w.wantAgreement(0)
}
