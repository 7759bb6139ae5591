package syncing_test

import (
	"context"
	"encoding/binary"
	"slices"
	"testing"

	"gatehouse/app/internal/apptest"
	"gatehouse/app/keyring"
	"gatehouse/app/syncing"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
)

// world is a service with an HSM group, its administrator, and an app that may
// do everything in it.
type world struct {
	*apptest.World
	t       *testing.T
	ctx     context.Context //nolint:containedctx // the test's
	account id.Account
	group   groups.Group
	admin   access.Caller
	app     access.Caller
}

func newWorld(t *testing.T, p groups.Policy) *world {
	t.Helper()
	w := &world{World: apptest.New(t), t: t, ctx: t.Context()}
	w.account = w.AddAccount("main")
	w.group = w.AddHSMGroup(w.account, "hsm", p)
	w.admin, w.app = w.Admin(w.account), w.App(w.account, w.group)
	return w
}

// put puts an AES key into the HSM as another application would.
func (w *world) put(n int, label string) {
	w.t.Helper()
	material := binary.BigEndian.AppendUint64(make([]byte, 24), uint64(n))
	o := hsm.Object{
		Class: hsm.SecretKey, Type: keys.AES, ID: binary.BigEndian.AppendUint32(nil, uint32(n)), Label: []byte(label), Ops: keys.OpEncrypt | keys.OpDecrypt,
	}
	if err := w.HSM.Add(o, secret.New(material)); err != nil {
		w.t.Fatal(err)
	}
}

// take removes what put has put.
func (w *world) take(n int) {
	w.t.Helper()
	if w.HSM.Remove(hsm.SecretKey, binary.BigEndian.AppendUint32(nil, uint32(n))) != 1 {
		w.t.Fatalf("object %d was not there", n)
	}
}

// sync syncs the group, and wants that kind of answer.
func (w *world) sync(want fault.Kind) syncing.Outcome {
	w.t.Helper()
	out, err := w.Syncing.Sync(w.ctx, w.admin, w.group.ID, nil)
	apptest.Want(w.t, "Sync", err, want)
	return out
}

// names returns the names of the group's keys, sorted; missing ones in brackets.
func (w *world) names() []string {
	w.t.Helper()
	names := []string{}
	for _, k := range w.keys() {
		if !k.Virtual.MissingSince.IsZero() {
			k.Name = "[" + k.Name + "]"
		}
		names = append(names, k.Name)
	}
	slices.Sort(names)
	return names
}

func (w *world) keys() []keys.Key {
	w.t.Helper()
	var all []keys.Key
	if err := w.Store.EachKey(w.ctx, w.group.ID, func(k keys.Key) error { all = append(all, k); return nil }); err != nil {
		w.t.Fatal(err)
	}
	return all
}

func (w *world) wantNames(want ...string) {
	w.t.Helper()
	if got := w.names(); !slices.Equal(got, want) {
		w.t.Errorf("got the keys %q, want %q", got, want)
	}
}

func (w *world) generate(name string) keys.Key {
	w.t.Helper()
	k, err := w.Keyring.Generate(w.ctx, w.app, "", keys.Spec{Name: name, Type: keys.AES, Size: 256, Enabled: true})
	if err != nil {
		w.t.Fatal(err)
	}
	return k
}

func (w *world) encrypts(name string) error {
	_, _, err := w.Keyring.Use(w.ctx, w.app, keyring.Descriptor{Name: name}, func(keys.Key) (operations.Operation, error) {
		return operations.Encrypt{Mode: operations.CBC, Plain: []byte("data")}, nil
	})
	return err
}
