package restapi_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/adapters/restapi"
	"gatehouse/adapters/seal"
	"gatehouse/adapters/softkeys"
	"gatehouse/adapters/sqlstore"
	"gatehouse/app/accounts"
	"gatehouse/app/catalogue"
	"gatehouse/app/grouping"
	"gatehouse/app/keyring"
	"gatehouse/app/ledger"
	"gatehouse/app/sessions"
	"gatehouse/app/slotkeys"
	"gatehouse/app/syncing"
	"gatehouse/core/groups"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
	"gatehouse/ports/token"
	"gatehouse/simulators/tokensim"
)

// world is a service over a database on disk, sealed for real, and one HSM in
// memory behind every connection; it is asked over TLS. Ids count up and the
// clock stands still until it is moved, so that replies can be compared.
type world struct {
	tb     testing.TB
	hsm    *tokensim.Slot
	server *httptest.Server
	log    *logBook
	now    atomic.Pointer[time.Time]

	transport http.RoundTripper

	admin *dsmclient.Client // an administrator with a session in the account
	app   *dsmclient.Client // an app that may do everything in both groups
	local string            // an ordinary group, the app's default
	slot  string            // an HSM group
}

const (
	hsmPIN     = "the PIN of the simulated HSM"
	adminEmail = "admin@gatehouse.example"
)

// beginning is where the clock stands at first.
var beginning = time.Date(2026, 11, 21, 21, 30, 0, 0, time.UTC)

func newWorld(tb testing.TB) *world {
	tb.Helper()
	return newWorldWith(tb, restapi.Config{})
}

// newWorldWith is newWorld with other limits.
func newWorldWith(tb testing.TB, cfg restapi.Config) *world {
	tb.Helper()
	ctx := tb.Context()
	w := &world{tb: tb, hsm: tokensim.New(tokensim.Options{PIN: secret.FromString(hsmPIN), Slot: 7, Label: "simulated"}), log: &logBook{}}
	w.now.Store(&beginning)
	handler, password := w.service(ctx, cfg)
	w.server = httptest.NewTLSServer(handler)
	tb.Cleanup(w.server.Close)
	w.transport = checked(tb, w.server.Client().Transport)

	w.admin = w.client(dsmclient.Config{User: adminEmail, Password: password})
	_, err := w.admin.Login(ctx)
	must(tb, err)
	accts, err := w.admin.Accounts(ctx)
	must(tb, err)
	must(tb, w.admin.SelectAccount(ctx, accts[0].AcctID))

	local, err := w.admin.CreateGroup(ctx, dsmwire.GroupRequest{Name: ptr("ordinary")})
	must(tb, err)
	slot, err := w.admin.CreateGroup(ctx, dsmwire.GroupRequest{Name: ptr("hsm"), AddHmg: []dsmwire.HmgConfig{{
		Kind: "Softhsm", URL: "gateway.example", Slot: ptr(uint64(7)), PIN: dsmwire.NewSecretText(secret.FromString(hsmPIN)),
		TLS: &dsmwire.TLSConfig{Mode: "required", ValidateHostname: ptr(true), CA: &dsmwire.CAConfig{CASet: dsmwire.GlobalRoots}},
	}}})
	must(tb, err)
	w.local, w.slot = local.GroupID, slot.GroupID
	w.app = w.newApp("app", map[string][]string{w.local: everyPermission, w.slot: everyPermission})
	return w
}

var everyPermission = []string{
	"SIGN", "VERIFY", "ENCRYPT", "DECRYPT", "MACGENERATE", "MACVERIFY", "EXPORT", "MANAGE",
	"WRAPKEY", "UNWRAPKEY", "DERIVEKEY", "AGREEKEY", "ENCAPSULATE", "DECAPSULATE",
}

// newApp makes an app and returns a client that calls as it.
func (w *world) newApp(name string, groups map[string][]string) *dsmclient.Client {
	w.tb.Helper()
	ctx := w.tb.Context()
	request := dsmwire.AppRequest{Name: &name, AddGroups: dsmwire.AppGroups{Permissions: groups}}
	if _, in := groups[w.local]; in {
		request.DefaultGroup = &w.local
	}
	app, err := w.admin.CreateApp(ctx, request)
	must(w.tb, err)
	key, err := w.admin.AppAPIKey(ctx, app.AppID)
	must(w.tb, err)
	c := w.client(dsmclient.Config{APIKey: key})
	_, err = c.Login(ctx)
	must(w.tb, err)
	return c
}

// authorization returns the header that the app's requests carry.
func (w *world) authorization() string {
	return "Bearer " + string(w.app.Token().Reveal(reveal.Permit{}))
}

