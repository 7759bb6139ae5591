package dsmclient_test

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

// service answers as a test tells it, and notes what it is asked.
type service struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string // method, request URI, authorization, body
}

func newService(t *testing.T, answer http.HandlerFunc) *service {
	t.Helper()
	s := &service{}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body) // what was read is compared
		s.mu.Lock()
		s.asked = append(s.asked, strings.TrimSpace(fmt.Sprintf("%s %s [%s] %s", r.Method, r.RequestURI, r.Header.Get("Authorization"), b)))
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *service) wasAsked(t *testing.T, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if diff := cmp.Diff(want, s.asked); diff != "" {
		t.Errorf("requests differ (-want +got):\n%s", diff)
	}
}

func (s *service) client(t *testing.T, cfg dsmclient.Config) *dsmclient.Client {
	t.Helper()
	cfg.Endpoint = s.URL
	if cfg.Roots == nil {
		cfg.Roots = x509.NewCertPool()
		cfg.Roots.AddCert(s.Certificate())
	}
	c, err := dsmclient.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Request-Id", "r1")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // a client that has gone needs no answer
	}
}

func TestRefusalsBecomeKinds(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]fault.Kind{
		400: fault.Invalid, 401: fault.Unauthenticated, 403: fault.Denied, 404: fault.NotFound, 409: fault.Conflict, 413: fault.Invalid,
		423: fault.BadState, 429: fault.Exhausted, 500: fault.Internal, 501: fault.Unsupported, 502: fault.Unavailable, 503: fault.Unavailable,
		504: fault.Unavailable, 301: fault.Internal, 418: fault.Internal,
	} {
		s := newService(t, says(status, "sobject does not exist\n"))
		_, err := s.client(t, dsmclient.Config{}).Key(t.Context(), dsmclient.ByName("x"))
		var e *dsmclient.Error
		if !errors.Is(err, want) || !errors.As(err, &e) || e.Status != status || e.Message != "sobject does not exist" || e.RequestID != "r1" {
			t.Errorf("%d: got %#v, want kind %s", status, err, want)
		}
	}
	t.Run("with a message in JSON", func(t *testing.T) {
		t.Parallel()
		s := newService(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			w.WriteHeader(403)
			_, _ = w.Write([]byte(`{"message":"no"}`)) // as above
		})
		if _, err := s.client(t, dsmclient.Config{}).Version(t.Context()); err == nil || !strings.HasSuffix(err.Error(), ": no") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("without a text", func(t *testing.T) {
		t.Parallel()
		if err := newService(t, says(503, "")).client(t, dsmclient.Config{}).Health(t.Context()); err == nil || !strings.Contains(err.Error(), "Service Unavailable") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("with a long text", func(t *testing.T) {
		t.Parallel()
		if err := newService(t, says(503, strings.Repeat("x", 1<<20))).client(t, dsmclient.Config{}).Health(t.Context()); err == nil || len(err.Error()) > 5000 {
			t.Errorf("got an error of %d bytes", len(err.Error()))
		}
	})
}

func TestWhyAServiceIsOutOfReach(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refuses := "https://" + closed.Addr().String()
	closed.Close()
	stranger := newService(t, says(204, ""))
	plain := httptest.NewServer(says(204, ""))
	t.Cleanup(plain.Close)
	hangs := make(chan struct{})
	silent := newService(t, func(http.ResponseWriter, *http.Request) { <-hangs })
	t.Cleanup(func() { close(hangs) }) // before the server closes
	for name, c := range map[string]struct {
		cfg  dsmclient.Config
		want fault.Reason
	}{
		"nobody listens":             {dsmclient.Config{Endpoint: refuses}, fault.Refused},
		"a certificate not trusted":  {dsmclient.Config{Endpoint: stranger.URL}, fault.TLSRefused},
		"a name not in it":           {dsmclient.Config{Endpoint: stranger.URL, Roots: pool(stranger), ServerName: "elsewhere.example.org"}, fault.TLSRefused},
		"TLS where plain HTTP is":    {dsmclient.Config{Endpoint: strings.Replace(plain.URL, "http:", "https:", 1)}, fault.TLSRefused},
		"a name that does not exist": {dsmclient.Config{Endpoint: "https://nobody.invalid"}, fault.Unreachable},
		"no answer":                  {dsmclient.Config{Endpoint: silent.URL, Roots: pool(silent), Timeout: 50 * time.Millisecond}, fault.TimedOut},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := dsmclient.New(c.cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if err := client.Health(t.Context()); fault.KindOf(err) != fault.Unavailable || fault.ReasonOf(err) != c.want {
				t.Errorf("got %v (%s), want %s", err, fault.ReasonOf(err), c.want)
			}
		})
	}
}

func pool(s *service) *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(s.Certificate())
	return p
}

