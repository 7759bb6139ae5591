package keyring_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/app/internal/apptest"
	"gatehouse/app/keyring"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/keys"
	"gatehouse/simulators/storesim"
	"gatehouse/simulators/tokensim"
)

// rotate rotates the key of a name.
func (w *world) rotate(name string) (keys.Key, error) {
	return w.Keyring.Rotate(w.ctx, w.app, keyring.Rotation{Key: keyring.Descriptor{Name: name}})
}

// named returns the key of a name, and whether there is one.
func (w *world) named(name string) (keys.Key, bool) {
	w.t.Helper()
	k, err := w.Keyring.Find(w.ctx, w.app, keyring.Descriptor{Name: name})
	if err != nil {
		apptest.Want(w.t, "finding "+name, err, fault.NotFound)
		return k, false
	}
	return k, true
}

func TestRotate(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"ordinary", "hsm"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, groups.Policy{WriteBack: true})
			g := map[string]groups.Group{"ordinary": w.local, "hsm": w.slot}[where]
			spec := ec("k")
			spec.Description, spec.Metadata = "of the bank", map[string]string{"a": "b"}
			spec.Rotation = &keys.RotationPolicy{Days: 30, DeactivateRotated: true}
			old := w.generate(g, spec)
			next, err := w.rotate("k")
			apptest.Want(t, "Rotate", err, "")
			was := w.find(old.ID)
			if was.Name != "k (rotated at 20261121T213000Z)" || was.Links.Replacement != next.ID || was.State != keys.Deactivated || was.Rotation != nil {
				t.Errorf("the old key: got %+v", was)
			}
			if next.Name != "k" || next.Links.Replaced != old.ID || next.Description != "of the bank" || next.Metadata["a"] != "b" ||
				!next.ScheduledRotation.Equal(w.Now().AddDate(0, 0, 30)) || next.State != keys.Active {
				t.Errorf("the new key: got %+v", next)
			}
			if string(next.PublicKey) == string(old.PublicKey) {
				t.Error("the new key has the material of the old one")
			}
			apptest.Want(t, "using the new key", w.use(w.app, next), "")
			apptest.Want(t, "using the old key", w.use(w.app, was), fault.BadState)
			_, err = w.Keyring.Rotate(w.ctx, w.app, keyring.Rotation{Key: keyring.Descriptor{ID: old.ID}})
			apptest.Want(t, "rotating the old key again", err, fault.BadState)
			again, err := w.Keyring.Rotate(w.ctx, w.app, keyring.Rotation{Key: keyring.Descriptor{Name: "k"}, Deactivate: ptr(false)})
			apptest.Want(t, "rotating within the same second", err, "")
			if got := w.find(next.ID); got.Name != "k (rotated at 20261121T213000.000000Z)" || got.State != keys.Active || again.Name != "k" {
				t.Errorf("got %q in state %s, want a name of its own", got.Name, got.State)
			}
			if where == "hsm" && (w.label(old) != "k" || w.label(again) != "k") {
				t.Errorf("got the labels %q and %q in the HSM, want them as they were made", w.label(old), w.label(again))
			}
		})
	}
}

func TestRotateRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	w.generate(w.local, aes("k"))
	w.generate(w.local, aes(strings.Repeat("n", keys.MaxName)))
	gone := w.generate(w.local, aes("gone"))
	apptest.Want(t, "Destroy", w.Keyring.Destroy(w.ctx, w.app, gone.ID), "")
	for name, c := range map[string]struct {
		r    keyring.Rotation
		want fault.Kind
	}{
		"a key that is not there":  {keyring.Rotation{Key: keyring.Descriptor{Name: "nobody"}}, fault.NotFound},
		"a destroyed key":          {keyring.Rotation{Key: keyring.Descriptor{Name: "gone"}}, fault.BadState},
		"into another group":       {keyring.Rotation{Key: keyring.Descriptor{Name: "k"}, Group: w.slot.ID}, fault.Invalid},
		"a name with no room left": {keyring.Rotation{Key: keyring.Descriptor{Name: strings.Repeat("n", keys.MaxName)}}, fault.Invalid},
		"into what cannot be made": {keyring.Rotation{Key: keyring.Descriptor{Name: "k"}, Shape: func(_ keys.Key, s keys.Spec) (keys.Spec, error) { s.Size = 99; return s, nil }}, fault.Invalid},
		"with a schedule of no sense": {keyring.Rotation{Key: keyring.Descriptor{Name: "k"}, Shape: func(_ keys.Key, s keys.Spec) (keys.Spec, error) {
			s.Rotation = &keys.RotationPolicy{Days: -1}
			return s, nil
		}}, fault.Invalid},
	} {
		records := w.Recorded(func() {
			_, err := w.Keyring.Rotate(w.ctx, w.app, c.r)
			apptest.Want(t, name, err, c.want)
		})
		if len(records) != 2 || records[1] != "refused key rotate" {
			t.Errorf("%s: got %v, want the refusal recorded", name, records)
		}
	}
}

