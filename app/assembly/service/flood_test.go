package service_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/app/assembly/service"
	"gatehouse/core/secret"
	"gatehouse/simulators/lab/simgateway"
	"gatehouse/simulators/tokensim"
)

// estate is a service with one gateway, an administrator and an application.
type estate struct {
	t       *testing.T
	gateway *simgateway.Gateway
	pki     simgateway.PKI
	api     http.RoundTripper
	admin   *dsmclient.Client
}

func newEstate(t *testing.T) *estate {
	t.Helper()
	ctx, log := context.WithoutCancel(t.Context()), slog.New(slog.DiscardHandler)
	e := &estate{t: t}
	var err error
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	e.pki, err = simgateway.NewPKI(filepath.Join(t.TempDir(), "pki"), "127.0.0.1")
	check(err)
	e.gateway, err = simgateway.Start(ctx, simgateway.Config{CertFile: e.pki.Gateway, CAFile: e.pki.CAFile, Log: log})
	check(err)
	t.Cleanup(func() { _ = e.gateway.Close() })
	st, ring, _, err := service.StoreConfig{DataDir: t.TempDir(), MasterKey: "file"}.OpenStore(ctx)
	check(err)
	t.Cleanup(func() { _ = st.Close() })
	svc, err := service.New(ctx, service.Outside{Store: st, Sealer: ring, Dial: service.Dialer(service.Links{}), Log: log})
	check(err)
	t.Cleanup(svc.Stop)
	password, _, err := svc.Accounts.FirstAdministrator(ctx, "main", "admin@example.com")
	check(err)
	e.api = direct{svc.Handler(log)} // without TLS: that of so many callers would be what is measured
	e.admin, err = dsmclient.New(dsmclient.Config{Endpoint: "https://gatehouse.invalid", Transport: e.api, User: "admin@example.com", Password: password})
	check(err)
	_, err = e.admin.Login(ctx)
	check(err)
	accounts, err := e.admin.Accounts(ctx)
	check(err)
	check(e.admin.SelectAccount(ctx, accounts[0].AcctID))
	return e
}

// direct hands requests to a handler in this process.
type direct struct{ to http.Handler }

// RoundTrip does a request.
func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w, in := httptest.NewRecorder(), r.Clone(r.Context())
	in.RequestURI, in.RemoteAddr = in.URL.RequestURI(), "127.0.0.1:1"
	if in.Body == nil {
		in.Body = http.NoBody
	}
	d.to.ServeHTTP(w, in)
	return w.Result(), nil
}

// group makes an HSM group over a slot of its own with one key, and returns the
// slot and a client that may use it.
func (e *estate) group(name string) (*tokensim.Slot, *dsmclient.Client) {
	e.t.Helper()
	ctx := e.t.Context()
	slot, number := e.gateway.Insert(tokensim.Options{PIN: secret.FromString("1234")})
	n, check := uint64(number), true
	g, err := e.admin.CreateGroup(ctx, dsmwire.GroupRequest{Name: &name, AddHmg: []dsmwire.HmgConfig{{
		Kind: "Softhsm", URL: e.gateway.Address, Slot: &n, PIN: dsmwire.NewSecretText(secret.FromString("1234")),
		TLS: &dsmwire.TLSConfig{
			Mode: "required", ValidateHostname: &check, CA: &dsmwire.CAConfig{Pinned: [][]byte{e.pki.CA}},
			ClientCert: e.pki.ClientCert, ClientKey: dsmwire.NewSecretBytes(secret.New(e.pki.ClientKey)),
		},
	}}})
	if err != nil {
		e.t.Fatal(err)
	}
	a, err := e.admin.CreateApp(ctx, dsmwire.AppRequest{Name: &name, AddGroups: dsmwire.AppGroups{IDs: []string{g.GroupID}}})
	if err != nil {
		e.t.Fatal(err)
	}
	key, err := e.admin.AppAPIKey(ctx, a.AppID)
	if err != nil {
		e.t.Fatal(err)
	}
	app, err := dsmclient.New(dsmclient.Config{Endpoint: "https://gatehouse.invalid", Transport: e.api, APIKey: key})
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(app.Close)
	if _, err := app.Login(ctx); err != nil {
		e.t.Fatal(err)
	}
	if _, err := app.Generate(ctx, dsmwire.SobjectRequest{Name: &name, GroupID: &g.GroupID, ObjType: "EC", EllipticCurve: "NistP256"}); err != nil {
		e.t.Fatal(err)
	}
	return slot, app
}

// use is one signature that an application asked for.
type use struct {
	status int
	retry  string
	took   time.Duration
}

// sign asks for a signature.
func sign(ctx context.Context, t *testing.T, app *dsmclient.Client, key string) use {
	t.Helper()
	body := fmt.Sprintf(`{"key":{"name":%q},"hash_alg":"SHA256","data":"aGVsbG8="}`, key)
	begun := time.Now()
	r, err := app.Raw(ctx, http.MethodPost, "/crypto/v1/sign", []byte(body))
	if err != nil {
		t.Error(err)
	}
	return use{r.Status, r.Header.Get("Retry-After"), time.Since(begun)}
}

// TestFloodOverASlowHSM: who asks more of an HSM than it can do is told so at
// once, and when to come back; others do not notice.
func TestFloodOverASlowHSM(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	slow, flooding := e.group("slow")
	_, others := e.group("others")
	slow.Fail(tokensim.Fault{Call: tokensim.Operate, Delay: 500 * time.Millisecond, Stays: true}) // 64 a second

	// The pace is known from here on.
	var warm sync.WaitGroup
	for range 64 {
		warm.Go(func() { sign(t.Context(), t, flooding, "slow") })
	}
	warm.Wait()

	const callers = 900
	var uses [callers]use
	var flood, beside sync.WaitGroup
	var quick []use
	done := make(chan struct{})
	beside.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
				quick = append(quick, sign(t.Context(), t, others, "others"))
			}
		}
	})
	for i := range callers {
		flood.Go(func() { uses[i] = sign(t.Context(), t, flooding, "slow") })
	}
	flood.Wait()
	close(done)
	beside.Wait()

	var served, refused []time.Duration
	for _, u := range uses {
		seconds, err := strconv.Atoi(u.retry)
		switch {
		case u.status == http.StatusOK:
			served = append(served, u.took)
		case u.status == http.StatusServiceUnavailable && err == nil && seconds >= 1 && seconds <= 30:
			refused = append(refused, u.took)
		default:
			t.Errorf("got %d with Retry-After %q, want a signature, or 503 and when to try again", u.status, u.retry)
		}
	}
	if len(refused) < 100 || len(served) < 32 {
		t.Fatalf("%d were served and %d refused, want both", len(served), len(refused))
	}
	slices.Sort(refused)
	slices.Sort(served)
	var worst time.Duration
	for _, u := range quick {
		if u.status != http.StatusOK {
			t.Errorf("another group: got %d, want a signature", u.status)
		}
		worst = max(worst, u.took)
	}
	t.Logf("%d served within %v; %d refused, half of them within %v, all within %v; beside them %d of another group, the slowest in %v",
		len(served), served[len(served)-1], len(refused), refused[len(refused)/2], refused[len(refused)-1], len(quick), worst)
	if got := refused[len(refused)/2]; got > 2*time.Second {
		t.Errorf("half of the refusals took %v or longer, want them soon", got)
	}
	if last := served[len(served)-1]; last > 10*time.Second {
		t.Errorf("a signature took %v, want nobody to wait that long", last)
	}
}
