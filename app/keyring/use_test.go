package keyring_test

import (
	"slices"
	"testing"
	"time"

	"gatehouse/app/internal/apptest"
	"gatehouse/app/keyring"
	"gatehouse/core/access"
	"gatehouse/core/audit"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/simulators/storesim"
	"gatehouse/simulators/tokensim"
)

// Every refusal of a use, in both kinds of groups, with what is recorded of it.
func TestUseIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	for _, g := range []groups.Group{w.local, w.slot} {
		key := func(name string, change func(*keys.Spec)) keys.Key {
			spec := aes(name + " " + g.Name)
			change(&spec)
			return w.generate(g, spec)
		}
		for _, c := range []struct {
			what string
			k    keys.Key
			who  access.Caller
			want fault.Kind
		}{
			{"as it should be", key("works", func(*keys.Spec) {}), w.app, ""},
			{"a disabled key", key("disabled", func(s *keys.Spec) { s.Enabled = false }), w.app, fault.BadState},
			{"a key that is not active yet", key("early", func(s *keys.Spec) { s.ActivationDate = w.Now().Add(time.Hour) }), w.app, fault.BadState},
			{"a key that is deactivated", key("late", func(s *keys.Spec) { s.Deactivation = w.Now() }), w.app, fault.BadState},
			{"what the key does not permit", key("other", func(s *keys.Spec) { s.Ops = keys.OpDecrypt }), w.app, fault.Denied},
			{"what the app may not do", key("app", func(*keys.Spec) {}), access.Caller{
				Principal: w.app.Principal, Account: w.account, Role: access.CryptoApp, Groups: map[id.Group]access.Permissions{g.ID: access.MayDecrypt},
			}, fault.Denied},
			{"by an administrator", key("admin", func(*keys.Spec) {}), w.Admin(w.account), fault.Denied},
			{"by an auditor", key("auditor", func(*keys.Spec) {}), w.User(w.account, access.AccountAuditor, nil), fault.Denied},
		} {
			got := w.Records(func() { apptest.Want(t, c.what, w.use(c.who, c.k), c.want) })
			outcome := audit.Refused
			if c.want == "" {
				outcome = audit.Done
			}
			if len(got) != 1 || got[0].Outcome != outcome || got[0].Action != "encrypt" || got[0].Object != string(c.k.ID) ||
				got[0].Group != g.ID || got[0].Account != w.account || got[0].Actor != c.who.Principal {
				t.Errorf("%s: got the records %+v, want one of an encryption %s", c.what, got, outcome)
			}
		}
		k := key("mode", func(*keys.Spec) {})
		_, res, err := w.Keyring.Use(w.ctx, w.app, keyring.Descriptor{ID: k.ID}, func(keys.Key) (operations.Operation, error) {
			return operations.Sign{Hash: operations.SHA256, Input: []byte("x")}, nil
		})
		if apptest.Want(t, "an operation of another type", err, fault.Denied); res.Output != nil {
			t.Error("got a result of what was refused")
		}
		wrong := fault.New(fault.Invalid, "iv must be 12 bytes")
		got := w.Recorded(func() {
			_, _, err = w.Keyring.Use(w.ctx, w.app, keyring.Descriptor{ID: k.ID}, func(keys.Key) (operations.Operation, error) { return nil, wrong })
		})
		if apptest.Want(t, "what cannot be built", err, fault.Invalid); !slices.Equal(got, []string{"refused key use"}) {
			t.Errorf("got the records %q, want it refused", got)
		}
	}
	w.HSM.Fail(tokensim.Fault{Call: tokensim.Operate, Err: lost(), Stays: true})
	k := w.generate(w.slot, aes("unreachable"))
	got := w.Recorded(func() { apptest.Want(t, "an HSM that fails", w.use(w.app, k), fault.Unavailable) })
	if !slices.Equal(got, []string{"failed encrypt"}) {
		t.Errorf("got the records %q, want it failed", got)
	}
	w.HSM.Clear()
}

func TestAResultIsReleasedWhenItIsRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	for _, g := range []groups.Group{w.local, w.slot} {
		spec := aes("quiet " + g.Name)
		spec.Ops = keys.OpEncrypt | keys.OpExport
		k := w.generate(g, spec)
		spec.Name, spec.Ops = "high volume "+g.Name, spec.Ops|keys.OpHighVolume
		loud := w.generate(g, spec)

		w.Store.Fail(storesim.Fault{Call: "AppendAudit", Stays: true, Err: storesim.Lost()})
		got, res, err := w.Keyring.Use(w.ctx, w.app, keyring.Descriptor{ID: k.ID}, useful)
		if apptest.Want(t, "Use", err, fault.Unavailable); res.Output != nil || got.ID != "" {
			t.Error("a result was released that is not recorded")
		}
		_, v, err := w.Keyring.Export(w.ctx, w.app, keyring.Descriptor{ID: k.ID})
		if err == nil || !v.Empty() {
			t.Error("a value was released that is not recorded")
		}
		_, _, err = w.Keyring.Use(w.ctx, w.app, keyring.Descriptor{ID: loud.ID}, useful)
		apptest.Want(t, "HIGHVOLUME, which needs no record", err, "")
		w.Store.Clear()

		records := w.Recorded(func() { apptest.Want(t, "HIGHVOLUME", w.use(w.app, loud), "") })
		if len(records) != 0 {
			t.Errorf("HIGHVOLUME: got the records %q, want none", records)
		}
		records = w.Recorded(func() { apptest.Want(t, "HIGHVOLUME refused", w.use(w.Admin(w.account), loud), fault.Denied) })
		if !slices.Equal(records, []string{"refused encrypt"}) {
			t.Errorf("HIGHVOLUME refused: got the records %q, want the refusal", records)
		}
	}
	records := w.Recorded(func() {
		k := w.generate(w.local, keys.Spec{Name: "exported", Type: keys.AES, Size: 128, Ops: keys.OpExport | keys.OpHighVolume, Enabled: true})
		_, _, err := w.Keyring.Export(w.ctx, w.app, keyring.Descriptor{ID: k.ID})
		apptest.Want(t, "Export", err, "")
	})
	if want := []string{"begun key generate", "done key generate", "done key export"}; !slices.Equal(records, want) {
		t.Errorf("got the records %q, want %q: HIGHVOLUME is about uses", records, want)
	}
}

func TestNothingIsChangedUnrecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{WriteBack: true})
	for _, g := range []groups.Group{w.local, w.slot} {
		k := w.generate(g, aes("k "+g.Name))
		w.Store.Fail(storesim.Fault{Call: "AppendAudit", Stays: true, Err: storesim.Lost()})
		writes, objects := w.Store.Writes(), len(w.HSM.Objects())
		_, err := w.Keyring.Generate(w.ctx, w.app, g.ID, aes("x"))
		apptest.Want(t, "Generate", err, fault.Unavailable)
		_, err = w.Keyring.Update(w.ctx, w.app, k.ID, keyring.Change{Name: ptr("x")})
		apptest.Want(t, "Update", err, fault.Unavailable)
		apptest.Want(t, "Delete", w.Keyring.Delete(w.ctx, w.app, k.ID), fault.Unavailable)
		if n, m := w.Store.Writes()-writes, len(w.HSM.Objects())-objects; n != 0 || m != 0 {
			t.Errorf("got %d writes and %d objects, want none", n, m)
		}
		w.Store.Clear()
	}
	w.wantAgreement(0)
}

// Whoever may not manage a key is told so, or that there is none, and it is recorded.
func TestChangesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	for _, g := range []groups.Group{w.local, w.slot} {
		spec := aes("k " + g.Name)
		spec.Ops = keys.OpEncrypt // not APPMANAGEABLE
		k := w.generate(g, spec)
		for what, c := range map[string]access.Caller{
			"an app and a key that is not APPMANAGEABLE": w.app,
			"an auditor":                  w.User(w.account, access.AccountAuditor, nil),
			"a member who may not manage": w.User(w.account, access.AccountMember, map[id.Group]access.Permissions{g.ID: access.MaySign}),
		} {
			got := w.Recorded(func() {
				_, err := w.Keyring.Update(w.ctx, c, k.ID, keyring.Change{Name: ptr("x")})
				apptest.Want(t, "Update by "+what, err, fault.Denied)
				apptest.Want(t, "Delete by "+what, w.Keyring.Delete(w.ctx, c, k.ID), fault.Denied)
			})
			if want := []string{"begun key update", "refused key update", "begun key delete", "refused key delete"}; !slices.Equal(got, want) {
				t.Errorf("%s: got the records %q, want %q", what, got, want)
			}
		}
		apptest.Want(t, "Delete by an administrator", w.Keyring.Delete(w.ctx, w.Admin(w.account), k.ID), "")
	}
}
