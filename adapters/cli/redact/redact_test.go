package redact_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"gatehouse/adapters/cli/redact"
	"gatehouse/adapters/dsmwire"
)

// bodies are the roots of all that travels; what they hold is found in them.
var bodies = []any{
	dsmwire.Sobject{},
	dsmwire.SobjectRequest{},
	dsmwire.SobjectDescriptor{},
	dsmwire.HmgConfig{},
	dsmwire.AuthRequest{},
	dsmwire.AuthResponse{},
	dsmwire.UserRequest{},
	dsmwire.SignupRequest{},
	dsmwire.PasswordChangeRequest{},
	dsmwire.AppCredentialResponse{},
	dsmwire.PersistTransientKeyRequest{},
	dsmwire.UnwrapKeyRequest{},
	dsmwire.WrapKeyRequest{},
	dsmwire.DeriveKeyRequest{},
	dsmwire.GroupRequest{},
	dsmwire.Group{},
	dsmwire.CopySobjectRequest{},
	dsmwire.SobjectRekeyRequest{},
}

// Every field that the bodies declare secret is one that is not shown.
func TestEveryDeclaredSecretIsHidden(t *testing.T) {
	t.Parallel()
	found := 0
	seen := map[reflect.Type]bool{}
	var walk func(typ reflect.Type, field string)
	walk = func(typ reflect.Type, field string) {
		switch {
		case typ == reflect.TypeFor[dsmwire.SecretText]() || typ == reflect.TypeFor[dsmwire.SecretBytes]():
			found++
			if !redact.Secret(field) {
				t.Errorf("the field %s holds a secret, and would be shown", field)
			}
			return
		case typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map:
			walk(typ.Elem(), field)
			return
		case typ.Kind() != reflect.Struct || seen[typ]:
			return
		}
		seen[typ] = true
		for i := range typ.NumField() {
			f := typ.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			walk(f.Type, name)
		}
	}
	for _, b := range bodies {
		walk(reflect.TypeOf(b), "")
	}
	if found < 10 {
		t.Errorf("found %d secrets only: are the bodies read?", found)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"pin":"marker","url":"h:1"}`:                                        `{"pin":"[secret]","url":"h:1"}`,
		`{"add_hmg":[{"pin":"marker","slot":7}]}`:                             `{"add_hmg":[{"pin":"[secret]","slot":7}]}`,
		`{"credential":{"secret":"marker"},"app_id":"a"}`:                     `{"app_id":"a","credential":"[secret]"}`,
		`{"key":{"inline":{"value":"bWFya2Vy","obj_type":"AES"}},"plain":""}`: `{"key":{"inline":{"obj_type":"AES","value":"[secret]"}},"plain":"[secret]"}`,
		`{"value":null,"n":12345678901234567890}`:                             `{"n":12345678901234567890,"value":null}`,
		`marker`:                  `[6 bytes that are not JSON]`,
		`{"a":1}{"pin":"marker"}`: `[23 bytes that are not JSON]`,
		` `:                       ``,
	} {
		if got := string(redact.JSON([]byte(body))); got != want {
			t.Errorf("%s: got %s, want %s", body, got, want)
		}
	}
}

// What goes over the wire stays as it is, whatever is shown of it.
func TestTransport(t *testing.T) {
	t.Parallel()
	reply := `{"access_token":"marker-reply","entity_id":"e"}` + strings.Repeat(" ", 100<<10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body) // compared below
		if string(b) != `{"password":"marker-request"}` || r.Header.Get("Authorization") != "Basic marker-header" {
			t.Errorf("got %s, %v", b, r.Header)
		}
		w.Header().Set("Set-Cookie", "marker-cookie")
		_, _ = io.WriteString(w, reply)
	}))
	t.Cleanup(server.Close)
	var shown bytes.Buffer
	c := http.Client{Transport: redact.Transport{Next: server.Client().Transport, To: &shown}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/x", strings.NewReader(`{"password":"marker-request"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Basic marker-header")
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.Body.Close() != nil || string(got) != reply {
		t.Errorf("got %d bytes, %v, want the reply", len(got), err)
	}
	if strings.Contains(shown.String(), "marker") || !strings.Contains(shown.String(), "> Authorization: Basic [secret]") ||
		!strings.Contains(shown.String(), "> POST "+server.URL+"/x") {
		t.Errorf("got %s", shown.String())
	}
}
