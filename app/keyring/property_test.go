package keyring_test

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/app/internal/apptest"
	"gatehouse/app/keyring"
	"gatehouse/app/slotkeys"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/simulators/storesim"
	"gatehouse/simulators/tokensim"
)

// Whatever is done with the keys of an HSM, whatever fails, and wherever the
// service is killed: once it has recovered, HSM and store agree. No key is lost,
// none is orphaned, none is there twice, none is marked missing that is there,
// and what was answered is true.
func TestStoreAndTokenAgreeInTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{WriteBack: true})
	rapid.Check(t, func(t *rapid.T) {
		s := newStory(w, t)
		for range rapid.IntRange(2, 10).Draw(t, "steps") {
			s.step()
		}
		s.settle()
		s.check()
	})
}

// story is a run of random calls, with what their answers promise.
type story struct {
	*world
	t     *rapid.T
	there []id.Key        // keys that were made, or may have been
	sure  map[id.Key]bool // true: it was told that the key is there; false: that it is gone
	names int
	dead  bool // the process was killed during the step
}

func newStory(w *world, t *rapid.T) *story {
	w.NewHSM()
	w.Restart()
	name := w.NewID()
	w.account = w.AddAccount(name)
	w.local, w.slot = w.AddGroup(w.account, "ordinary"), w.AddHSMGroup(w.account, "hsm", groups.Policy{WriteBack: true})
	w.app = w.App(w.account, w.local, w.slot)
	if _, err := w.Slots.Check(w.ctx, w.slot, w.slot.Connections[0].ID); err != nil {
		t.Fatal(err)
	}
	return &story{world: w, t: t, sure: map[id.Key]bool{}}
}

// step does one thing while something goes wrong, or does not.
func (s *story) step() {
	s.dead = false
	for range rapid.IntRange(0, 2).Draw(s.t, "faults") {
		s.fail()
	}
	rapid.OneOf(
		rapid.Just(s.generate), rapid.Just(s.generate), rapid.Just(s.importKey), rapid.Just(s.rename), rapid.Just(s.delete),
		rapid.Just(s.foreign), rapid.Just(s.sync), rapid.Just(s.sync), rapid.Just(s.recover), rapid.Just(s.passTime),
	).Draw(s.t, "call")()
	s.Store.Clear()
	s.HSM.Clear()
	if s.dead || rapid.IntRange(0, 9).Draw(s.t, "restart") == 0 {
		s.Restart()
		if err := s.Syncing.Interrupted(s.ctx); err != nil { // as the service does when it starts
			s.t.Fatal(err)
		}
	}
}

// fail lets one call to the token or the store fail, or the process die there.
func (s *story) fail() {
	apply := rapid.Bool().Draw(s.t, "carried out")
	if rapid.Bool().Draw(s.t, "token") {
		call := rapid.SampledFrom([]tokensim.Call{tokensim.Generate, tokensim.Import, tokensim.Update, tokensim.Destroy, tokensim.Inventory}).Draw(s.t, "token call")
		err := rapid.SampledFrom([]error{
			lost(), fault.New(fault.Internal, "CKR_GENERAL_ERROR"), fault.New(fault.Denied, "refused"),
			fault.New(fault.Unavailable, "not reached").Because(fault.Refused),
		}).Draw(s.t, "error")
		if refused := fault.KindOf(err) == fault.Denied || fault.ReasonOf(err) == fault.Refused; refused {
			apply = false
		}
		s.HSM.Fail(tokensim.Fault{Call: call, Apply: apply, Err: err})
		return
	}
	f := storesim.Fault{
		Call: rapid.SampledFrom([]storesim.Call{
			"BeginIntent", "AddKey", "AbandonIntent", "EndIntent", "ListIntents", "UpdateKey", "RecordKeys", "SyncKeys", "EachKey", "AppendAudit",
		}).Draw(s.t, "store call"),
		Skip: rapid.IntRange(0, 1).Draw(s.t, "skip"), Apply: apply, Err: storesim.Lost(),
	}
	if rapid.Bool().Draw(s.t, "die") {
		f.Before = func() { s.dead = true; s.die() }
	}
	s.Store.Fail(f)
}

func (s *story) name() string {
	s.names++
	return fmt.Sprintf("key %d", s.names)
}

func (s *story) made(k keys.Key, err error) {
	if err == nil {
		s.there = append(s.there, k.ID)
		s.sure[k.ID] = true
	}
}

func (s *story) generate() {
	spec := rapid.SampledFrom([]func(string) keys.Spec{aes, ec}).Draw(s.t, "type")(s.name())
	s.made(s.Keyring.Generate(s.ctx, s.app, s.slot.ID, spec))
}