// After a crash at any point exactly one key has the name: either the old one,
// or a new one with the old one renamed.
func TestCrashWhileAKeyIsRotated(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		kill func(w *world)
		done bool
	}{
		"before it is written down": {func(w *world) { w.dieAt("BeginIntent", false) }, false},
		"once it is written down":   {func(w *world) { w.dieAt("BeginIntent", true) }, false},
		"once the token is changed": {func(w *world) { w.dieIn(tokensim.Generate) }, true},
		"before it is recorded":     {func(w *world) { w.dieAt("RecordKeys", false) }, true},
		"once it is recorded":       {func(w *world) { w.dieAt("RecordKeys", true) }, true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, groups.Policy{WriteBack: true})
			old := w.generate(w.slot, ec("k"))
			c.kill(w)
			if _, err := w.rotate("k"); err == nil {
				t.Fatal("got an answer from a process that is dead")
			}
			w.comesBack(t)
			k, there := w.named("k")
			if !there || (k.ID != old.ID) != c.done || c.done != (w.find(old.ID).Links.Replacement == k.ID && k.Links.Replaced == old.ID) {
				t.Errorf("got %+v and the old key %+v, want it rotated: %t", k, w.find(old.ID), c.done)
			}
			w.wantAgreement(0)
		})
	}
}

// Whoever was told that a rotation failed finds the old key as it was.
func TestRotationThatFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		token []tokensim.Fault
		store []storesim.Fault
		want  fault.Kind
		open  int
	}{
		"the HSM refuses":        {token: []tokensim.Fault{{Call: tokensim.Generate, Err: fault.New(fault.Denied, "no")}}, want: fault.Denied},
		"the answer is lost":     {token: []tokensim.Fault{{Call: tokensim.Generate, Err: lost()}}, want: fault.Unavailable, open: 1},
		"it cannot be recorded":  {store: []storesim.Fault{{Call: "RecordKeys", Err: storesim.Lost()}}, want: fault.Unavailable, open: 1},
		"nothing is lost at all": {token: []tokensim.Fault{{Call: tokensim.Generate, Apply: true, Err: lost()}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, groups.Policy{})
			old := w.generate(w.slot, aes("k"))
			w.HSM.Fail(c.token...)
			w.Store.Fail(c.store...)
			_, err := w.rotate("k")
			apptest.Want(t, "Rotate", err, c.want)
			if got := len(w.intents()); got != c.open {
				t.Errorf("got %d intents left, want %d", got, c.open)
			}
			if c.open > 0 {
				_, err := w.rotate("k")
				apptest.Want(t, "another rotation meanwhile", err, fault.BadState)
				w.Pass(apptest.Grace)
				w.recovers(c.open)
			}
			if k, _ := w.named("k"); (k.ID == old.ID) != (c.want != "") {
				t.Errorf("got %+v under the name", k)
			}
			w.wantAgreement(0)
			_, err = w.rotate("k")
			apptest.Want(t, "rotating afterwards", err, "")
		})
	}
}

