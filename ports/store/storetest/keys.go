package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
)

// fullKey returns a key with every field set.
func (w *world) fullKey(name string) keys.Key {
	at := func(days int) time.Time { return noon().AddDate(0, 0, days) }
	return keys.Key{
		ID: id.Key(w.uuid()), Account: w.account, Group: w.group, Name: name, Description: "a <key> & more",
		Type: keys.RSA, Size: 2048, Curve: keys.P256, Ops: keys.OpSign | keys.OpVerify | keys.OpDecapsulate, State: keys.Compromised,
		Enabled: true, Origin: keys.OriginExternal, Creator: id.Principal{Kind: id.GroupPrincipal, ID: string(w.group)},
		PublicOnly: true, PublicKey: []byte{0x30, 0, 0xff}, KCV: "abcdef", RSA: keys.RSAOptions{PublicExponent: 65537},
		ParamSet: keys.MLKEM768, KCVCMAC: "0123456789", Cipher: keys.CipherOptions{Mode: "ECB", RandomIV: true},
		Paddings: keys.RSAPaddings{
			Encryption: keys.PaddingPolicy{Given: true, Rules: []keys.PaddingRule{{Padding: "OAEP", Hash: "SHA384"}, {}}},
			Signature:  keys.PaddingPolicy{Given: true}, // which allows nothing
		},
		Export:    keys.ExportPolicy{Wrapped: true, Only: true, Keys: []id.Key{"e1", "e2"}, Fixed: true},
		CreatedAt: at(0), ActivationDate: at(1), DeactivationDate: at(2), CompromiseDate: at(3), DestructionDate: at(4),
		DeletionDate:     at(7),
		RevocationReason: &keys.RevocationReason{Code: "KeyCompromise", Message: "lost", CompromiseAt: at(5)},
		Rotation: &keys.RotationPolicy{
			Months: 3, EffectiveAt: at(8), DeactivateRotated: true, Copies: keys.RotatedCopies{AllExternal: true, Select: []id.Key{"c2"}},
		},
		ScheduledRotation: at(9),
		History: []keys.HistoryItem{{ID: "h", CreatedAt: at(1), Expiry: at(30), Was: keys.Snapshot{
			State: keys.Active, Ops: keys.OpSign | keys.OpExport, PublicOnly: true, HasKey: true, Group: w.group,
			ActivationDate: at(1), DeactivationDate: at(2), CompromiseDate: at(3), DestructionDate: at(4), DeletionDate: at(5),
			RevocationReason: &keys.RevocationReason{Code: "Unspecified"}, Rotation: &keys.RotationPolicy{Days: 9, EffectiveAt: at(8)},
		}}},
		Metadata: map[string]string{"owner": "Zoë", `a"b\c.$[0]`: "<&>\u2028", "": "empty"},
		Links: keys.Links{
			Replacement: "r1", Replaced: "r2", CopiedFrom: "c1", CopiedTo: []id.Key{"c2", "c3"},
			Parent: "p", Subkeys: []id.Key{"s"}, WrappingKey: "w",
		},
		Virtual: &keys.Pointer{
			ID: []byte{0, 1, 0xff}, Label: []byte("Schlüssel \xff"), Fingerprint: []byte{9, 8}, Own: true,
			Ambiguous: true, Extractable: true, MissingSince: at(6),
		},
		Material: secret.Sealed{0, 1, 2}, Version: 7,
	}
}

// ended changes a key into one that has come to this state, without material.
func ended(s keys.State) func(keys.Key) (keys.Key, error) {
	return func(k keys.Key) (keys.Key, error) { k.State, k.Material = s, nil; return k, nil }
}

