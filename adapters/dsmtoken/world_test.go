package dsmtoken_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmtoken"
	"gatehouse/adapters/dsmwire"
	"gatehouse/app/assembly/service"
	"gatehouse/core/secret"
	"gatehouse/ports/token/tokentest"
)

// other is another service: a Gatehouse as it ships, over TLS, with an app
// whose keys are used from outside, and somebody who works beside it.
type other struct {
	t      *testing.T
	server *httptest.Server
	admin  *dsmclient.Client
	beside *dsmclient.Client // another app of the same group
	group  string
	apiKey secret.Value

	mu       sync.Mutex
	fail     tokentest.Call // its next request is done, and its answer lost
	hang     tokentest.Call // its next request hangs
	reached  chan struct{}
	released chan struct{}
	sessions map[string]bool // Authorization headers of sessions seen
	logins   int
}

const administrator = "admin@other.example"

func newOther(t *testing.T) *other {
	t.Helper()
	ctx := t.Context()
	st, ring, _, err := service.StoreConfig{DataDir: filepath.Join(t.TempDir(), "data"), MasterKey: "file"}.OpenStore(ctx)
	must(t, err)
	t.Cleanup(func() { must(t, st.Close()) })
	svc, err := service.New(ctx, service.Outside{Store: st, Sealer: ring, Dial: service.Dialer(service.Links{})})
	must(t, err)
	t.Cleanup(svc.Stop)
	password, _, err := svc.Accounts.FirstAdministrator(ctx, "main", administrator)
	must(t, err)
	o := &other{t: t, sessions: map[string]bool{}}
	o.server = httptest.NewTLSServer(o.tampering(svc.Handler(slog.New(slog.DiscardHandler))))
	t.Cleanup(o.server.Close)

	o.admin = o.client(dsmclient.Config{User: administrator, Password: password})
	_, err = o.admin.Login(ctx)
	must(t, err)
	accounts, err := o.admin.Accounts(ctx)
	must(t, err)
	must(t, o.admin.SelectAccount(ctx, accounts[0].AcctID))
	name := "keys for others"
	g, err := o.admin.CreateGroup(ctx, dsmwire.GroupRequest{Name: &name})
	must(t, err)
	o.group = g.GroupID
	o.apiKey = o.newApp("the app")
	o.beside = o.client(dsmclient.Config{APIKey: o.newApp("somebody else")})
	return o
}

var everyPermission = []string{
	"SIGN", "VERIFY", "ENCRYPT", "DECRYPT", "WRAPKEY", "UNWRAPKEY", "DERIVEKEY", "AGREEKEY", "MACGENERATE", "MACVERIFY", "EXPORT", "MANAGE",
}

// newApp makes an app of the group and returns its API key.
func (o *other) newApp(name string) secret.Value {
	o.t.Helper()
	ctx := o.t.Context()
	app, err := o.admin.CreateApp(ctx, dsmwire.AppRequest{
		Name: &name, DefaultGroup: &o.group, AddGroups: dsmwire.AppGroups{Permissions: map[string][]string{o.group: everyPermission}},
	})
	must(o.t, err)
	key, err := o.admin.AppAPIKey(ctx, app.AppID)
	must(o.t, err)
	return key
}

// address is where the service listens.
func (o *other) address() string { return strings.TrimPrefix(o.server.URL, "https://") }

// trust trusts the service's certificate.
func (o *other) trust() *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(o.server.Certificate())
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

func (o *other) client(cfg dsmclient.Config) *dsmclient.Client {
	o.t.Helper()
	cfg.Endpoint, cfg.TLS = o.server.URL, o.trust()
	c, err := dsmclient.New(cfg)
	must(o.t, err)
	o.t.Cleanup(c.Close)
	return c
}

// dial opens the token with an API key.
func (o *other) dial(ctx context.Context, key secret.Value) (*dsmtoken.Token, error) {
	return dsmtoken.Dial(ctx, dsmtoken.Config{Address: o.address(), TLS: o.trust(), APIKey: key, Software: "gatehouse test"})
}

// open is dial with the right one.
func (o *other) open(t *testing.T) *dsmtoken.Token {
	t.Helper()
	tok, err := o.dial(t.Context(), o.apiKey)
	must(t, err)
	return tok
}

// callOf tells which method of the port a request is the act of.
func callOf(r *http.Request) tokentest.Call {
	path := r.URL.Path
	switch {
	case path == "/sys/v1/health":
		return tokentest.Check
	case path == "/crypto/v1/keys" && r.Method == http.MethodGet:
		return tokentest.Inventory
	case path == "/crypto/v1/keys" && r.Method == http.MethodPost:
		return tokentest.Generate
	case path == "/crypto/v1/keys" && r.Method == http.MethodPut:
		return tokentest.Import
	case strings.HasPrefix(path, "/crypto/v1/keys/") && r.Method == http.MethodPatch:
		return tokentest.Update
	case strings.HasPrefix(path, "/crypto/v1/keys/") && r.Method == http.MethodDelete:
		return tokentest.Destroy
	case path == "/crypto/v1/wrapkey":
		return tokentest.Wrap
	case path == "/crypto/v1/unwrapkey":
		return tokentest.Unwrap
	case path == "/crypto/v1/derive", path == "/crypto/v1/agree":
		return tokentest.Derive
	case strings.HasPrefix(path, "/crypto/v1/") && !strings.HasPrefix(path, "/crypto/v1/keys"):
		return tokentest.Operate
	default:
		return ""
	}
}

// tampering stands between the service and who uses it from outside.
func (o *other) tampering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(dsmwire.ForwardedHeader) == "" { // not one of the token's
			next.ServeHTTP(w, r)
			return
		}
		call := callOf(r)
		o.mu.Lock()
		if r.URL.Path == "/sys/v1/session/auth" {
			o.logins++
		}
		if auth := r.Header.Get("Authorization"); strings.HasPrefix(auth, "Bearer ") {
			o.sessions[auth] = true
		}
		fails, hangs := call != "" && call == o.fail, call != "" && call == o.hang
		if fails {
			o.fail = ""
		}
		reached, released := o.reached, o.released
		if hangs {
			o.hang = ""
		}
		o.mu.Unlock()
		switch {
		case hangs:
			close(reached)
			select {
			case <-released:
				next.ServeHTTP(w, r)
			case <-r.Context().Done():
				panic(http.ErrAbortHandler) // to return would be to answer 200
			}
		case fails:
			next.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// loseAnswer makes the next such request be done, and its answer be lost.
func (o *other) loseAnswer(c tokentest.Call) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fail = c
}

// seenLogins is how often the token has logged in.
func (o *other) seenLogins() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.logins
}

// endSessions ends the sessions that the token has.
func (o *other) endSessions(t *testing.T) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for header := range o.sessions {
		c := o.client(dsmclient.Config{Bearer: secret.FromString(strings.TrimPrefix(header, "Bearer "))})
		_ = c.Logout(t.Context()) // it may have ended already
	}
	clear(o.sessions)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
