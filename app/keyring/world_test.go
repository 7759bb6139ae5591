package keyring_test

import (
	"bytes"
	"context"
	"testing"

	"gatehouse/app/internal/apptest"
	"gatehouse/app/keyring"
	"gatehouse/app/slotkeys"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/intents"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// world is a service with an ordinary group, an HSM group, and an app that may
// do everything in both.
type world struct {
	*apptest.World
	t       *testing.T
	ctx     context.Context //nolint:containedctx // the test's
	account id.Account
	local   groups.Group
	slot    groups.Group
	app     access.Caller
}

func newWorld(t *testing.T, p groups.Policy) *world {
	t.Helper()
	w := &world{World: apptest.New(t), t: t, ctx: t.Context()}
	w.account = w.AddAccount("main")
	w.local, w.slot = w.AddGroup(w.account, "ordinary"), w.AddHSMGroup(w.account, "hsm", p)
	w.app = w.App(w.account, w.local, w.slot)
	return w
}

// aes and ec are orders for keys of that name.
func aes(name string) keys.Spec {
	return keys.Spec{Name: name, Type: keys.AES, Size: 256, Enabled: true}
}

func ec(name string) keys.Spec {
	return keys.Spec{Name: name, Type: keys.EC, Curve: keys.P256, Enabled: true}
}

// generate makes a key that the test needs.
func (w *world) generate(g groups.Group, spec keys.Spec) keys.Key {
	w.t.Helper()
	k, err := w.Keyring.Generate(w.ctx, w.app, g.ID, spec)
	if err != nil {
		w.t.Fatalf("generating %s: %v", spec.Name, err)
	}
	return k
}

// find returns a key as the store has it.
func (w *world) find(kid id.Key) keys.Key {
	w.t.Helper()
	k, err := w.Keyring.Find(w.ctx, w.app, keyring.Descriptor{ID: kid})
	if err != nil {
		w.t.Fatalf("finding %s: %v", kid, err)
	}
	return k
}

// use uses a key for something that its type does.
func (w *world) use(c access.Caller, k keys.Key) error {
	_, _, err := w.Keyring.Use(w.ctx, c, keyring.Descriptor{ID: k.ID}, useful)
	return err
}

func useful(k keys.Key) (operations.Operation, error) {
	if k.Type == keys.EC {
		return operations.Sign{Hash: operations.SHA256, Input: []byte("data")}, nil
	}
	return operations.Encrypt{Mode: operations.GCM, Plain: []byte("data")}, nil
}

// intents returns what is not settled.
func (w *world) intents() []intents.Intent {
	w.t.Helper()
	all, err := w.Store.ListIntents(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// recovers settles what there is, and wants that many settled.
func (w *world) recovers(want int) {
	w.t.Helper()
	settled, err := w.Keyring.Recover(w.ctx)
	if err != nil || settled != want {
		w.t.Errorf("recovery: got %d settled and error %v, want %d", settled, err, want)
	}
}

// recorded returns the keys that the store holds.
func (w *world) recorded() []keys.Key {
	w.t.Helper()
	var all []keys.Key
	for _, g := range []groups.Group{w.local, w.slot} {
		if err := w.Store.EachKey(w.ctx, g.ID, func(k keys.Key) error { all = append(all, k); return nil }); err != nil {
			w.t.Fatal(err)
		}
	}
	return all
}

// inHSM returns the halves that the HSM holds of a key that was made with this id.
func (w *world) inHSM(kid id.Key) int {
	n := 0
	for _, o := range w.HSM.Objects() {
		if bytes.Equal(o.ID, slotkeys.CKAID(kid)) {
			n++
		}
	}
	return n
}

// wantAgreement wants nothing unsettled, a whole HSM key for each virtual one,
// which works, and a virtual key for each in the HSM but so many.
func (w *world) wantAgreement(orphans int) {
	w.t.Helper()
	for _, i := range w.intents() {
		w.t.Errorf("an intent is left: %s of key %s, abandoned %t", i.Kind, i.Key, i.Abandoned)
	}
	halves := 0
	for _, k := range w.recorded() {
		if k.Virtual == nil {
			continue
		}
		want := 1
		if k.Type.Asymmetric() {
			want = 2
		}
		if n := w.inHSM(k.ID); n != want {
			w.t.Errorf("%s: got %d objects in the HSM, want %d", k.Name, n, want)
		}
		halves += want
		if err := w.use(w.app, k); err != nil {
			w.t.Errorf("%s does not work: %v", k.Name, err)
		}
	}
	if n := len(w.HSM.Objects()) - halves; n != orphans {
		w.t.Errorf("got %d objects in the HSM that nobody knows of, want %d", n, orphans)
	}
}

func ptr[T any](v T) *T { return &v }

// lost is what a token reports that may have done what it was asked.
func lost() error {
	return fault.New(fault.Unavailable, "the connection broke (SIMULATED)").Because(fault.TokenFailed)
}