func TestConfigurationsThatCannotWork(t *testing.T) {
	t.Parallel()
	k := secret.FromString("k")
	for _, cfg := range []dsmclient.Config{
		{},
		{Endpoint: "host:8443"},
		{Endpoint: "ftp://host"},
		{Endpoint: "https://"},
		{Endpoint: "https://h/?q=1"},
		{Endpoint: "https://u:p@h"},
		{Endpoint: "https://h\x00"},
		{Endpoint: "https://h", APIKey: k, Bearer: k},
		{Endpoint: "https://h", APIKey: k, User: "u"},
	} {
		if _, err := dsmclient.New(cfg); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: got %v, want %v", cfg.Endpoint, err, fault.Invalid)
		}
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	apiKey := dsmclient.APIKey("app", secret.FromString("s:e"))
	if got := string(apiKey.Reveal(reveal.Permit{})); got != base64.StdEncoding.EncodeToString([]byte("app:s:e")) {
		t.Errorf("got %s", got)
	}
	for _, c := range []struct {
		cfg  dsmclient.Config
		want string
	}{
		{dsmclient.Config{}, "GET /sys/v1/version []"},
		{dsmclient.Config{APIKey: apiKey}, "GET /sys/v1/version [Basic YXBwOnM6ZQ==]"},
		{dsmclient.Config{User: "a@b.c", Password: secret.FromString("p")}, "GET /sys/v1/version [Basic YUBiLmM6cA==]"},
		{dsmclient.Config{Bearer: secret.FromString("t")}, "GET /sys/v1/version [Bearer t]"},
	} {
		s := newService(t, says(200, `{"version":"1","api_version":"v1","server_mode":"Software"}`))
		v, err := s.client(t, c.cfg).Version(t.Context())
		if err != nil || v.Version != "1" {
			t.Errorf("got %+v, %v", v, err)
		}
		s.wasAsked(t, c.want)
	}
}

// Credentials go to the endpoint only.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	other := newService(t, says(200, `{}`))
	s := newService(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/sys/v1/version", http.StatusFound)
	})
	if _, err := s.client(t, dsmclient.Config{APIKey: secret.FromString("k")}).Version(t.Context()); err == nil {
		t.Error("a redirect was followed")
	}
	other.wasAsked(t)
}

// An ended session is opened again by itself, in the account that was selected.
func TestAnEndedSessionIsOpenedAgain(t *testing.T) {
	t.Parallel()
	opened := 0
	s := newService(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/sys/v1/session/auth":
			opened++
			says(200, fmt.Sprintf(`{"token_type":"Bearer","expires_in":600,"access_token":"t%d","entity_id":"u"}`, opened))(w, r)
		case r.URL.Path == "/sys/v1/session/select_account":
			says(200, `{}`)(w, r)
		case opened < 2:
			says(401, "invalid credentials")(w, r)
		default:
			says(200, `[]`)(w, r)
		}
	})
	c := s.client(t, dsmclient.Config{User: "u", Password: secret.FromString("p")})
	if entity, err := c.Login(t.Context()); err != nil || entity != "u" {
		t.Fatalf("got %s, %v", entity, err)
	}
	if err := c.SelectAccount(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Groups(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !c.Token().Empty() {
		t.Error("a token is left after logging out")
	}
	s.wasAsked(t,
		"POST /sys/v1/session/auth [Basic dTpw]",
		`POST /sys/v1/session/select_account [Bearer t1] {"acct_id":"a"}`,
		"GET /sys/v1/groups [Bearer t1]",
		"POST /sys/v1/session/auth [Basic dTpw]",
		`POST /sys/v1/session/select_account [Bearer t2] {"acct_id":"a"}`,
		"GET /sys/v1/groups [Bearer t2]",
		"POST /sys/v1/session/terminate [Bearer t2]",
	)
}

// A credential that is refused is not tried again.
func TestARefusedCredentialIsTriedOnce(t *testing.T) {
	t.Parallel()
	s := newService(t, says(401, "invalid credentials"))
	for _, cfg := range []dsmclient.Config{{APIKey: secret.FromString("k")}, {Bearer: secret.FromString("t")}} {
		if _, err := s.client(t, cfg).Groups(t.Context()); !errors.Is(err, fault.Unauthenticated) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := s.client(t, dsmclient.Config{User: "u", Password: secret.FromString("p")}).Login(t.Context()); !errors.Is(err, fault.Unauthenticated) {
		t.Errorf("got %v", err)
	}
	s.wasAsked(t, "GET /sys/v1/groups [Basic k]", "GET /sys/v1/groups [Bearer t]", "POST /sys/v1/session/auth [Basic dTpw]")
}

// Many callers whose session ends at once open one.
func TestManyCallersOpenOneSession(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	opened := 0
	s := newService(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case r.URL.Path == "/sys/v1/session/auth":
			opened++
			says(200, fmt.Sprintf(`{"token_type":"Bearer","access_token":"t%d","entity_id":"u"}`, opened))(w, r)
		case r.Header.Get("Authorization") == "Bearer t1":
			says(401, "invalid credentials")(w, r)
		default:
			says(200, `[]`)(w, r)
		}
	})
	c := s.client(t, dsmclient.Config{APIKey: secret.FromString("k")})
	if _, err := c.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := c.Groups(t.Context()); err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	if opened != 2 {
		t.Errorf("%d sessions were opened, want 2", opened)
	}
}

