package crash_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/app/assembly/service"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/features/relay"
)

// deed is something that is done to a key in the HSM.
type deed struct {
	name string
	kind string // of the key
	do   func(ctx context.Context, w *world, k dsmwire.Sobject) error
	done func(w *world, k dsmwire.Sobject) (bool, error) // whether it was done, in the eyes of the service
}

// halving is the deed that leaves half a key.
const halving = "remove the private half of"

func deeds() []deed {
	gone := func(w *world, k dsmwire.Sobject) (bool, error) {
		_, err := w.admin.Key(w.t.Context(), dsmclient.ByID(k.KID))
		if errors.Is(err, fault.NotFound) {
			return true, nil
		}
		return false, err
	}
	rotate := func(ctx context.Context, w *world, k dsmwire.Sobject) error {
		_, err := w.admin.Rekey(ctx, dsmwire.SobjectRekeyRequest{SobjectRequest: dsmwire.SobjectRequest{Name: &k.Name}})
		return err
	}
	rotated := func(w *world, k dsmwire.Sobject) (bool, error) {
		now, err := w.admin.Key(w.t.Context(), dsmclient.ByName(k.Name))
		if err != nil {
			return false, fmt.Errorf("no key has the name: %w", err)
		}
		old, err := w.admin.Key(w.t.Context(), dsmclient.ByID(k.KID))
		if err != nil {
			return false, err
		}
		if now.KID == k.KID {
			if old.Links != nil && old.Links.Replacement != "" {
				return false, errors.New("the key has its name and a replacement")
			}
			return false, nil
		}
		if now.Links == nil || old.Links == nil || now.Links.Replaced != k.KID || old.Links.Replacement != now.KID || old.Name == k.Name {
			return true, fmt.Errorf("the new key is linked %+v and the old one %+v", now.Links, old.Links)
		}
		return true, w.use(now)
	}
	return []deed{
		{
			"rename", "AES",
			func(ctx context.Context, w *world, k dsmwire.Sobject) error {
				name := k.Name + " renamed"
				_, err := w.admin.UpdateKey(ctx, k.KID, dsmwire.SobjectRequest{Name: &name})
				return err
			},
			func(w *world, k dsmwire.Sobject) (bool, error) {
				now, err := w.admin.Key(w.t.Context(), dsmclient.ByID(k.KID))
				if err != nil {
					return false, err
				}
				return now.Name != k.Name, w.use(now)
			},
		},
		{
			"permit less to", "AES",
			func(ctx context.Context, w *world, k dsmwire.Sobject) error {
				_, err := w.admin.UpdateKey(ctx, k.KID, dsmwire.SobjectRequest{KeyOps: &[]string{"ENCRYPT", "APPMANAGEABLE"}})
				return err
			},
			func(w *world, k dsmwire.Sobject) (bool, error) {
				now, err := w.admin.Key(w.t.Context(), dsmclient.ByID(k.KID))
				if err != nil {
					return false, err
				}
				return !slices.Contains(now.KeyOps, "DECRYPT"), errors.Join(w.use(now), w.permitted(now))
			},
		},
		{"delete", "EC", func(ctx context.Context, w *world, k dsmwire.Sobject) error { return w.admin.DeleteKey(ctx, k.KID) }, gone},
		{"destroy", "AES", func(ctx context.Context, w *world, k dsmwire.Sobject) error { return w.admin.Destroy(ctx, k.KID) }, gone},
		{"rotate", "AES", rotate, rotated},
		{"rotate", "EC", rotate, rotated},
		{
			halving, "EC",
			func(ctx context.Context, w *world, k dsmwire.Sobject) error { return w.admin.RemovePrivate(ctx, k.KID) },
			func(w *world, k dsmwire.Sobject) (bool, error) {
				now, err := w.admin.Key(w.t.Context(), dsmclient.ByID(k.KID))
				return now.PublicOnly, err
			},
		},
	}
}