func (s *story) importKey() {
	s.made(s.Keyring.Import(s.ctx, s.app, s.slot.ID, aes(s.name()), secret.New(bytes.Repeat([]byte{byte(s.names)}, 32))))
}

// any returns one of the keys, if there are any.
func (s *story) any() (id.Key, bool) {
	if len(s.there) == 0 {
		return "", false
	}
	return rapid.SampledFrom(s.there).Draw(s.t, "key"), true
}

func (s *story) rename() {
	if k, ok := s.any(); ok {
		_, _ = s.Keyring.Update(s.ctx, s.app, k, keyring.Change{Name: ptr(s.name())})
	}
}

func (s *story) delete() {
	k, ok := s.any()
	if !ok {
		return
	}
	if err := s.Keyring.Delete(s.ctx, s.app, k); err == nil {
		s.sure[k] = false
	} else if s.sure[k] {
		delete(s.sure, k) // nobody can say
	}
}

// foreign lets another application make a key in the HSM.
func (s *story) foreign() {
	s.names++
	o := hsm.Object{Class: hsm.SecretKey, Type: keys.AES, ID: []byte{byte(s.names)}, Label: []byte("foreign"), Ops: keys.OpEncrypt | keys.OpDecrypt}
	if err := s.HSM.Add(o, secret.New(bytes.Repeat([]byte{byte(s.names)}, 32))); err != nil {
		s.t.Fatal(err)
	}
}

// sync syncs the group, and does something else in the middle of it.
func (s *story) sync() {
	meanwhile := rapid.SampledFrom([]func(){func() {}, s.generate, s.rename, s.delete, s.recover}).Draw(s.t, "meanwhile")
	at := rapid.SampledFrom([]storesim.Call{"EachKey", "ListIntents", "SyncKeys"}).Draw(s.t, "when")
	s.Store.Fail(storesim.Fault{Call: at, Before: meanwhile})
	_, _ = s.Syncing.Sync(s.ctx, s.Admin(s.account), s.slot.ID, nil)
}

func (s *story) recover() { _, _ = s.Keyring.Recover(s.ctx) }

func (s *story) passTime() { s.Pass(apptest.Grace / 2) }

// settle recovers as often as it takes.
func (s *story) settle() {
	for range 2 {
		if _, err := s.Keyring.Recover(s.ctx); err != nil {
			s.t.Fatalf("recovery when all is well again: %v", err)
		}
		s.Pass(apptest.Grace)
	}
	if left := s.intents(); len(left) != 0 {
		s.t.Fatalf("got %d intents left, the first to %s", len(left), left[0].Kind)
	}
}

// check compares HSM and store, and both with what was answered.
func (s *story) check() {
	stored := map[id.Key]keys.Key{}
	at := map[string]keys.Key{} // by CKA_ID
	for _, k := range s.recorded() {
		if other, twice := at[string(k.Virtual.ID)]; twice {
			s.t.Errorf("%s and %s are one HSM key", k.Name, other.Name)
		}
		stored[k.ID], at[string(k.Virtual.ID)] = k, k
		if own := bytes.Equal(k.Virtual.ID, slotkeys.CKAID(k.ID)); own != k.Virtual.Own || !own && len(k.Virtual.ID) == 16 {
			s.t.Errorf("%s: an orphan was adopted", k.Name)
		}
		if !k.Virtual.MissingSince.IsZero() {
			s.t.Errorf("%s is marked missing", k.Name)
		}
		if err := s.use(s.app, k); err != nil {
			s.t.Errorf("%s does not work: %v", k.Name, err)
		}
	}
	for _, o := range s.HSM.Objects() {
		if _, known := at[string(o.ID)]; !known && len(o.ID) == 16 {
			s.t.Errorf("an orphan is in the HSM: %s %q", o.Class, o.Label)
		}
	}
	for k, there := range s.sure {
		if _, found := stored[k]; found != there {
			s.t.Errorf("key %s: got found %t, and it was told %t", k, found, there)
		}
		if n := s.inHSM(k); n > 0 != there {
			s.t.Errorf("key %s: got %d objects in the HSM, and it was told there: %t", k, n, there)
		}
	}
	if _, err := s.Syncing.Sync(s.ctx, s.Admin(s.account), s.slot.ID, nil); err != nil {
		s.t.Errorf("a last sync: %v", err)
	}
	found := 0
	for _, k := range s.recorded() {
		if found++; !k.Virtual.MissingSince.IsZero() {
			s.t.Errorf("%s is marked missing by a last sync", k.Name)
		}
	}
	whole := map[string]bool{}
	for _, o := range s.HSM.Objects() {
		whole[string(o.ID)] = true
	}
	if found != len(whole) {
		s.t.Errorf("got %d virtual keys after a last sync, want one for each of the %d in the HSM", found, len(whole))
	}
}