// However many rotate a key at once, each rotation follows upon another one or
// is refused: no key is replaced twice.
func TestRotationsAtOnce(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"ordinary", "hsm"} {
		w := newWorld(t, groups.Policy{})
		g := map[string]groups.Group{"ordinary": w.local, "hsm": w.slot}[where]
		first := w.generate(g, aes("k"))
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				_, err := w.rotate("k")
				if kind := fault.KindOf(err); err != nil && kind != fault.Conflict && kind != fault.BadState {
					t.Errorf("%s: got %v", where, err)
				}
			})
		}
		wg.Wait()
		w.Pass(apptest.Grace)
		_, err := w.Keyring.Recover(w.ctx)
		apptest.Want(t, "Recover", err, "")
		n := 0
		for k := first; k.Links.Replacement != "" || n == 0; n++ {
			k = w.find(k.ID)
			if k.Links.Replacement != "" {
				k = w.find(k.Links.Replacement)
			}
		}
		if last, _ := w.named("k"); last.Links.Replacement != "" || len(w.recorded()) != n+1 && len(w.recorded()) != n {
			t.Errorf("%s: got %d keys after %d rotations, and %+v under the name", where, len(w.recorded()), n, last)
		}
		w.wantAgreement(0)
	}
}

// A key is rotated by its schedule once, whoever looks after it and however
// late, and not while it is disabled.
func TestScheduledRotation(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"ordinary", "hsm"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, groups.Policy{})
			g := map[string]groups.Group{"ordinary": w.local, "hsm": w.slot}[where]
			spec := aes("k")
			spec.Rotation = &keys.RotationPolicy{Days: 10}
			old := w.generate(g, spec)
			ages := func(want int) {
				t.Helper()
				if n, err := w.Keyring.Age(w.ctx); err != nil || n != want {
					t.Errorf("Age: got %d changed and error %v, want %d", n, err, want)
				}
			}
			ages(0)
			w.Pass(33 * 24 * time.Hour)
			_, err := w.Keyring.Update(w.ctx, w.app, old.ID, keyring.Change{Enabled: ptr(false)})
			apptest.Want(t, "disabling it", err, "")
			ages(0)
			_, err = w.Keyring.Update(w.ctx, w.app, old.ID, keyring.Change{Enabled: ptr(true)})
			apptest.Want(t, "enabling it", err, "")
			earlier := w.Process
			w.Restart()
			records := w.Recorded(func() {
				var wg sync.WaitGroup
				wg.Go(func() { _, _ = earlier.Keyring.Age(w.ctx) }) // one of the two is refused, or has nothing to do
				wg.Go(func() { _, _ = w.Keyring.Age(w.ctx) })
				wg.Wait()
			})
			if !strings.Contains(strings.Join(records, ","), "done key rotate") {
				t.Errorf("got the records %v, want the rotation", records)
			}
			w.Pass(apptest.Grace)
			_, err = w.Keyring.Recover(w.ctx)
			apptest.Want(t, "Recover", err, "")
			w.Restart()
			k, _ := w.named("k")
			if k.Links.Replaced != old.ID || !k.ScheduledRotation.Equal(old.ScheduledRotation.AddDate(0, 0, 30)) {
				t.Errorf("got %+v, want it rotated, and again on the next day of the schedule", k)
			}
			if got := len(w.recorded()); got != 2 {
				t.Errorf("got %d keys, want 2", got)
			}
			ages(0)
			w.wantAgreement(0)
		})
	}
}

// What cannot be rotated now is tried again later, each time after a longer while.
func TestScheduledRotationThatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	spec := aes("k")
	spec.Rotation = &keys.RotationPolicy{Days: 10}
	w.generate(w.slot, spec)
	w.Pass(10 * 24 * time.Hour)
	w.HSM.Fail(tokensim.Fault{Call: tokensim.Generate, Err: fault.New(fault.Denied, "the HSM is full")}, tokensim.Fault{Call: tokensim.Generate, Err: fault.New(fault.Denied, "the HSM is full")})
	tries := func(want string) {
		t.Helper()
		got := strings.Join(w.Recorded(func() { _, _ = w.Keyring.Age(w.ctx) }), ", ")
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	const refused = "begun key rotate, refused key rotate"
	tries(refused)
	tries("")
	w.Pass(time.Minute)
	tries(refused)
	w.Pass(time.Minute)
	tries("")
	w.Pass(time.Minute)
	tries("begun key rotate, done key rotate")
	w.wantAgreement(0)
	if got := w.intents(); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}