// TestServiceCrashesWhileKeysChange kills the service at each step of what it
// does to keys in an HSM that is told of all changes.
func TestServiceCrashesWhileKeysChange(t *testing.T) {
	w := newWorld(t)
	w.writeBack()
	w.makeWarm()
	begun, done := 0, 0
	for i, d := range deeds() {
		for when, arm := range map[string]func() <-chan struct{}{
			"when the gateway was about to be asked":    func() <-chan struct{} { return w.hmg.Hold(relay.Request).Seen },
			"when the gateway was asked":                func() <-chan struct{} { return w.hmg.Watch(relay.Request).Seen },
			"when the gateway's answer was on its way":  func() <-chan struct{} { return w.hmg.Hold(relay.Answer).Seen },
			"when the service's reply was on its way":   func() <-chan struct{} { return w.rest.Hold(relay.Answer).Seen },
			"some time after the request had been made": func() <-chan struct{} { return later(w.duration / 2) },
			"when the service's request was on its way": func() <-chan struct{} { return w.rest.Hold(relay.Request).Seen },
		} {
			k := w.make(d.kind, fmt.Sprintf("key %d, killed %s", i, when))
			intents, was, _ := w.crashWhile(d, k, arm)
			t.Logf("%s %s: %d written down, done %t", d.name, k.Name, intents, was)
			if intents > 0 {
				begun++
			}
			if was {
				done++
			}
			if d.name == halving {
				eventually(t, "deleting "+k.Name, func() error { return w.admin.DeleteKey(t.Context(), k.KID) })
			}
		}
	}
	if begun == 0 || done == 0 {
		t.Errorf("killed %d times with something written down, and %d deeds were done all the same: want some of both", begun, done)
	}
	w.noIntents()
	w.whole()
	w.noSecrets()
}

// TestServiceCrashesAtEachCommit kills the service in the middle of each step
// that it writes down of what it does to keys in an HSM that is told of all
// changes, and when it has written down what it is about to do.
func TestServiceCrashesAtEachCommit(t *testing.T) {
	w := newWorld(t)
	w.writeBack()
	w.makeWarm()
	for i, d := range deeds() {
		begun, done := 0, 0
		kill := func(when string, arm func(int64) error, n int64) (survived bool) {
			k := w.make(d.kind, fmt.Sprintf("key %d, killed %s %d", i, when, n))
			intents, was, survived := w.crashWhile(d, k, func() <-chan struct{} {
				must(t, arm(n))
				return w.lab.ServiceGone()
			})
			if d.name == halving {
				eventually(t, "deleting "+k.Name, func() error { return w.admin.DeleteKey(t.Context(), k.KID) })
			}
			if survived {
				return true
			}
			t.Logf("%s %s: %d written down, done %t", d.name, k.Name, intents, was)
			if intents > 0 {
				begun++
			}
			if was {
				done++
			}
			return false
		}
		for n := int64(1); !kill("within commit", w.trap.Within, n); n++ {
		}
		kill("after commit", w.trap.After, 2)
		if begun == 0 || done == 0 {
			t.Errorf("%s: killed %d times with something written down, and it was done %d times all the same: want some of both", d.name, begun, done)
		}
	}
	w.noIntents()
	w.whole()
	w.noSecrets()
}

func later(d time.Duration) <-chan struct{} {
	done := make(chan struct{})
	time.AfterFunc(d, func() { close(done) })
	return done
}

// make makes a key in the HSM.
func (w *world) make(kind, name string) dsmwire.Sobject {
	w.t.Helper()
	r := dsmwire.SobjectRequest{Name: &name, GroupID: &w.group.GroupID, ObjType: kind}
	if size := uint32(256); kind == "AES" {
		r.KeySize = &size
	} else {
		r.EllipticCurve = "NistP256"
	}
	var k dsmwire.Sobject
	eventually(w.t, "making "+name, func() (err error) {
		k, err = w.app.Generate(w.t.Context(), r)
		return err
	})
	return k
}

