package keyring_test

import (
	"context"
	"testing"

	"gatehouse/app/internal/apptest"
	"gatehouse/app/keyring"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/keys"
	"gatehouse/ports/backend"
	"gatehouse/simulators/storesim"
	"gatehouse/simulators/tokensim"
)

// An HSM that cannot be reached is asked once, and its intents wait.
func TestRecoveryWaitsForTheHSM(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	for _, name := range []string{"one", "two"} {
		w.dieIn(tokensim.Generate)
		_, err := w.Keyring.Generate(w.ctx, w.app, w.slot.ID, aes(name))
		apptest.Want(t, "Generate", err, fault.Unavailable)
		w.revive()
	}
	w.HSM.Fail(tokensim.Fault{Call: tokensim.Inventory, Err: lost()})
	settled, err := w.Keyring.Recover(w.ctx)
	if apptest.Want(t, "Recover while the HSM is away", err, fault.Unavailable); settled != 0 || len(w.intents()) != 2 {
		t.Errorf("got %d settled and %d left, want both to wait", settled, len(w.intents()))
	}
	_, err = w.Keyring.Generate(w.ctx, w.app, w.slot.ID, aes("one"))
	apptest.Want(t, "a name meanwhile", err, fault.Conflict)
	w.recovers(2)
	w.wantAgreement(0)
}

// slowly begins to make a key, and returns when the token is at it.
func (w *world) slowly() (made chan error) {
	w.t.Helper()
	w.HSM.Fail(tokensim.Fault{Call: tokensim.Generate, Hang: true})
	made = make(chan error, 1)
	go func() {
		_, err := w.Keyring.Generate(w.ctx, w.app, w.slot.ID, aes("slow"))
		made <- err
	}()
	if err := w.HSM.AwaitHanging(w.ctx, tokensim.Generate, 1); err != nil {
		w.t.Fatal(err)
	}
	return made
}

// An intent that a request is working on is left to it, however long it takes
// and whenever it ends.
func TestRecoveryLeavesRequestsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	made := w.slowly()
	w.Pass(apptest.Grace)
	w.recovers(0)
	if len(w.intents()) != 1 {
		t.Error("the intent of a request that is under way was ended")
	}
	w.HSM.Release()
	apptest.Want(t, "the slow one", <-made, "")
	apptest.Want(t, "Delete", w.Keyring.Delete(w.ctx, w.app, w.recorded()[0].ID), "")

	made = w.slowly()
	w.Store.Fail(storesim.Fault{Call: "Key", Before: func() { // when recovery has read the intents
		w.HSM.Release()
		apptest.Want(t, "the slow one", <-made, "")
	}})
	got := w.Recorded(func() { w.recovers(0) })
	if len(got) != 1 { // of the request itself
		t.Errorf("got the records %q, want recovery to do nothing", got)
	}
	w.wantAgreement(1)
}

// forgetting is a backend of ordinary groups that notes what it is told to forget.
type forgetting struct {
	backend.Backend
	destroyed []keys.Key
}

func (f *forgetting) Destroy(_ context.Context, _ groups.Group, k keys.Key) error {
	f.destroyed = append(f.destroyed, k)
	return nil
}

// What is left in memory of a deleted ordinary key goes with it.
func TestDeletedMaterialIsForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	k := w.generate(w.local, aes("k"))
	sealed := &forgetting{}
	ring := keyring.New(w.Catalogue, w.Ledger, sealed, w.Slots, keyring.Config{Now: w.Now, NewID: w.NewID})
	apptest.Want(t, "Delete", ring.Delete(w.ctx, w.app, k.ID), "")
	if len(sealed.destroyed) != 1 || sealed.destroyed[0].ID != k.ID {
		t.Errorf("got %d keys forgotten, want the one", len(sealed.destroyed))
	}
}
