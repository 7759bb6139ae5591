package service_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gatehouse/app/accounts"
	"gatehouse/app/assembly/service"
	"gatehouse/app/slotkeys"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

// unreachable is a way to HSMs that leads nowhere.
func unreachable(context.Context, groups.Connection, slotkeys.Access) (token.Token, error) {
	return nil, fault.New(fault.Unavailable, "no HSM here").Because(fault.Refused)
}

// open opens the store of cfg with a service over it, and returns it with its
// first administrator.
func open(t *testing.T, cfg service.StoreConfig) (*service.Service, access.Caller, func()) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	st, ring, _, err := cfg.OpenStore(ctx)
	if err != nil {
		t.Fatal(err)
	}
	svc, err := service.New(ctx, service.Outside{Store: st, Sealer: ring, Dial: unreachable})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := svc.Accounts.FirstAdministrator(ctx, "main", "admin@example.com"); err != nil {
		t.Fatal(err)
	}
	users, err := st.ListUsers(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	admin := access.Caller{Principal: id.Principal{Kind: id.UserPrincipal, ID: string(users[0].ID)}, Role: access.AccountAdmin}
	for a := range users[0].Accounts {
		admin.Account = a
	}
	return svc, admin, func() {
		svc.Stop()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestRotateMasterKey(t *testing.T) {
	t.Parallel()
	cfg := service.StoreConfig{DataDir: t.TempDir(), MasterKey: "file"}
	ctx := t.Context()

	svc, admin, stop := open(t, cfg)
	app, err := svc.Accounts.CreateApp(ctx, admin, accounts.NewApp{Name: "billing", Role: access.CryptoApp})
	if err != nil {
		t.Fatal(err)
	}
	before, err := svc.Accounts.Credential(ctx, admin, app.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cfg.RotateMasterKey(ctx); !errors.Is(err, fault.Unavailable) {
		t.Errorf("got %v while the service has the store, want a refusal", err)
	}
	stop()

	keyFile := filepath.Join(cfg.DataDir, "master.key")
	old, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	resealed, err := cfg.RotateMasterKey(ctx)
	if err != nil || resealed != 2 { // the app's secret and the store's check value
		t.Fatalf("got %d re-sealed and error %v, want 2", resealed, err)
	}

	svc, admin, stop = open(t, cfg)
	after, err := svc.Accounts.Credential(ctx, admin, app.ID)
	if err != nil || !after.Equal(before) {
		t.Errorf("got another credential or error %v, want the one from before the rotation", err)
	}
	stop()

	if err := os.WriteFile(keyFile, old, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := cfg.OpenStore(ctx); err == nil {
		t.Error("got the store open with the old master key, want a refusal")
	}
	if err := os.Remove(keyFile); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := cfg.OpenStore(ctx); !errors.Is(err, fault.Invalid) {
		t.Errorf("got %v without the key file, want a refusal that says so, and no new key", err)
	}
	if _, err := os.Stat(keyFile); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got a new key file (%v), want none: it would open nothing", err)
	}
}

func TestPassphrase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "passphrase")
	cfg := service.StoreConfig{DataDir: filepath.Join(dir, "data"), MasterKey: "passphrase", PassphraseFile: file}
	write := func(passphrase string) {
		if err := os.WriteFile(file, []byte(passphrase+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("correct horse battery staple")
	_, _, stop := open(t, cfg)
	stop()
	_, _, stop = open(t, cfg) // the same passphrase opens it again
	stop()
	write("incorrect horse battery staple")
	if _, _, _, err := cfg.OpenStore(t.Context()); err == nil {
		t.Error("got the store open with another passphrase, want a refusal")
	}
}

// The password is told once: a second start makes no administrator and tells nothing.
func TestFirstPasswordIsShownOnce(t *testing.T) {
	t.Parallel()
	cfg := service.StoreConfig{DataDir: t.TempDir(), MasterKey: "file"}
	svc, _, stop := open(t, cfg)
	defer stop()
	password, made, err := svc.Accounts.FirstAdministrator(t.Context(), "main", "admin@example.com")
	if err != nil || made || !password.Equal(secret.Value{}) {
		t.Errorf("got made %t and error %v at the second start, want no administrator and no password", made, err)
	}
}
