package crash_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"testing"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/simulators/tokensim"
)

// estate is an HSM, and the group that is synced with it.
type estate struct {
	name    string
	slot    *tokensim.Slot
	group   dsmwire.Group
	history []dsmwire.ScanState // before the sync that is killed
	warned  []dsmwire.ScanWarning
	work    work // of the sync that is killed
	began   int  // keys before it
}

// newEstate fills an HSM, syncs, and has much happen in the HSM then.
func (w *world) newEstate(sim simulated, name string, by work) *estate {
	w.t.Helper()
	ctx := w.t.Context()
	e := &estate{name: name, slot: w.insert(sim), work: by, began: by.moved + by.vanished + by.unmoved}
	for i := range e.began {
		e.add(w.t, "old", i)
	}
	odd := hsm.Object{Class: hsm.SecretKey, KeyType: 0x80000001, ID: []byte("odd"), Label: []byte("odd " + name)}
	must(w.t, e.slot.Add(odd, secret.Value{}))
	e.group = w.linkedGroup("estate "+name, w.link)
	out, err := w.admin.Sync(ctx, e.group.GroupID, nil)
	must(w.t, err)
	if len(out.Added) != e.began || len(out.Warnings) != 1 {
		w.t.Fatalf("the first sync: got %d keys and the warnings %v, want %d keys and one warning", len(out.Added), out.Warnings, e.began)
	}
	e.warned = out.Warnings
	e.history, err = w.admin.ScanStates(ctx, e.group.GroupID)
	must(w.t, err)

	for i := range by.moved {
		label := []byte(fmt.Sprintf("moved %d of %s", i, name))
		if n := e.slot.Change(e.id("old", i), hsm.Change{Label: &label}); n != 1 {
			w.t.Fatalf("got %d keys with the id of old %d, want one", n, i)
		}
	}
	for i := range by.vanished {
		e.slot.Remove(hsm.PublicKey, e.id("old", by.moved+i))
	}
	for i := range by.fresh {
		e.add(w.t, "new", i)
	}
	return e
}

func (e *estate) id(what string, i int) []byte { return []byte(fmt.Sprintf("%s %d", what, i)) }

// add adds a public key: by it a key is known again under another label.
func (e *estate) add(t *testing.T, what string, i int) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	public, err := x509.MarshalPKIXPublicKey(private.Public())
	must(t, err)
	must(t, e.slot.Add(hsm.Object{
		Class: hsm.PublicKey, Type: keys.EC, Curve: keys.P256, Size: 256, ID: e.id(what, i),
		Label: []byte(fmt.Sprintf("%s %d of %s", what, i, e.name)), Ops: keys.OpVerify, PublicKey: public,
	}, secret.Value{}))
}
