package markers_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/features/markers"
)

// reply is a service that answers everything with one body.
type reply string

func (r reply) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(r)))}, nil
}

// ask sends a request and reads the reply.
func ask(t *testing.T, b *markers.Book, method, path, authorization, body, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "https://gatehouse.example"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", authorization)
	resp, err := b.Transport(reply(answer)).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != answer {
		t.Errorf("the reply went astray: got %q (%v), want %q", got, err, answer)
	}
}

func basic(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }

func TestSecretsAreLearnt(t *testing.T) {
	t.Parallel()
	material := base64.StdEncoding.EncodeToString([]byte("a secret of a key"))
	for name, c := range map[string]struct {
		path, authorization, body, answer string
		secret                            string
	}{
		"a PIN":                  {"/sys/v1/groups", "", `{"add_hmg":[{"pin":"a secret PIN"}]}`, `{}`, "a secret PIN"},
		"a password in a body":   {"/sys/v1/users", "", `{"user_password":"a secret word"}`, `{}`, "a secret word"},
		"a password in a header": {"/sys/v1/session/auth", basic("a@b.example:a secret word"), ``, `{}`, "a secret word"},
		"an API key":             {"/crypto/v1/keys", basic("id:a secret word"), ``, `{}`, "a secret word"},
		"a session's token":      {"/crypto/v1/keys", "Bearer a-secret-token", ``, `{}`, "a-secret-token"},
		"a token that is given":  {"/sys/v1/session/auth", "", ``, `{"access_token":"a-secret-token"}`, "a-secret-token"},
		"a credential given":     {"/sys/v1/apps/x/credential", "", ``, `{"credential":{"secret":"a secret word"}}`, "a secret word"},
		"a key that is imported": {"/crypto/v1/keys", "", `{"value":"` + material + `"}`, `{}`, "a secret of a key"},
		"a key that is exported": {"/crypto/v1/keys/export", "", ``, `{"value":"` + material + `"}`, "a secret of a key"},
		"a client key":           {"/sys/v1/groups", "", `{"add_hmg":[{"tls":{"client_key":"` + material + `"}}]}`, `{}`, "a secret of a key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := markers.New()
			ask(t, b, http.MethodPost, c.path, c.authorization, c.body, c.answer)
			if n := len(found(t, b, "nothing to see here")); n != 0 {
				t.Errorf("got %d secrets where there are none", n)
			}
			if n := len(found(t, b, "x "+c.secret+" x")); n != 1 {
				t.Errorf("got %d secrets found in a file, want one", n)
			}
		})
	}
}

// found returns what a search of a file with this content finds.
func found(t *testing.T, b *markers.Book, content string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	hits, err := b.Files(path)
	if err != nil {
		t.Fatal(err)
	}
	return hits
}

func TestSecretsAreFoundInEveryForm(t *testing.T) {
	t.Parallel()
	const secret = "\xff\xfe a secret?>\xfb"
	for name, content := range map[string]string{
		"in the clear":             secret,
		"in hex":                   hex.EncodeToString([]byte(secret)),
		"in hex, upper case":       strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"in base64":                base64.StdEncoding.EncodeToString([]byte(secret)),
		"in base64 for URLs":       base64.URLEncoding.EncodeToString([]byte(secret)),
		"in base64 after one byte": base64.StdEncoding.EncodeToString([]byte("x" + secret + "yz")),
		"in base64 after two":      base64.RawURLEncoding.EncodeToString([]byte("xy" + secret + "z")),
		"in base64 after three":    base64.StdEncoding.EncodeToString([]byte("xyz" + secret)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := markers.New()
			b.Add(markers.PIN, []byte(secret))
			hits := found(t, b, "before "+content+" after")
			if len(hits) != 1 || !strings.Contains(hits[0], "PIN") {
				t.Errorf("got %q, want one PIN", hits)
			}
		})
	}
	t.Run("the numbers of a private key", func(t *testing.T) {
		t.Parallel()
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		number, err := k.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		b := markers.New()
		b.Add(markers.KeyMaterial, pkcs8)
		if hits := found(t, b, string(number)); len(hits) != 1 {
			t.Errorf("got %q, want one key", hits)
		}
	})
	t.Run("too short to be looked for", func(t *testing.T) {
		t.Parallel()
		b := markers.New()
		b.Add(markers.PIN, []byte("1234"))
		if len(b.Short()) != 1 || len(found(t, b, "1234")) != 0 {
			t.Errorf("got %q, want one PIN that is too short", b.Short())
		}
	})
}

func TestRepliesMayHoldOnlyWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	material := base64.StdEncoding.EncodeToString([]byte("a secret of a key"))
	for name, c := range map[string]struct {
		method, path, answer string
		want                 int
	}{
		"a credential where it is handed over":    {http.MethodGet, "/sys/v1/apps/x/credential", `{"credential":{"secret":"a secret word"}}`, 0},
		"a credential elsewhere":                  {http.MethodGet, "/sys/v1/apps/x", `{"credential":{"secret":"a secret word"}}`, 1},
		"key material where it is exported":       {http.MethodPost, "/crypto/v1/keys/export", `{"value":"` + material + `"}`, 0},
		"key material elsewhere":                  {http.MethodPost, "/crypto/v1/keys/info", `{"value":"` + material + `"}`, 1},
		"a transient key where it is made":        {http.MethodPost, "/crypto/v1/keys", `{"transient_key":"` + material + `"}`, 0},
		"a transient key elsewhere":               {http.MethodPost, "/crypto/v1/keys/info", `{"transient_key":"` + material + `"}`, 1},
		"a token where a session begins":          {http.MethodPost, "/sys/v1/session/auth", `{"access_token":"a-secret-token"}`, 0},
		"another secret where a session begins":   {http.MethodPost, "/sys/v1/session/auth", `{"detail":{"pin":"a secret PIN"}}`, 1},
		"a PIN where a credential is handed over": {http.MethodGet, "/sys/v1/apps/x/credential", `{"pin":"a secret PIN"}`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := markers.New()
			ask(t, b, c.method, c.path, "", "", c.answer)
			if got := b.Replies(); len(got) != c.want {
				t.Errorf("got %q, want %d", got, c.want)
			}
		})
	}
}