func runKeys(t *testing.T, place func(t *testing.T) Place) {
	t.Run("come back as they were stored, also after a restart", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		full, bare := w.fullKey("full"), keys.Key{ID: id.Key(w.uuid()), Account: w.account, Group: w.group, Name: "bare"}
		virtual := w.fullKey("without id and label")
		virtual.Virtual, virtual.Material = &keys.Pointer{}, nil
		epoch := w.key("of 1970")
		epoch.DeactivationDate = time.Unix(0, 0).UTC()
		all := []keys.Key{full, bare, virtual, epoch}
		for _, k := range all {
			w.mustAdd(t, k)
		}
		for _, when := range []string{"at once", "after a restart"} {
			for _, k := range all {
				got, err := w.Key(ctx, k.ID)
				wantDone(t, "Key "+when, err)
				want(t, "key "+when, got, k)
				got, err = w.KeyByName(ctx, k.Account, k.Name)
				wantDone(t, "KeyByName "+when, err)
				want(t, "key by name "+when, got, k)
			}
			w.reopen(t)
		}
		got, err := w.Key(ctx, epoch.ID)
		wantDone(t, "Key", err)
		if got.DeactivationDate.IsZero() || got.DeactivationDate.Location() != time.UTC {
			t.Errorf("got the date %v, want 1970 in UTC", got.DeactivationDate)
		}
	})

	t.Run("times keep to the microsecond and come back in UTC", func(t *testing.T) {
		w := newWorld(t, place)
		k := w.key("key")
		k.CreatedAt = noon().Add(789 * time.Nanosecond).In(time.FixedZone("elsewhere", 7200))
		w.mustAdd(t, k)
		got, err := w.Key(t.Context(), k.ID)
		wantDone(t, "Key", err)
		if !got.CreatedAt.Equal(noon()) || got.CreatedAt.Location() != time.UTC {
			t.Errorf("got %v, want %v", got.CreatedAt, noon())
		}
	})

	t.Run("that are not there are not found", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		k := w.addKey(t, "key")
		other := w.addAccount(t, "Other")
		_, err := w.Key(ctx, "no such key")
		wantFault(t, "Key", err, fault.NotFound, "sobject does not exist")
		_, err = w.KeyByName(ctx, w.account, "KEY")
		wantFault(t, "KeyByName", err, fault.NotFound, "sobject does not exist")
		_, err = w.KeyByName(ctx, other, k.Name)
		wantFault(t, "KeyByName in another account", err, fault.NotFound, "sobject does not exist")
	})

	t.Run("conflict by id and by name within the account", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		k := w.addKey(t, "key")
		again := w.key("another name")
		again.ID = k.ID
		wantFault(t, "the same id", w.AddKey(ctx, again, ""), fault.Conflict, "sobject already exists")
		again = w.key(k.Name)
		wantFault(t, "the same name", w.AddKey(ctx, again, ""), fault.Conflict, "sobject already exists")
		_, err := w.Key(ctx, again.ID)
		wantFault(t, "Key after the conflict", err, fault.NotFound, "")

		elsewhere := w.key(k.Name)
		elsewhere.Account = w.addAccount(t, "Other")
		elsewhere.Group = w.addGroup(t, elsewhere.Account, "Keys")
		wantDone(t, "the same name in another account", w.AddKey(ctx, elsewhere, ""))
	})

	t.Run("give their name back when they are deleted", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		old := w.addKey(t, "key")
		_, err := w.UpdateKey(ctx, old.ID, ended(keys.Destroyed))
		wantDone(t, "UpdateKey", err)
		wantFault(t, "a name that a destroyed key has", w.AddKey(ctx, w.key("key"), ""), fault.Conflict, "")
		_, err = w.UpdateKey(ctx, old.ID, ended(keys.Deleted))
		wantDone(t, "UpdateKey", err)
		_, err = w.KeyByName(ctx, w.account, "key")
		wantFault(t, "KeyByName of a deleted key", err, fault.NotFound, "")
		k := w.addKey(t, "key")
		got, err := w.KeyByName(ctx, w.account, "key")
		wantDone(t, "KeyByName", err)
		want(t, "key by name", got, k)
		_, err = w.UpdateKey(ctx, old.ID, ended(keys.Active))
		wantFault(t, "a deleted key that would take its name again", err, fault.Conflict, "sobject already exists")
		got, err = w.Key(ctx, old.ID)
		wantDone(t, "Key of a deleted key", err)
		want(t, "state", got.State, keys.Deleted)
	})

	t.Run("belong to a group of their own account", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		k := w.key("key")
		k.Group = "no such group"
		wantFault(t, "AddKey in no group", w.AddKey(ctx, k, ""), fault.NotFound, "group does not exist")
		other := w.addAccount(t, "Other")
		k.Group = w.addGroup(t, other, "Theirs")
		wantFault(t, "AddKey in a group of another account", w.AddKey(ctx, k, ""), fault.NotFound, "group does not exist")
		k = w.addKey(t, "mine")
		into := func(g id.Group) func(keys.Key) (keys.Key, error) {
			return func(k keys.Key) (keys.Key, error) { k.Group = g; return k, nil }
		}
		_, err := w.UpdateKey(ctx, k.ID, into("no such group"))
		wantFault(t, "UpdateKey into no group", err, fault.NotFound, "group does not exist")
		_, err = w.UpdateKey(ctx, k.ID, into(w.addGroup(t, other, "Theirs too")))
		wantFault(t, "UpdateKey into a group of another account", err, fault.NotFound, "group does not exist")

		there := w.addGroup(t, w.account, "Another")
		_, err = w.UpdateKey(ctx, k.ID, into(there))
		wantDone(t, "UpdateKey into another group", err)
		for g, holds := range map[id.Group]int{w.group: 0, there: 1} {
			n := 0
			wantDone(t, "EachKey", w.EachKey(ctx, g, func(keys.Key) error { n++; return nil }))
			want(t, "keys of a group after the move", n, holds)
		}
		wantFault(t, "DeleteGroup of the one it is in now", w.DeleteGroup(ctx, there), fault.Conflict, "")
		wantDone(t, "DeleteGroup of the one that it has left", w.DeleteGroup(ctx, w.group))
	})

	t.Run("of a group come in order of id", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		const many = 1203 // more than an implementation reads at once
		added := make([]keys.Key, many)
		var ids []id.Key
		for i := range added {
			added[i] = w.key(fmt.Sprintf("key %d", i))
			ids = append(ids, added[i].ID)
		}
		slices.Reverse(added)
		wantDone(t, "SyncKeys", w.SyncKeys(ctx, added, nil))
		elsewhere := w.key("elsewhere")
		elsewhere.Group = w.addGroup(t, w.account, "Other")
		w.mustAdd(t, elsewhere)

		var got []id.Key
		err := w.EachKey(ctx, w.group, func(k keys.Key) error {
			got = append(got, k.ID)
			if len(got)%100 == 0 { // the store may be used while it yields
				_, err := w.UpdateKey(ctx, k.ID, ended(keys.Deleted))
				return err
			}
			return nil
		})
		wantDone(t, "EachKey", err)
		want(t, "ids", got, ids)

		stop := errors.New("stop")
		calls := 0
		err = w.EachKey(ctx, w.group, func(keys.Key) error { calls++; return stop })
		if err != stop || calls != 1 { //nolint:errorlint // as it is, not wrapped
			t.Errorf("EachKey that is stopped: got %v after %d calls, want the error as it is after one", err, calls)
		}
		wantDone(t, "EachKey of no group", w.EachKey(ctx, "no such group", func(keys.Key) error { return stop }))
	})
}
