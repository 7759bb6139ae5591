package syncing_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"strings"
	"testing"

	"gatehouse/app/internal/apptest"
	"gatehouse/app/keyring"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/policy"
	"gatehouse/core/secret"
	"gatehouse/simulators/tokensim"
)

// TestDecisions does every change with every answer of the HSM, and holds what
// comes of it to what core/policy decides.
func TestDecisions(t *testing.T) {
	t.Parallel()
	for _, e := range policy.Changes() {
		for _, p := range []groups.Policy{{}, {WriteBack: true}} {
			for _, a := range policy.Answers() {
				name := string(e) + ", do not apply, " + string(a)
				if p.WriteBack {
					name = strings.Replace(name, "do not apply", "apply", 1)
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, p)
					w.decides(p, policy.Elsewhere, e, a)
					w.decides(p, policy.ThisGroup, e, a)
				})
			}
		}
	}
}

// subject makes the pair that a change is about, and returns its virtual key.
func (w *world) subject(m policy.Maker) keys.Key {
	w.t.Helper()
	if m == policy.ThisGroup {
		k, err := w.Keyring.Generate(w.ctx, w.app, "", keys.Spec{Name: "own", Type: keys.EC, Curve: keys.P256, Enabled: true})
		apptest.Want(w.t, "Generate", err, "")
		return k
	}
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(pair)
	if err != nil {
		w.t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&pair.PublicKey)
	if err != nil {
		w.t.Fatal(err)
	}
	o := hsm.Object{Class: hsm.PrivateKey, Type: keys.EC, Curve: keys.P256, ID: []byte{7}, Label: []byte("found"), Ops: keys.OpSign}
	apptest.Want(w.t, "Add", w.HSM.Add(o, secret.New(private)), "")
	o.Class, o.Ops = hsm.PublicKey, keys.OpVerify
	apptest.Want(w.t, "Add", w.HSM.Add(o, secret.New(public)), "")
	return w.sync("").Keys[0]
}

// happen does e to k.
func (w *world) happen(e policy.Event, k keys.Key) error {
	name, ops, text := k.Name+" renamed", k.Ops&^keys.OpVerify, "described"
	var err error
	switch e {
	case policy.UpdateOps:
		_, err = w.Keyring.Update(w.ctx, w.admin, k.ID, keyring.Change{Ops: &ops})
	case policy.UpdateName:
		_, err = w.Keyring.Update(w.ctx, w.admin, k.ID, keyring.Change{Name: &name})
	case policy.UpdateRecord:
		_, err = w.Keyring.Update(w.ctx, w.admin, k.ID, keyring.Change{Description: &text})
	case policy.RemovePrivate:
		err = w.Keyring.RemovePrivate(w.ctx, w.admin, k.ID)
	case policy.Deactivate:
		err = w.Keyring.Revoke(w.ctx, w.admin, k.ID, keys.RevocationReason{Code: "Superseded"})
	case policy.Destroy:
		err = w.Keyring.Destroy(w.ctx, w.admin, k.ID)
	case policy.Delete:
		err = w.Keyring.Delete(w.ctx, w.admin, k.ID)
	case policy.Rotate:
		_, err = w.Keyring.Rotate(w.ctx, w.admin, keyring.Rotation{Key: keyring.Descriptor{ID: k.ID}})
	case policy.Create:
		_, err = w.Keyring.Generate(w.ctx, w.admin, w.group.ID, keys.Spec{Name: k.Name + " new", Type: keys.AES, Size: 256, Enabled: true})
	default:
		w.t.Fatalf("no such event: %s", e)
	}
	return err
}

// answer makes the HSM answer requests for changes so.
func (w *world) answer(a policy.Answer) {
	errs := map[policy.Answer]error{
		policy.Refused:     fault.New(fault.Denied, "refused"),
		policy.Unsupported: fault.New(fault.Unsupported, "not supported"),
		policy.NotFound:    fault.New(fault.NotFound, "the key is not in the HSM"),
		policy.Unreachable: fault.New(fault.Unavailable, "not sent").Untried(),
		policy.Unknown:     fault.New(fault.Unavailable, "no answer").Because(fault.TimedOut),
	}
	for _, c := range []tokensim.Call{tokensim.Update, tokensim.Destroy, tokensim.Generate} {
		if a != policy.Done {
			w.HSM.Fail(tokensim.Fault{Call: c, Err: errs[a], Stays: true})
		}
	}
}