// client returns a client of the service.
func (w *world) client(cfg dsmclient.Config) *dsmclient.Client {
	w.tb.Helper()
	cfg.Endpoint, cfg.Transport = w.server.URL, w.transport
	c, err := dsmclient.New(cfg)
	must(w.tb, err)
	w.tb.Cleanup(c.Close)
	return c
}

// service makes the service and its first administrator.
func (w *world) service(ctx context.Context, cfg restapi.Config) (http.Handler, secret.Value) {
	w.tb.Helper()
	st, err := sqlstore.Open(ctx, sqlstore.Options{Path: filepath.Join(w.tb.TempDir(), "gatehouse.db")})
	must(w.tb, err)
	w.tb.Cleanup(func() { must(w.tb, st.Close()) })
	master := make([]byte, seal.KeySize)
	_, _ = rand.Read(master)
	ring, err := seal.NewRing(secret.New(master))
	must(w.tb, err)

	now := func() time.Time { return *w.now.Load() }
	var count atomic.Int64
	newID := func() string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", count.Add(1)) }
	cat := catalogue.New(st)
	led := ledger.New(cat, now, newID)
	dial := func(ctx context.Context, _ groups.Connection, a slotkeys.Access) (token.Token, error) {
		return w.hsm.Open(ctx, a.PIN)
	}
	slots := slotkeys.New(dial, ring, slotkeys.Config{Now: now, Shuffle: func(int, func(i, j int)) {}, Normalise: softkeys.Normalise, AsData: softkeys.AsData})
	w.tb.Cleanup(slots.Close)
	parcels := seal.NewParcels(ring)
	keys := keyring.New(cat, led, softkeys.New(ring, softkeys.Config{}), slots, keyring.Config{
		Now: now, NewID: newID, Random: rand.Reader,
		Loose: softkeys.New(parcels, softkeys.Config{}), Pack: parcels.Pack, Unpack: parcels.Unpack,
	})
	people := accounts.New(cat, ring, led, accounts.Config{Now: now, NewID: newID, Random: rand.Reader, HashPassword: quickHash})
	password, _, err := people.FirstAdministrator(ctx, "main", adminEmail)
	must(w.tb, err)
	cfg.Version, cfg.Now = "1.2.3", time.Now
	if _, benchmark := w.tb.(*testing.B); benchmark {
		cfg.Log = slog.New(slog.DiscardHandler)
	} else {
		cfg.Log = slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return restapi.New(restapi.Services{
		Sessions: sessions.New(cat, ring, led, sessions.Config{Now: now, Random: rand.Reader, CheckPassword: quickCheck, DummyHash: "nobody's"}),
		Accounts: people,
		Grouping: grouping.New(cat, ring, led, slots, grouping.Config{Now: now, NewID: newID}),
		Keyring:  keys,
		Syncing:  syncing.New(cat, led, slots, keys, syncing.Config{Now: now, NewID: newID}),
	}, cfg), password
}

// ask sends a body as it is as the app, and returns status and reply.
func (w *world) ask(method, target, body string) (status int, reply string) {
	w.tb.Helper()
	return askAs(w.tb, w.app, method, target, body)
}

func askAs(tb testing.TB, c *dsmclient.Client, method, target, body string) (status int, reply string) {
	tb.Helper()
	var b []byte
	if body != "" {
		b = []byte(body)
	}
	raw, err := c.Raw(tb.Context(), method, target, b)
	must(tb, err)
	return raw.Status, string(raw.Body)
}

// generate makes a key as the app.
func (w *world) generate(r dsmwire.SobjectRequest) dsmwire.Sobject {
	w.tb.Helper()
	k, err := w.app.Generate(w.tb.Context(), r)
	must(w.tb, err)
	return k
}

// quickHash and quickCheck stand in for package passwords, which takes its time.
func quickHash(password secret.Value) (string, error) {
	sum := password.Digest()
	return hex.EncodeToString(sum[:]), nil
}

func quickCheck(hash string, password secret.Value) bool {
	got, err := quickHash(password)
	return err == nil && got == hash
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func ptr[T any](v T) *T { return &v }

// decoded reads JSON that a reply must hold.
func decoded[T any](tb testing.TB, reply string) T {
	tb.Helper()
	var v T
	if err := json.Unmarshal([]byte(reply), &v); err != nil {
		tb.Fatalf("%v in %s", err, reply)
	}
	return v
}

// move lets time pass; sessions live for ten minutes.
func (w *world) move(d time.Duration) { w.now.Store(ptr(w.now.Load().Add(d))) }
