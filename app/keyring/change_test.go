package keyring_test

import (
	"testing"
	"time"

	"gatehouse/app/internal/apptest"
	"gatehouse/app/keyring"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/keys"
)

func TestUpdateIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{WriteBack: true})
	for _, g := range []groups.Group{w.local, w.slot} {
		w.generate(g, aes("taken "+g.Name))
		spec := aes("k " + g.Name)
		spec.Ops = keys.OpEncrypt | keys.OpAppManageable
		k := w.generate(g, spec)
		for what, c := range map[string]struct {
			ch   keyring.Change
			want fault.Kind
		}{
			"nothing":                     {keyring.Change{}, ""},
			"a name that is taken":        {keyring.Change{Name: ptr("taken " + g.Name)}, fault.Conflict},
			"no name":                     {keyring.Change{Name: ptr("")}, fault.Invalid},
			"operations of another type":  {keyring.Change{Ops: ptr(keys.OpSign)}, fault.Invalid},
			"EXPORT, which it never had":  {keyring.Change{Ops: ptr(k.Ops | keys.OpExport)}, fault.Denied},
			"its activation date":         {keyring.Change{ActivationDate: ptr(w.Now().Add(time.Hour))}, fault.BadState},
			"the activation date it has":  {keyring.Change{ActivationDate: ptr(k.ActivationDate)}, ""},
			"operations that it can have": {keyring.Change{Ops: ptr(keys.OpEncrypt | keys.OpDecrypt | keys.OpAppManageable)}, ""},
		} {
			_, err := w.Keyring.Update(w.ctx, w.app, k.ID, c.ch)
			apptest.Want(t, what, err, c.want)
		}
		if got := w.find(k.ID); got.Name != k.Name {
			t.Errorf("got %+v, want the name as it was", got)
		}
		apptest.Want(t, "a use after all that", w.use(w.app, k), "")
	}
	w.wantAgreement(0)
}

// Dates move a key forward in its life, never back (NIST SP 800-57 part 1, section 7).
func TestDates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	at := func(h int) *time.Time { return ptr(w.Now().Add(time.Duration(h) * time.Hour)) }
	spec := aes("k")
	spec.ActivationDate = *at(2)
	k := w.generate(w.local, spec)
	update := func(what string, ch keyring.Change, want fault.Kind) {
		t.Helper()
		_, err := w.Keyring.Update(w.ctx, w.app, k.ID, ch)
		apptest.Want(t, what, err, want)
	}
	wantState := func(want keys.State) {
		t.Helper()
		if got := w.find(k.ID).State; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	wantState(keys.PreActive)
	update("an earlier activation", keyring.Change{ActivationDate: at(1)}, "")
	w.Pass(time.Hour)
	wantState(keys.Active)
	update("another activation once it was activated", keyring.Change{ActivationDate: at(1)}, fault.BadState)
	update("a deactivation", keyring.Change{Deactivation: at(2)}, "")
	update("an earlier one", keyring.Change{Deactivation: at(1)}, "")
	w.Pass(time.Hour)
	wantState(keys.Deactivated)
	apptest.Want(t, "a use that protects", w.use(w.app, k), fault.BadState)
	update("a later deactivation once it was deactivated", keyring.Change{Deactivation: at(1)}, fault.BadState)
	update("the deactivation that it has", keyring.Change{Deactivation: at(0)}, "")
	wantState(keys.Deactivated)

	k = w.generate(w.local, aes("now"))
	update("a deactivation at once", keyring.Change{Deactivation: at(0)}, "")
	wantState(keys.Deactivated)
}

// The emergency brake: a key that is switched off is not used again.
func TestSwitchingOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	for _, g := range []groups.Group{w.local, w.slot} {
		k := w.generate(g, aes("k "+g.Name))
		for _, on := range []bool{false, true, false} {
			apptest.Want(t, "switching", func() error {
				_, err := w.Keyring.Update(w.ctx, w.app, k.ID, keyring.Change{Enabled: &on})
				return err
			}(), "")
			want := fault.BadState
			if on {
				want = ""
			}
			apptest.Want(t, "Use", w.use(w.app, k), want)
		}
	}
}