var told = map[policy.Told]fault.Kind{
	policy.ToldDone: "", policy.ToldRefused: fault.Denied, policy.ToldUnsupported: fault.Unsupported,
	policy.ToldNotFound: fault.NotFound, policy.ToldUnreachable: fault.Unavailable, policy.ToldUnknown: fault.Unavailable,
}

func (w *world) decides(p groups.Policy, m policy.Maker, e policy.Event, a policy.Answer) {
	w.t.Helper()
	k := w.subject(m)
	if e == policy.Destroy || e == policy.Delete {
		apptest.Want(w.t, "Revoke", w.Keyring.Revoke(w.ctx, w.admin, k.ID, keys.RevocationReason{Code: "Superseded"}), "")
	}
	k, err := w.Store.Key(w.ctx, k.ID)
	apptest.Want(w.t, "Key", err, "")
	before := w.inHSM(k)
	all := len(w.HSM.Objects())
	want := policy.Decide(p, m, e, a)
	w.answer(a)
	err = w.happen(e, k)
	w.HSM.Clear()
	apptest.Want(w.t, string(m)+": what the caller is told", err, told[want.Told])

	after := w.inHSM(k)
	if grown := len(w.HSM.Objects()) > all; grown != (want.HSMKey == policy.NewBeside) {
		w.t.Errorf("%s: a new key in the HSM: got %t, want it %s", m, grown, want.HSMKey)
	}
	same := len(before) == len(after)
	for i := 0; same && i < len(after); i++ {
		same = bytes.Equal(before[i].Label, after[i].Label) && before[i].Ops == after[i].Ops
	}
	got := map[policy.HSMKey]bool{
		policy.Untouched: same, policy.NewBeside: same, policy.Uncertain: true, policy.AlreadyGone: true,
		policy.Changed: len(after) == 2 && !same, policy.PublicLeft: len(after) == 1 && after[0].Class == hsm.PublicKey, policy.Destroyed: len(after) == 0,
	}
	if !got[want.HSMKey] {
		w.t.Errorf("%s: got %+v in the HSM, want it %s", m, after, want.HSMKey)
	}
	w.wantVirtual(m, k, want.Virtual)
}

// inHSM returns the halves of a key's HSM key.
func (w *world) inHSM(k keys.Key) (halves []hsm.Object) {
	for _, o := range w.HSM.Objects() {
		if bytes.Equal(o.ID, k.Virtual.ID) {
			halves = append(halves, o)
		}
	}
	return halves
}

// wantVirtual holds what has become of virtual key k to what was decided.
func (w *world) wantVirtual(m policy.Maker, k keys.Key, want policy.Virtual) {
	w.t.Helper()
	now, err := w.Store.Key(w.ctx, k.ID)
	gone := fault.KindOf(err) == fault.NotFound && err != nil || now.State == keys.Deleted
	same := !gone && now.Version == k.Version
	_, err = w.Store.KeyByName(w.ctx, w.account, k.Name+" new")
	made := err == nil
	got := map[policy.Virtual]bool{
		policy.Stays: same, policy.FollowsHSM: same, policy.TakenBack: same, policy.TakesChange: !gone && !same && now.State == k.State,
		policy.PublicOnly: now.PublicOnly, policy.EndsDestroyed: now.State == keys.Destroyed, policy.EndsDeleted: gone,
		policy.ChangesState: now.State == keys.Deactivated, policy.MakesWay: now.Name != k.Name && now.Links.Replacement != "",
		policy.ComesIntoBeing: same && made, policy.NotMade: same && !made,
	}
	if !got[want] {
		w.t.Errorf("%s: got %+v (gone: %t, as it was: %t), want it %s", m, now, gone, same, want)
	}
}
