package dsmtoken_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/ports/token/tokentest"
)

// linked makes a group of o whose keys are in another service, and returns an
// app of it.
func (o *other) linked(t *testing.T, name string, to *other, key secret.Value) (group string, app *dsmclient.Client) {
	t.Helper()
	ctx := t.Context()
	g, err := o.admin.CreateGroup(ctx, dsmwire.GroupRequest{Name: &name, AddHmg: []dsmwire.HmgConfig{{
		Kind: "fortanix", URL: "https://" + to.address() + "/", PIN: dsmwire.NewSecretText(key),
		TLS: &dsmwire.TLSConfig{Mode: "required", CA: &dsmwire.CAConfig{Pinned: [][]byte{to.server.Certificate().Raw}}},
	}}})
	must(t, err)
	appName := "app of " + name
	a, err := o.admin.CreateApp(ctx, dsmwire.AppRequest{
		Name: &appName, DefaultGroup: &g.GroupID, AddGroups: dsmwire.AppGroups{Permissions: map[string][]string{g.GroupID: everyPermission}},
	})
	must(t, err)
	own, err := o.admin.AppAPIKey(ctx, a.AppID)
	must(t, err)
	return g.GroupID, o.client(dsmclient.Config{APIKey: own})
}

// A key whose answer was lost is recorded all the same, and is one key there.
func TestAServiceRecoversAKeyWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	here, there := newOther(t), newOther(t)
	_, app := here.linked(t, "remote", there, there.apiKey)
	for _, call := range []tokentest.Call{tokentest.Generate, tokentest.Import} {
		name := "made by " + string(call)
		r := dsmwire.SobjectRequest{Name: &name, ObjType: "AES", KeySize: ptr(uint32(256))}
		make := app.Generate
		if call == tokentest.Import {
			r.KeySize, r.Value = nil, dsmwire.NewSecretBytes(secret.New([]byte("0123456789abcdef")))
			make = app.Import
		}
		there.loseAnswer(call)
		k, err := make(t.Context(), r)
		must(t, err)
		theirs, err := there.beside.Key(t.Context(), dsmclient.ByName(name))
		must(t, err)
		if k.External == nil || k.External.ID.KID != theirs.KID {
			t.Errorf("%s: got %+v, want a virtual key of %s", call, k.External, theirs.KID)
		}
		_, err = app.Encrypt(t.Context(), dsmwire.EncryptRequest{
			Key: &dsmwire.SobjectDescriptor{KID: k.KID}, Alg: "AES", Mode: &dsmwire.Mode{Name: "CBC"}, Plain: []byte("x"),
		})
		must(t, err)
	}
}

// A service that is linked to itself, and two that are linked to each other,
// answer at once, and a sync takes in nothing twice.
func TestCirclesEnd(t *testing.T) {
	t.Parallel()
	one, two := newOther(t), newOther(t)
	itself, selfApp := one.linked(t, "itself", one, one.apiKey)
	key, err := one.admin.CreateApp(t.Context(), dsmwire.AppRequest{
		Name: ptr("in a circle"), DefaultGroup: &itself, AddGroups: dsmwire.AppGroups{Permissions: map[string][]string{itself: everyPermission}},
	})
	must(t, err)
	circle, err := one.admin.AppAPIKey(t.Context(), key.AppID)
	must(t, err)
	round, app := two.linked(t, "round", one, circle)

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err = app.Generate(ctx, dsmwire.SobjectRequest{Name: ptr("echo"), ObjType: "AES", KeySize: ptr(uint32(256))})
	if !errors.Is(err, fault.Unsupported) {
		t.Errorf("a key that would be made in a third service: got %v, want it refused", err)
	}
	_, err = one.beside.Generate(ctx, dsmwire.SobjectRequest{Name: ptr("payroll"), ObjType: "AES", KeySize: ptr(uint32(256))})
	must(t, err)
	for i, want := range []int{1, 0, 0} {
		added, err := one.admin.Scan(ctx, itself)
		must(t, err)
		if len(added) != want {
			t.Errorf("sync %d of the service with itself: got %d new keys, want %d", i+1, len(added), want)
		}
	}
	added, err := two.admin.Scan(ctx, round)
	must(t, err)
	if len(added) != 0 {
		t.Errorf("got %d new keys, want none of those that the other service has from elsewhere", len(added))
	}
	mirrored, err := selfApp.Keys(ctx, dsmclient.KeyQuery{GroupID: itself})
	must(t, err)
	if len(mirrored) != 1 {
		t.Fatalf("got %d virtual keys, want one", len(mirrored))
	}
	_, err = selfApp.Encrypt(ctx, dsmwire.EncryptRequest{
		Key: &dsmwire.SobjectDescriptor{KID: mirrored[0].KID}, Alg: "AES", Mode: &dsmwire.Mode{Name: "CBC"}, Plain: []byte("x"),
	})
	if err != nil {
		t.Errorf("using a key of the service itself: got %v, want it used", err)
	}
}
