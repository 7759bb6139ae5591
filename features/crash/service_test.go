package crash_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"testing"
	"time"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/app/assembly/service"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/features/relay"
)

// moment is how far an order had come when the service was killed, as told by
// what it has left on disk and in the token.
type moment string

const (
	beforeIntent moment = "before the order was written down"
	beforeChange moment = "after it was written down, before the token was changed"
	beforeRecord moment = "after the token was changed, before the key was recorded"
	afterRecord  moment = "after the key was recorded"
)

// order is a request that makes a key.
type order struct {
	name string
	do   func(ctx context.Context, c *dsmclient.Client, r dsmwire.SobjectRequest) error
	r    dsmwire.SobjectRequest
}

func orders(t *testing.T) []order {
	t.Helper()
	generate := func(ctx context.Context, c *dsmclient.Client, r dsmwire.SobjectRequest) error {
		_, err := c.Generate(ctx, r)
		return err
	}
	imports := func(ctx context.Context, c *dsmclient.Client, r dsmwire.SobjectRequest) error {
		_, err := c.Import(ctx, r)
		return err
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(ec)
	must(t, err)
	aes, rsa := uint32(256), uint32(2048)
	return []order{
		{"generate AES", generate, dsmwire.SobjectRequest{ObjType: "AES", KeySize: &aes}},
		{"generate RSA", generate, dsmwire.SobjectRequest{ObjType: "RSA", KeySize: &rsa}},
		{"import AES", imports, dsmwire.SobjectRequest{ObjType: "AES", Value: dsmwire.NewSecretBytes(secret.FromString(rand.Text() + "123456"))}},
		{"import EC", imports, dsmwire.SobjectRequest{ObjType: "EC", Value: dsmwire.NewSecretBytes(secret.New(pkcs8))}},
	}
}

// TestServiceCrashes kills the service while it makes keys.
func TestServiceCrashes(t *testing.T) {
	w := newWorld(t)
	w.makeWarm()
	all := orders(t)
	hit := map[moment]int{}
	n := 0
	crash := func(o order, when string, arm func() <-chan struct{}, want ...moment) {
		t.Helper()
		n++
		name := fmt.Sprintf("%s %d", o.name, n)
		got := w.crashDuring(o, name, arm)
		hit[got]++
		t.Logf("%s, killed %s: that was %s", name, when, got)
		for _, m := range want {
			if got == m {
				return
			}
		}
		if len(want) > 0 {
			t.Errorf("%s, killed %s: that was %s, want %s", name, when, got, want[0])
		}
	}

	at := func(watch func(relay.Direction) *relay.Watch, d relay.Direction) func() <-chan struct{} {
		return func() <-chan struct{} { return watch(d).Seen }
	}
	crash(all[0], "when the request was on its way", at(w.rest.Hold, relay.Request), beforeIntent)
	for _, o := range all {
		crash(o, "when the gateway was about to be asked", at(w.hmg.Hold, relay.Request), beforeChange)
		crash(o, "when the gateway was asked", at(w.hmg.Watch, relay.Request), beforeChange, beforeRecord)
		// The answer to a probe of the connection may come past before.
		crash(o, "when the gateway's answer was on its way", at(w.hmg.Hold, relay.Answer), beforeRecord, beforeChange)
	}
	crash(all[0], "when the reply was on its way", at(w.rest.Hold, relay.Answer), afterRecord)
	crash(all[3], "when the reply was on its way", at(w.rest.Hold, relay.Answer), afterRecord)

	// And wherever time leads.
	for i, o := range append(all, all...) {
		after := w.duration * time.Duration(i+1) / 6
		crash(o, "after "+after.String(), func() <-chan struct{} {
			done := make(chan struct{})
			time.AfterFunc(after, func() { close(done) })
			return done
		})
	}

	for _, m := range []moment{beforeIntent, beforeChange, beforeRecord, afterRecord} {
		t.Logf("killed %d times %s", hit[m], m)
		if hit[m] == 0 {
			t.Errorf("never killed %s", m)
		}
	}
	w.noIntents()
	w.whole()
	w.noSecrets()
}

// makeWarm makes the key that warm uses, and measures how long an order takes.
func (w *world) makeWarm() {
	w.t.Helper()
	name, size := "warm", uint32(256)
	begun := time.Now()
	_, err := w.app.Generate(w.t.Context(), dsmwire.SobjectRequest{Name: &name, GroupID: &w.group.GroupID, ObjType: "AES", KeySize: &size})
	must(w.t, err)
	w.duration = time.Since(begun)
}

// warm makes sure that all connections are made, so that the next bytes are a
// request's.
func (w *world) warm() {
	w.t.Helper()
	eventually(w.t, "using a key in the HSM", func() error {
		_, err := w.app.Encrypt(w.t.Context(), dsmwire.EncryptRequest{
			Key: &dsmwire.SobjectDescriptor{Name: "warm"}, Alg: "AES", Mode: &dsmwire.Mode{Name: "CBC"}, Plain: []byte("x"),
		})
		return err
	})
}

// crashDuring gives an order, kills the service when armed has come, restarts
// it, and makes sure that the order is either carried out or can be given again.
func (w *world) crashDuring(o order, name string, arm func() <-chan struct{}) moment {
	w.t.Helper()
	w.warm()
	o.r.Name, o.r.GroupID = &name, &w.group.GroupID
	told := make(chan error, 1)
	armed := arm()
	go func() { told <- o.do(w.t.Context(), w.app, o.r) }()
	select {
	case <-armed:
	case <-time.After(patience):
		w.t.Fatalf("%s: nothing has come past", name)
	}
	resume, err := w.lab.CrashService()
	must(w.t, err)
	w.rest.Release()
	w.hmg.Release()
	err = <-told
	m := w.look(name)
	if err == nil && m != afterRecord {
		w.t.Errorf("%s: the requester was told that all went well %s", name, m)
	}
	must(w.t, resume(w.t.Context()))
	w.transport.CloseIdleConnections()

	switch m {
	case beforeRecord, afterRecord:
		eventually(w.t, name+" is a virtual key after the restart", func() error { return w.present(name) })
	default:
		// A token that was at it may have finished since: then the key is there.
		eventually(w.t, name+" can be made after the restart", func() error {
			err := o.do(w.t.Context(), w.app, o.r)
			if errors.Is(err, fault.Conflict) && w.present(name) == nil {
				return nil
			}
			return err
		})
	}
	return m
}

func (w *world) present(name string) error {
	_, err := w.app.Key(w.t.Context(), dsmclient.ByName(name))
	return err
}

// look tells from what is left how far an order had come.
func (w *world) look(name string) moment {
	w.t.Helper()
	ctx := w.t.Context()
	store, _, _, err := service.StoreConfig{DataDir: w.copyOf(), MasterKey: "file"}.OpenStore(ctx)
	must(w.t, err)
	defer func() { must(w.t, store.Close()) }()
	recorded := false
	must(w.t, store.EachKey(ctx, id.Group(w.group.GroupID), func(k keys.Key) error {
		recorded = recorded || k.Name == name
		return nil
	}))
	begun, err := store.ListIntents(ctx)
	must(w.t, err)
	written := false
	for _, i := range begun {
		written = written || i.Spec.Name == name
	}
	objects, err := w.token.Objects()
	must(w.t, err)
	changed := false
	for _, o := range objects {
		changed = changed || string(o.Label) == name
	}
	switch {
	case recorded && changed && !written:
		return afterRecord
	case !recorded && changed && written:
		return beforeRecord
	case !recorded && !changed && written:
		return beforeChange
	case !recorded && !changed && !written:
		return beforeIntent
	default:
		w.t.Errorf("%s: recorded %t, in the token %t, written down %t: that must not be", name, recorded, changed, written)
		return ""
	}
}

// noIntents makes sure that nothing is left to recover, once the grace of what
// was interrupted last is over. It kills the service each time it looks.
func (w *world) noIntents() {
	w.t.Helper()
	rest := 100 * time.Millisecond
	eventually(w.t, "nothing is left to recover", func() error {
		resume, err := w.lab.CrashService()
		must(w.t, err)
		store, _, _, err := service.StoreConfig{DataDir: w.copyOf(), MasterKey: "file"}.OpenStore(w.t.Context())
		must(w.t, err)
		left, err := store.ListIntents(w.t.Context())
		must(w.t, errors.Join(err, store.Close()))
		must(w.t, resume(w.t.Context()))
		if len(left) != 0 { // who is killed at each look recovers nothing, so the next one comes later
			select {
			case <-time.After(rest):
			case <-w.t.Context().Done():
			}
			rest *= 2
			return fmt.Errorf("%d orders are still written down", len(left))
		}
		return nil
	})
	w.transport.CloseIdleConnections()
}
