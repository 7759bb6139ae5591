package keyring_test

import (
	"context"
	"strings"
	"testing"

	"gatehouse/app/grouping"
	"gatehouse/app/internal/apptest"
	"gatehouse/app/slotkeys"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
	"gatehouse/simulators/storesim"
	"gatehouse/simulators/tokensim"
)

// After a deletion that failed somehow, and its recovery, HSM key and virtual
// key are both there or both gone.
func TestDestroyThatFails(t *testing.T) {
	t.Parallel()
	unreached := fault.New(fault.Unavailable, "nobody listens").Because(fault.Refused)
	for _, c := range []struct {
		name  string
		token []tokensim.Fault
		store []storesim.Fault
		want  fault.Kind
		open  int // intents left to recovery
		waits bool
		left  int // keys
	}{
		{name: "the HSM refuses", token: []tokensim.Fault{{Err: fault.New(fault.Denied, "not this one")}}, want: fault.Denied, left: 1},
		{name: "the HSM is not reached", token: []tokensim.Fault{{Err: unreached}}, want: fault.Unavailable, left: 1},
		{name: "the answer is lost and it was done", token: []tokensim.Fault{{Apply: true, Err: lost()}}},
		{name: "an internal error and it was done", token: []tokensim.Fault{{Apply: true, Err: fault.New(fault.Internal, "CKR_GENERAL_ERROR")}}},
		{name: "the answer is lost and it was not done", token: []tokensim.Fault{{Err: lost()}}, want: fault.Unavailable, open: 1, waits: true, left: 1},
		{
			name: "it was done and nobody can look", want: fault.Unavailable, open: 1,
			token: []tokensim.Fault{{Apply: true, Err: lost()}, {Call: tokensim.Inventory, Err: lost()}},
		},
		{name: "it cannot be recorded", store: []storesim.Fault{{Call: "RecordKeys"}}, want: fault.Unavailable, open: 1},
		{name: "it is recorded and that is not told", store: []storesim.Fault{{Call: "RecordKeys", Apply: true}}, want: fault.Unavailable},
		{
			name: "it is refused and the intent cannot be ended", want: fault.Denied, open: 1, waits: true, left: 1,
			token: []tokensim.Fault{{Err: fault.New(fault.Denied, "not this one")}}, store: []storesim.Fault{{Call: "EndIntent"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, groups.Policy{WriteBack: true})
			k := w.generate(w.slot, ec("k"))
			for _, f := range c.token {
				if f.Call == "" {
					f.Call = tokensim.Destroy
				}
				w.HSM.Fail(f)
			}
			for _, f := range c.store {
				f.Err = storesim.Lost()
				w.Store.Fail(f)
			}
			apptest.Want(t, "Delete", w.Keyring.Delete(w.ctx, w.app, k.ID), c.want)
			if left := len(w.HSM.Clear()) + len(w.Store.Clear()); left != 0 {
				t.Fatalf("%d faults were set and did not act", left)
			}
			if got := len(w.intents()); got != c.open {
				t.Errorf("got %d intents left, want %d", got, c.open)
			}
			if c.waits {
				w.recovers(0)
				w.Pass(apptest.Grace)
			}
			w.recovers(c.open)
			if got := len(w.recorded()); got != c.left {
				t.Errorf("got %d keys, want %d", got, c.left)
			}
			w.wantAgreement(0)
		})
	}
}

func TestCrashWhileAKeyIsDestroyed(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		kill func(w *world)
		left int
	}{
		"before it is written down": {func(w *world) { w.dieAt("BeginIntent", false) }, 1},
		"once it is written down":   {func(w *world) { w.dieAt("BeginIntent", true) }, 1},
		"once the token is changed": {func(w *world) { w.dieIn(tokensim.Destroy) }, 0},
		"before it is recorded":     {func(w *world) { w.dieAt("RecordKeys", false) }, 0},
		"once it is recorded":       {func(w *world) { w.dieAt("RecordKeys", true) }, 0},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, groups.Policy{WriteBack: true})
			k := w.generate(w.slot, aes("k"))
			c.kill(w)
			if err := w.Keyring.Delete(w.ctx, w.app, k.ID); err == nil {
				t.Fatal("got an answer from a process that is dead")
			}
			w.comesBack(t)
			if got := len(w.recorded()); got != c.left {
				t.Errorf("got %d keys, want %d", got, c.left)
			}
			w.wantAgreement(0)
		})
	}
}

// A deletion can be asked for again, and in another way, while an earlier one is not settled.
func TestDeletingAgain(t *testing.T) {
	t.Parallel()
	for what, again := range map[string]func(w *world) error{
		"the same way": func(*world) error { return nil },
		"the virtual key only": func(w *world) error {
			_, err := w.Grouping.Update(w.ctx, w.Admin(w.account), w.slot.ID, grouping.Change{WriteBack: ptr(false)})
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, groups.Policy{WriteBack: true})
			k := w.generate(w.slot, aes("k"))
			w.HSM.Fail(tokensim.Fault{Call: tokensim.Destroy, Err: lost()})
			apptest.Want(t, "Delete", w.Keyring.Delete(w.ctx, w.app, k.ID), fault.Unavailable)
			if err := again(w); err != nil {
				t.Fatal(err)
			}
			apptest.Want(t, "Delete again", w.Keyring.Delete(w.ctx, w.app, k.ID), "")
			w.recovers(1) // the first intent, whose key is no more
			if got := len(w.recorded()) + len(w.intents()); got != 0 {
				t.Errorf("got %d keys and intents left, want none", got)
			}
		})
	}
}

// What never got as far as a token leaves nothing to recovery, however it failed.
func TestNoIntentIsLeftWhenNoTokenWasReached(t *testing.T) {
	t.Parallel()
	for what, cut := range map[string]func(w *world) error{
		"there is no connection": func(w *world) error {
			_, err := w.Grouping.Update(w.ctx, w.Admin(w.account), w.slot.ID, grouping.Change{Remove: []id.Connection{w.slot.Connections[0].ID}})
			return err
		},
		"its gateway does not answer": func(w *world) error {
			w.Dial = func(context.Context, groups.Connection, slotkeys.Access) (token.Token, error) {
				return nil, fault.New(fault.Unavailable, "no answer").Because(fault.TimedOut)
			}
			w.Restart()
			return nil
		},
		"its PIN cannot be unsealed": func(w *world) error {
			_, err := w.Catalogue.UpdateGroup(w.ctx, w.slot.ID, func(g groups.Group) (groups.Group, error) {
				g.Connections[0].PIN = secret.Sealed("damaged")
				return g, nil
			})
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, groups.Policy{WriteBack: true})
			k := w.generate(w.slot, aes("k"))
			if err := cut(w); err != nil {
				t.Fatal(err)
			}
			_, err := w.Keyring.Generate(w.ctx, w.app, w.slot.ID, aes("x"))
			if kind := fault.KindOf(err); kind != fault.Internal && !strings.HasPrefix(fault.Message(err), "Not Connected: ") {
				t.Errorf("Generate: got %v (%v), want Not Connected", err, kind)
			}
			for what, err := range map[string]error{
				"Update": w.rename(k, "x"), "Delete": w.Keyring.Delete(w.ctx, w.app, k.ID), "Use": w.use(w.app, k),
			} {
				if err == nil {
					t.Errorf("%s: got no error", what)
				}
			}
			if n := len(w.intents()); n != 0 {
				t.Errorf("got %d intents left, want none", n)
			}
		})
	}
}