func TestRepliesAreBounded(t *testing.T) {
	t.Parallel()
	long := `["` + strings.Repeat("x", 2000) + `"]`
	for name, answer := range map[string]http.HandlerFunc{
		"that tell their length": says(200, long),
		"that do not": func(w http.ResponseWriter, _ *http.Request) {
			for range 100 {
				_, _ = w.Write([]byte(long)) // as above
				_ = http.NewResponseController(w).Flush()
			}
		},
	} {
		s := newService(t, answer)
		if _, err := s.client(t, dsmclient.Config{MaxReply: 1000}).Groups(t.Context()); !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "1000 bytes") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, body := range []string{`{`, `{}`, `[7]`, `<html>`} {
		if _, err := newService(t, says(200, body)).client(t, dsmclient.Config{}).Groups(t.Context()); !errors.Is(err, fault.Unavailable) {
			t.Errorf("%s: got %v, want %v", body, err, fault.Unavailable)
		}
	}
	if err := newService(t, says(204, "")).client(t, dsmclient.Config{}).DeleteKey(t.Context(), "x"); err != nil {
		t.Errorf("a reply without a body: got %v", err)
	}
}

// Ids and queries are escaped; a path in the endpoint stays in front.
func TestPathsAreEscaped(t *testing.T) {
	t.Parallel()
	s := newService(t, says(200, `[]`))
	c, err := dsmclient.New(dsmclient.Config{Endpoint: s.URL + "/behind/a proxy/", Transport: s.Client().Transport})
	if err != nil {
		t.Fatal(err)
	}
	_ = c.DeleteKey(t.Context(), "../a/b?c#d e") // answered with a list, which is no matter
	if _, err := c.Keys(t.Context(), dsmclient.KeyQuery{
		Name: "a&b=c", CKAID: []byte{0xfb, 0xff}, Metadata: map[string]string{"x y": "1+1"}, Limit: 5, Offset: 2, ShowDeleted: true,
	}); err != nil {
		t.Fatal(err)
	}
	s.wasAsked(t,
		"DELETE /behind/a%20proxy/crypto/v1/keys/..%2Fa%2Fb%3Fc%23d%20e []",
		"GET /behind/a%20proxy/crypto/v1/keys?custom_metadata.x+y=1%2B1&limit=5&name=a%26b%3Dc&offset=2&pkcs11_id=%2B%2F8%3D&show_deleted=true []",
	)
}

