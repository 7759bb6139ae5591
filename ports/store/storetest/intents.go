package storetest

import (
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/intents"
	"gatehouse/core/keys"
	"gatehouse/ports/store"
)

// create returns an intent to make a key of that name.
func (w *world) create(name string) intents.Intent {
	return intents.Intent{
		ID: id.Intent(w.uuid()), Kind: intents.Create, Account: w.account, Group: w.group, Key: id.Key(w.uuid()),
		Spec: keys.Spec{
			Name: name, Description: "d", Type: keys.RSA, Size: 2048, Curve: keys.P256, Ops: keys.OpSign | keys.OpExport,
			RSA: keys.RSAOptions{PublicExponent: 65537}, ParamSet: keys.MLKEM768, Cipher: keys.CipherOptions{Mode: "ECB", RandomIV: true},
			Paddings: keys.RSAPaddings{Encryption: keys.PaddingPolicy{Given: true}, Signature: keys.EveryPadding()}, Export: keys.ExportPolicy{Wrapped: true, Only: true, Keys: []id.Key{"e"}}, Enabled: true, ActivationDate: noon(), Deactivation: noon().AddDate(1, 0, 0),
			State: keys.PreActive, Rotation: &keys.RotationPolicy{Days: 1, EffectiveAt: noon()},
			Metadata: map[string]string{"a": "<b>"},
		},
		CopiedOf: "c", Replaces: intents.Replaced{Key: "o", Name: "old", Deactivate: true}, Deletes: true,
		Imported: true, Creator: id.Principal{Kind: id.AppPrincipal, ID: "app"}, StartedAt: noon(),
	}
}

func runIntents(t *testing.T, place func(t *testing.T) Place) {
	t.Run("come back as they were stored, the oldest first, also after a restart", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		first := w.create("first")
		first.ID = "z"
		second := intents.Intent{ID: "a", Kind: intents.Destroy, Account: w.account, Group: w.group, Key: "k", StartedAt: noon().AddDate(0, 0, -1)}
		for _, i := range []intents.Intent{first, second} {
			wantDone(t, "BeginIntent", w.BeginIntent(ctx, i))
		}
		wantDone(t, "AbandonIntent", w.AbandonIntent(ctx, first.ID))
		first.Abandoned = true
		w.reopen(t)
		list, err := w.ListIntents(ctx)
		wantDone(t, "ListIntents", err)
		want(t, "intents", list, []intents.Intent{first, second})
		wantDone(t, "EndIntent", w.EndIntent(ctx, first.ID))
		wantDone(t, "a second EndIntent", w.EndIntent(ctx, first.ID))
		wantFault(t, "AbandonIntent that is not there", w.AbandonIntent(ctx, first.ID), fault.NotFound, "intent does not exist")
		list, err = w.ListIntents(ctx)
		wantDone(t, "ListIntents", err)
		want(t, "intents left", list, []intents.Intent{second})
	})

	t.Run("keep the name for their key", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		w.addKey(t, "there")
		other := w.addKey(t, "other")
		wantFault(t, "a name that a key has", w.BeginIntent(ctx, w.create("there")), fault.Conflict, "sobject already exists")
		i := w.create("kept")
		wantDone(t, "BeginIntent", w.BeginIntent(ctx, i))
		wantFault(t, "a second intent", w.BeginIntent(ctx, w.create("kept")), fault.Conflict, "sobject already exists")
		wantFault(t, "AddKey of another", w.AddKey(ctx, w.key("kept"), ""), fault.Conflict, "sobject already exists")
		_, err := w.UpdateKey(ctx, other.ID, rename("kept"))
		wantFault(t, "UpdateKey of another", err, fault.Conflict, "sobject already exists")
		list, err := w.ListIntents(ctx)
		wantDone(t, "ListIntents", err)
		want(t, "intents", list, []intents.Intent{i})

		elsewhere := w.create("kept")
		elsewhere.Account = w.addAccount(t, "Other")
		elsewhere.Group = w.addGroup(t, elsewhere.Account, "Keys")
		wantDone(t, "the same name in another account", w.BeginIntent(ctx, elsewhere))
		destroy := w.create("there")
		destroy.Kind = intents.Destroy
		wantDone(t, "an intent to destroy, which needs no name", w.BeginIntent(ctx, destroy))
	})

	t.Run("end with the key that they were for", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		i := w.create("key")
		wantDone(t, "BeginIntent", w.BeginIntent(ctx, i))
		k := w.key("key")
		k.ID = i.Key
		wantDone(t, "AddKey", w.AddKey(ctx, k, i.ID))
		none, err := w.ListIntents(ctx)
		wantDone(t, "ListIntents", err)
		want(t, "intents after AddKey", none, []intents.Intent{})

		destroy := w.create("key")
		destroy.Kind, destroy.Key = intents.Destroy, k.ID
		wantDone(t, "BeginIntent", w.BeginIntent(ctx, destroy))
		wantDone(t, "RecordKeys", w.RecordKeys(ctx, nil, []store.KeyChange{{Key: k.ID, Change: ended(keys.Deleted)}}, destroy.ID))
		none, err = w.ListIntents(ctx)
		wantDone(t, "ListIntents", err)
		want(t, "intents after RecordKeys", none, []intents.Intent{})
	})

	t.Run("stay when their key is refused", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		there := w.addKey(t, "there")
		i := w.create("key")
		wantDone(t, "BeginIntent", w.BeginIntent(ctx, i))
		k := w.key("key")
		k.ID = there.ID
		wantFault(t, "AddKey of an id that is taken", w.AddKey(ctx, k, i.ID), fault.Conflict, "")
		gone := []store.KeyChange{{Key: "no such key", Change: ended(keys.Deleted)}}
		wantFault(t, "RecordKeys of no key", w.RecordKeys(ctx, nil, gone, i.ID), fault.NotFound, "")
		list, err := w.ListIntents(ctx)
		wantDone(t, "ListIntents", err)
		want(t, "intents", list, []intents.Intent{i})
	})

	t.Run("give the name back when they are abandoned or ended", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		abandoned, ended := w.create("a"), w.create("b")
		wantDone(t, "BeginIntent", w.BeginIntent(ctx, abandoned))
		wantDone(t, "BeginIntent", w.BeginIntent(ctx, ended))
		wantDone(t, "AbandonIntent", w.AbandonIntent(ctx, abandoned.ID))
		wantDone(t, "EndIntent", w.EndIntent(ctx, ended.ID))
		wantDone(t, "BeginIntent", w.BeginIntent(ctx, w.create("a")))
		w.addKey(t, "b")
	})

	t.Run("refer to a group of their account", func(t *testing.T) {
		w := newWorld(t, place)
		i := w.create("key")
		i.Group = "no such group"
		wantFault(t, "BeginIntent", w.BeginIntent(t.Context(), i), fault.NotFound, "group does not exist")
		wantDone(t, "AddKey of the name, which nobody keeps", w.AddKey(t.Context(), w.key("key"), ""))
	})
}