// crashWhile does something to a key, kills the service when armed has come, and
// restarts it: then service and token agree, the deed is done or can be done
// again, and it is done if the requester was told so. It returns how many
// intents the crash has left, and whether the deed was done by it. Survived says
// that all was over before armed came.
func (w *world) crashWhile(d deed, k dsmwire.Sobject, arm func() <-chan struct{}) (intents int, done, survived bool) {
	w.t.Helper()
	w.warm()
	told := make(chan error, 1)
	armed := arm()
	go func() { told <- d.do(w.t.Context(), w, k) }()
	var toldErr error
	early := false
	select {
	case <-armed:
	case toldErr = <-told:
		early = true
	case <-time.After(patience):
		w.t.Fatalf("%s: nothing has come past", k.Name)
	}
	must(w.t, w.trap.Disarm())
	if early && w.present("warm") == nil { // unless what it still had to write has killed it
		must(w.t, toldErr)
		w.rest.Release()
		w.hmg.Release()
		if now, err := d.done(w, k); err != nil || !now {
			w.t.Errorf("%s %s: the requester was told that it was done: %t, %v", d.name, k.Name, now, err)
		}
		return 0, true, true
	}
	resume, err := w.lab.CrashService()
	must(w.t, err)
	w.rest.Release()
	w.hmg.Release()
	if !early {
		toldErr = <-told
	}
	intents = w.begun()
	must(w.t, resume(w.t.Context()))
	w.transport.CloseIdleConnections()

	eventually(w.t, k.Name+": service and token agree after the restart", func() (err error) {
		if done, err = d.done(w, k); err != nil {
			return err
		}
		return w.same()
	})
	if toldErr == nil && !done {
		w.t.Errorf("%s %s: the requester was told that it was done, and it was not", d.name, k.Name)
	}
	if !done {
		eventually(w.t, d.name+" "+k.Name+" after the restart", func() error {
			if now, err := d.done(w, k); err != nil || now { // recovery may have been later than this look
				return err
			}
			return d.do(w.t.Context(), w, k)
		})
		eventually(w.t, k.Name+": service and token agree in the end", w.same)
	}
	return intents, done, false
}

// permitted makes sure that an HSM key may do what its virtual key may: no less,
// for then it could not be used, and no more.
func (w *world) permitted(k dsmwire.Sobject) error {
	objects, err := w.token.Objects()
	if err != nil {
		return err
	}
	for _, o := range objects {
		if string(o.ID) != string(k.External.ID.ID) || o.Class != hsm.SecretKey {
			continue
		}
		for name, op := range map[string]keys.Ops{"ENCRYPT": keys.OpEncrypt, "DECRYPT": keys.OpDecrypt} {
			if here := slices.Contains(k.KeyOps, name); here != o.Ops.Has(op) {
				return fmt.Errorf("%s is permitted to the virtual key: %t, and to the HSM key: %t", name, here, o.Ops.Has(op))
			}
		}
		return nil
	}
	return errors.New("the HSM key is not there")
}

// writeBack has changes of virtual keys carried out in the HSM.
func (w *world) writeBack() {
	w.t.Helper()
	apply := true
	var err error
	w.group, err = w.admin.UpdateGroup(w.t.Context(), w.group.GroupID, dsmwire.GroupRequest{HmgSync: &apply})
	must(w.t, err)
}

// begun returns how many intents the crash has left.
func (w *world) begun() int {
	w.t.Helper()
	store, _, _, err := service.StoreConfig{DataDir: w.copyOf(), MasterKey: "file"}.OpenStore(w.t.Context())
	must(w.t, err)
	left, err := store.ListIntents(w.t.Context())
	must(w.t, errors.Join(err, store.Close()))
	return len(left)
}

// same tells where the token and the service do not hold the same keys: each
// key of one by its CKA_ID and CKA_LABEL, and what is left of it.
func (w *world) same() error {
	all, err := w.token.Objects()
	if err != nil {
		return err
	}
	left := map[string]int{}
	for _, o := range all {
		if len(o.ID) == 0 && len(o.Label) == 0 {
			continue // half made
		}
		left[place(o.ID, o.Label, o.Class == hsm.PublicKey)]++
	}
	err = w.admin.AllKeys(w.t.Context(), dsmclient.KeyQuery{GroupID: w.group.GroupID}, func(k dsmwire.Sobject) error {
		if k.ObjType != "AES" {
			left[place(k.External.ID.ID, k.External.ID.Label, true)]--
		}
		if !k.PublicOnly {
			left[place(k.External.ID.ID, k.External.ID.Label, false)]--
		}
		return nil
	})
	var errs []error
	for what, n := range left {
		if n != 0 {
			errs = append(errs, fmt.Errorf("the token holds %+d more than the service of the %s", n, what))
		}
	}
	return errors.Join(append(errs, err)...)
}

func place(id, label []byte, public bool) string {
	return fmt.Sprintf("key %q with the id %x, public half: %t", label, id, public)
}