// A sync is told line by line, and ends as its last line says.
func TestSync(t *testing.T) {
	t.Parallel()
	lines := func(ls ...string) http.HandlerFunc { return says(200, strings.Join(ls, "\n")+"\n") }
	progress := `{"progress":{"phase":"reading","done":100}}`
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   error
		told   int
	}{
		"to the end":                 {lines(progress, progress, `{"outcome":{"objects":151,"added":[],"changed":0,"missing":0,"unchanged":0,"skipped":0}}`), nil, 2},
		"until it fails":             {lines(progress, `{"error":{"status":503,"message":"Not Connected"}}`), fault.Unavailable, 1},
		"until the service is gone":  {lines(progress), fault.Unavailable, 1},
		"until a line is cut off":    {says(200, progress+`{"outc`), fault.Unavailable, 1},
		"refused before it begins":   {says(409, "a sync of this group is running"), fault.Conflict, 0},
		"with words nobody knows":    {lines(`{"later":1}`, progress, `{"outcome":{"objects":151}}`), nil, 1},
		"by something else entirely": {says(200, `<html>`), fault.Unavailable, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told := 0
			s := newService(t, c.answer)
			out, err := s.client(t, dsmclient.Config{}).Sync(t.Context(), "g", func(p dsmwire.SyncProgress) { told += p.Done / 100 })
			if !errors.Is(err, c.want) || told != c.told || err == nil && out.Objects != 151 {
				t.Errorf("got %+v, %v, told %d times, want %v and %d", out, err, told, c.want, c.told)
			}
			s.wasAsked(t, "POST /gatehouse/v1/groups/g/sync [] {}")
		})
	}
}

// Neither a client nor its errors show the credential.
func TestClientsPrintWithoutTheirCredential(t *testing.T) {
	t.Parallel()
	s := newService(t, says(500, "oops"))
	c := s.client(t, dsmclient.Config{APIKey: secret.FromString("marker-secret")})
	err := c.Health(t.Context())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if out := fmt.Sprintf(verb+verb, c, err); strings.Contains(out, "marker") {
			t.Errorf("printed with %s: %s", verb, out)
		}
	}
}

func TestCancelledCallsEnd(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := newService(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	if _, err := s.client(t, dsmclient.Config{}).Version(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

// A session is renewed when four fifths of its life are over, and a refusal of an
// old one may mean that it is lost.
func TestSessionsAreRenewedInTime(t *testing.T) {
	t.Parallel()
	opened := 0
	denies := false
	s := newService(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/sys/v1/session/auth":
			opened++
			_, _ = fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":100,"access_token":"t%d","entity_id":"a"}`, opened) // as above
		case r.URL.Path == "/sys/v1/session/refresh":
			w.WriteHeader(http.StatusNoContent)
		case denies && r.Header.Get("Authorization") == "Bearer t1":
			w.WriteHeader(http.StatusForbidden)
		default:
			_, _ = w.Write([]byte("[]")) // as above
		}
	})
	now := time.Unix(1000, 0)
	c := s.client(t, dsmclient.Config{APIKey: secret.FromString("k"), DeniedMayBeLost: true, Now: func() time.Time { return now }})
	ask := func() error {
		_, err := c.Groups(t.Context())
		return err
	}
	if _, err := c.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	denies = true
	if err := ask(); !errors.Is(err, fault.Denied) {
		t.Errorf("got %v, want a young session's refusal to be one", err)
	}
	denies = false
	for range 3 {
		now = now.Add(40 * time.Second)
		if err := ask(); err != nil {
			t.Fatal(err)
		}
	}
	denies = true
	if err := ask(); err != nil {
		t.Errorf("got %v, want another session", err)
	}
	s.wasAsked(t,
		"POST /sys/v1/session/auth [Basic k]", "GET /sys/v1/groups [Bearer t1]",
		"GET /sys/v1/groups [Bearer t1]",
		"POST /sys/v1/session/refresh [Bearer t1]", "GET /sys/v1/groups [Bearer t1]",
		"GET /sys/v1/groups [Bearer t1]",
		"GET /sys/v1/groups [Bearer t1]", "POST /sys/v1/session/auth [Basic k]", "GET /sys/v1/groups [Bearer t2]",
	)
}

func TestLoginErrorsAreTold(t *testing.T) {
	t.Parallel()
	s := newService(t, says(401, "invalid credentials"))
	_, err := s.client(t, dsmclient.Config{APIKey: secret.FromString("k")}).Login(t.Context())
	var login *dsmclient.LoginError
	if !errors.As(err, &login) || !errors.Is(err, fault.Unauthenticated) {
		t.Errorf("got %v, want a login error that tells why", err)
	}
	if _, err := dsmclient.New(dsmclient.Config{Endpoint: s.URL, APIKey: secret.FromString("two words")}); !errors.Is(err, fault.Invalid) {
		t.Errorf("got %v, want what is no API key refused", err)
	}
}
