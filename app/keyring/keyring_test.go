package keyring_test

import (
	"bytes"
	"testing"
	"time"

	"gatehouse/app/internal/apptest"
	"gatehouse/app/keyring"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
)

// Keys live alike in both kinds of groups.
func TestLifeOfAKey(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"ordinary", "hsm"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, groups.Policy{})
			g := map[string]groups.Group{"ordinary": w.local, "hsm": w.slot}[kind]
			objects := len(w.HSM.Objects())
			spec := ec("signer")
			spec.Description, spec.Metadata, spec.Ops = "d", map[string]string{"a": "b"}, keys.OpSign|keys.OpVerify|keys.OpAppManageable
			spec.Deactivation = w.Now().Add(time.Hour)
			k := w.generate(g, spec)

			got := w.find(k.ID)
			if got.Name != "signer" || got.Description != "d" || got.Group != g.ID || got.Creator != w.app.Principal || got.Curve != keys.P256 ||
				got.State != keys.Active || got.Ops != spec.Ops || len(got.PublicKey) == 0 || got.Origin != keys.OriginGenerated {
				t.Errorf("got %+v, want what was asked for", got)
			}
			if virtual := got.Virtual != nil; virtual != g.Kind.HSM() || virtual == (len(got.Material) != 0) {
				t.Errorf("got virtual %t and %d bytes of material, want one or the other by the kind of the group", virtual, len(got.Material))
			}
			byName, err := w.Keyring.Find(w.ctx, w.app, keyring.Descriptor{Name: "signer"})
			if apptest.Want(t, "Find by name", err, ""); byName.ID != k.ID {
				t.Errorf("got %s by name, want %s", byName.ID, k.ID)
			}
			apptest.Want(t, "Use", w.use(w.app, k), "")

			_, err = w.Keyring.Update(w.ctx, w.app, k.ID, keyring.Change{Name: ptr("renamed"), Ops: ptr(keys.OpVerify | keys.OpAppManageable), Metadata: ptr(map[string]string{})})
			apptest.Want(t, "Update", err, "")
			if got := w.find(k.ID); got.Name != "renamed" || len(got.Metadata) != 0 || got.Description != "d" {
				t.Errorf("got %+v, want it renamed and its description kept", got)
			}
			apptest.Want(t, "a use that is no longer permitted", w.use(w.app, k), fault.Denied)
			apptest.Want(t, "Delete", w.Keyring.Delete(w.ctx, w.app, k.ID), "")
			apptest.Want(t, "Use of a deleted key", w.use(w.app, k), fault.NotFound)
			left := 0
			if kind == "hsm" {
				left = 2 // the HSM key stays where it is (workflow P1)
			}
			if n := len(w.HSM.Objects()) - objects; n != left || len(w.recorded()) != 0 || len(w.intents()) != 0 {
				t.Errorf("got %d objects, %d keys and %d intents left, want %d and none", n, len(w.recorded()), len(w.intents()), left)
			}
		})
	}
}

func TestImportAndExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	value := bytes.Repeat([]byte{7}, 32)
	for _, g := range []groups.Group{w.local, w.slot} {
		spec := keys.Spec{Name: "imported " + g.Name, Type: keys.AES, Ops: keys.OpEncrypt | keys.OpExport, Enabled: true}
		k, err := w.Keyring.Import(w.ctx, w.app, g.ID, spec, secret.New(bytes.Clone(value)))
		if apptest.Want(t, "Import", err, ""); k.Size != 256 || k.Origin != keys.OriginExternal {
			t.Errorf("got %+v, want 256 bits from outside", k)
		}
		apptest.Want(t, "Use", w.use(w.app, k), "")
		_, v, err := w.Keyring.Export(w.ctx, w.app, keyring.Descriptor{ID: k.ID})
		if g.Kind.HSM() {
			apptest.Want(t, "Export from an HSM", err, fault.Unsupported)
		} else if apptest.Want(t, "Export", err, ""); !v.Equal(secret.New(value)) {
			t.Error("the value that was exported is not the one that was imported")
		}
	}
	for what, material := range map[string][]byte{"no material": nil, "material of a wrong length": make([]byte, 31), "too much": make([]byte, keys.MaxMaterial+1)} {
		for _, g := range []groups.Group{w.local, w.slot} {
			_, err := w.Keyring.Import(w.ctx, w.app, g.ID, keys.Spec{Name: "x", Type: keys.AES, Enabled: true}, secret.New(material))
			apptest.Want(t, what, err, fault.Invalid)
		}
	}
	if n := len(w.intents()); n != 0 {
		t.Errorf("got %d intents left by refused imports, want none", n)
	}
	w.wantAgreement(0)
}

func TestWhichGroupAKeyGoesTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	if k := w.generate(groups.Group{}, aes("default")); k.Group != w.app.Default {
		t.Errorf("got group %s, want the app's default", k.Group)
	}
	elsewhere := w.AddGroup(w.AddAccount("elsewhere"), "foreign")
	member := w.User(w.account, access.AccountMember, map[id.Group]access.Permissions{w.local.ID: access.MaySign})
	for _, c := range []struct {
		what string
		who  access.Caller
		g    id.Group
		want fault.Kind
	}{
		{"no default group", w.Admin(w.account), "", fault.Invalid},
		{"an administrator", w.Admin(w.account), w.local.ID, ""},
		{"another account's group", w.app, elsewhere.ID, fault.NotFound},
		{"no group", w.app, id.Group(w.NewID()), fault.NotFound},
		{"a group that it is not in", w.App(w.account, w.slot), w.local.ID, fault.NotFound},
		{"a member who may not manage", member, w.local.ID, fault.Denied},
		{"an auditor", w.User(w.account, access.AccountAuditor, nil), w.local.ID, fault.Denied},
	} {
		_, err := w.Keyring.Generate(w.ctx, c.who, c.g, aes(c.what))
		apptest.Want(t, c.what, err, c.want)
	}
	for what, spec := range map[string]keys.Spec{
		"no name": aes(" "), "no type": {Name: "x"}, "a wrong size": {Name: "x", Type: keys.AES, Size: 100},
		"operations of another type": {Name: "x", Type: keys.AES, Size: 128, Ops: keys.OpSign},
	} {
		_, err := w.Keyring.Generate(w.ctx, w.app, w.slot.ID, spec)
		apptest.Want(t, what, err, fault.Invalid)
	}
	_, err := w.Keyring.Generate(w.ctx, w.app, w.slot.ID, aes("default"))
	apptest.Want(t, "a name that is taken", err, fault.Conflict)
	w.wantAgreement(0)
}
