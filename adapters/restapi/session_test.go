package restapi_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

// answer is a reply to a request made by hand.
type answer struct {
	status int
	header http.Header
	body   string
}

// send makes a request by hand, with the Authorization header given.
func (w *world) send(method, path, authorization, body string) answer {
	w.tb.Helper()
	r, err := http.NewRequestWithContext(w.tb.Context(), method, w.server.URL+path, strings.NewReader(body))
	must(w.tb, err)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	reply, err := w.transport.RoundTrip(r)
	must(w.tb, err)
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	must(w.tb, err)
	return answer{reply.StatusCode, reply.Header, string(text)}
}

// credential returns the id and the secret of a new app.
func (w *world) credential() (id, secret string) {
	w.tb.Helper()
	app, err := w.admin.CreateApp(w.tb.Context(), dsmwire.AppRequest{
		Name: ptr("credential"), AddGroups: dsmwire.AppGroups{IDs: []string{w.local}},
	})
	must(w.tb, err)
	_, reply := askAs(w.tb, w.admin, http.MethodGet, "/sys/v1/apps/"+app.AppID+"/credential", "")
	c := decoded[dsmwire.AppCredentialResponse](w.tb, reply)
	return app.AppID, string(c.Credential.Secret.Secret().Reveal(reveal.Permit{}))
}

func TestAnAPIKeyMayBeSentInEveryForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, secret := w.credential()
	plain := []byte(id + ":" + secret)
	for _, form := range []string{
		"Basic " + base64.StdEncoding.EncodeToString(plain), "Basic " + base64.URLEncoding.EncodeToString(plain),
		"Basic " + base64.RawStdEncoding.EncodeToString(plain), "basic  " + base64.RawURLEncoding.EncodeToString(plain),
	} {
		if a := w.send(http.MethodPost, "/sys/v1/session/auth", form, ""); a.status != http.StatusOK {
			t.Errorf("logging in with %.10s…: got %d %s, want 200", form, a.status, a.body)
		} else if got := decoded[dsmwire.AuthResponse](t, a.body); got.TokenType != "Bearer" || got.EntityID != id || got.ExpiresIn == 0 {
			t.Errorf("logging in: got %+v", got)
		}
		if a := w.send(http.MethodGet, "/sys/v1/groups", form, ""); a.status != http.StatusOK {
			t.Errorf("without a session: got %d %s, want 200", a.status, a.body)
		}
	}
}

func TestCredentialsThatAreNotAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, secret := w.credential()
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, header := range map[string]string{
		"none":               "",
		"another scheme":     "Digest abc",
		"a scheme alone":     "Basic",
		"not base64":         "Basic %%%",
		"without a colon":    basic(id),
		"a wrong secret":     basic(id + ":" + secret + "x"),
		"an empty secret":    basic(id + ":"),
		"an unknown app":     basic("ffffffff-ffff-4fff-8fff-ffffffffffff:" + secret),
		"an unknown user":    basic("nobody@example.com:" + secret),
		"a made-up token":    "Bearer abc",
		"an empty token":     "Bearer  ",
		"far too long":       "Basic " + strings.Repeat("QUFB", 3000),
		"bytes that are odd": basic("\x00\xff:\xff"),
	} {
		for _, call := range []struct{ method, path string }{
			{http.MethodPost, "/sys/v1/session/auth"}, {http.MethodGet, "/sys/v1/groups"}, {http.MethodPost, "/sys/v1/session/terminate"},
		} {
			a := w.send(call.method, call.path, header, "")
			if a.status != http.StatusUnauthorized || !strings.HasPrefix(a.header.Get("Www-Authenticate"), "Basic") {
				t.Errorf("%s, %s: got %d %q %q, want 401 with what to send", name, call.path, a.status, a.body, a.header.Get("Www-Authenticate"))
			}
		}
	}
}

func TestAUsersSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const email, password = "someone@example.com", "a password of some length"
	_, err := w.admin.CreateUser(t.Context(), dsmwire.SignupRequest{
		UserEmail: email, UserPassword: dsmwire.NewSecretText(secret.FromString(password)),
	})
	must(t, err)
	login := func() (token string) {
		t.Helper()
		a := w.send(http.MethodPost, "/sys/v1/session/auth", "", `{"method":"password","email":"Someone@example.com","password":"`+password+`","token_type":"Bearer","recaptcha_response":null}`)
		if a.status != http.StatusOK {
			t.Fatalf("logging in: got %d %s", a.status, a.body)
		}
		return "Bearer " + string(decoded[dsmwire.AuthResponse](t, a.body).AccessToken.Secret().Reveal(reveal.Permit{}))
	}
	want := func(a answer, status int, body string) {
		t.Helper()
		if a.status != status || strings.TrimSpace(a.body) != body {
			t.Errorf("got %d %q, want %d %q", a.status, a.body, status, body)
		}
	}
	bearer := login()
	a := w.send(http.MethodGet, "/sys/v1/users/accounts", bearer, "")
	memberships := decoded[map[string][]string](t, a.body)
	if len(memberships) != 1 {
		t.Fatalf("got %v, want one account", memberships)
	}
	for acct, flags := range memberships {
		if strings.Join(flags, " ") != "ACCOUNTMEMBER STATEENABLED" {
			t.Errorf("got flags %v", flags)
		}
		want(w.send(http.MethodPost, "/sys/v1/session/select_account", bearer, `{"acct_id":"`+acct+`"}`), 200, "{}")
		if a := w.send(http.MethodGet, "/sys/v1/accounts/"+acct, bearer, ""); a.status != http.StatusOK {
			t.Errorf("its account: got %d %s", a.status, a.body)
		}
	}
	want(w.send(http.MethodPost, "/sys/v1/session/select_account", bearer, `{"acct_id":"ffffffff-ffff-4fff-8fff-ffffffffffff"}`), 404, "account does not exist")
	want(w.send(http.MethodPost, "/sys/v1/session/select_account", bearer, `{}`), 400, "acct_id must be a UUID")
	want(w.send(http.MethodPost, "/sys/v1/session/auth/discover", "", `{"user_email":"`+email+`"}`), 200, `[{"method":"password"}]`)
	want(w.send(http.MethodPost, "/sys/v1/session/auth/discover", "", `{"user_email":"nobody@example.com"}`), 200, `[{"method":"password"}]`)
	want(w.send(http.MethodPost, "/sys/v1/session/refresh", bearer, ""), 204, "")
	want(w.send(http.MethodPost, "/sys/v1/session/auth", bearer, ""), 401, "a session is opened with a credential, not with another session")
	if a := w.send(http.MethodPost, "/sys/v1/session/reauth", bearer, ""); a.status != http.StatusOK || !strings.Contains(a.body, "access_token") {
		t.Errorf("reauth: got %d", a.status)
	}

	// A wrong current password does not look like the end of the session.
	want(w.send(http.MethodPost, "/sys/v1/users/change_password", bearer, `{"current_password":"wrong","new_password":"another long password"}`),
		403, "current_password is not right")
	want(w.send(http.MethodPost, "/sys/v1/users/change_password", bearer, `{"current_password":"`+password+`","new_password":"short"}`),
		400, "user_password must be 12 to 256 bytes long")
	want(w.send(http.MethodPost, "/sys/v1/users/change_password", bearer, `{"current_password":"`+password+`","new_password":"another long password"}`), 204, "")
	want(w.send(http.MethodPost, "/sys/v1/session/refresh", bearer, ""), 401, "invalid credentials")
	want(w.send(http.MethodPost, "/sys/v1/session/auth", "", `{"method":"password","email":"`+email+`","password":"`+password+`"}`), 401, "invalid credentials")
}

func TestEndingASession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, secret := w.credential()
	key := "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
	a := w.send(http.MethodPost, "/sys/v1/session/auth", key, "")
	bearer := "Bearer " + string(decoded[dsmwire.AuthResponse](t, a.body).AccessToken.Secret().Reveal(reveal.Permit{}))
	for _, c := range []struct {
		path, header string
		want         int
	}{
		{"/sys/v1/session/refresh", key, 400}, // no session to extend
		{"/sys/v1/session/terminate", key, 204},
		{"/sys/v1/session/terminate", bearer, 204},
		{"/sys/v1/session/terminate", bearer, 401},
		{"/sys/v1/session/refresh", bearer, 401},
	} {
		if a := w.send(http.MethodPost, c.path, c.header, ""); a.status != c.want {
			t.Errorf("%s: got %d %q, want %d", c.path, a.status, a.body, c.want)
		}
	}
}
