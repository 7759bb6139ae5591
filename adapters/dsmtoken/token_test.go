package dsmtoken_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmtoken"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/token/tokentest"
)

// all returns what the inventory shows, by label and class.
func all(t *testing.T, tok *dsmtoken.Token) map[string]hsm.Object {
	t.Helper()
	found := map[string]hsm.Object{}
	must(t, tok.Inventory(t.Context(), hsm.Filter{}, func(o hsm.Object) error {
		found[string(o.Label)+" "+string(o.Class)] = o
		return nil
	}))
	return found
}

func closed(t *testing.T, tok *dsmtoken.Token) {
	t.Helper()
	must(t, tok.Close())
}

func ptr[T any](v T) *T { return &v }

// Keys that were made in the other service have its id for a CKA_ID, and its
// name; what is no key that is held here is shown as what it is.
func TestKeysOfTheOtherService(t *testing.T) {
	t.Parallel()
	o := newOther(t)
	aes, err := o.beside.Generate(t.Context(), dsmwire.SobjectRequest{Name: ptr("data key"), ObjType: "AES", KeySize: ptr(uint32(256))})
	must(t, err)
	ec, err := o.beside.Generate(t.Context(), dsmwire.SobjectRequest{Name: ptr("signing key"), ObjType: "EC", EllipticCurve: "NistP256"})
	must(t, err)
	_, err = o.beside.Import(t.Context(), dsmwire.SobjectRequest{
		Name: ptr("a note"), ObjType: "OPAQUE", Value: dsmwire.NewSecretBytes(secret.FromString("not a key")),
	})
	must(t, err)
	tok := o.open(t)
	defer closed(t, tok)
	found := all(t, tok)
	if len(found) != 4 || found["a note data"].Type != "" {
		t.Errorf("got %+v, want a secret key, two halves and something that is no key", found)
	}
	for what, kid := range map[string]string{"data key secret key": aes.KID, "signing key private key": ec.KID, "signing key public key": ec.KID} {
		f := found[what]
		if string(f.Fingerprint()) != kid || len(f.ID) != 16 {
			t.Errorf("%s: got %q and an id of %d bytes, want it known by its id", what, f.Fingerprint(), len(f.ID))
		}
	}
	ref := found["data key secret key"].Ref()
	sealed, err := tok.Operate(t.Context(), ref, operations.Encrypt{Mode: operations.GCM, Plain: []byte("plain"), AD: []byte("ad")})
	must(t, err)
	back, err := o.beside.Decrypt(t.Context(), dsmwire.DecryptRequest{
		Key: &dsmwire.SobjectDescriptor{KID: aes.KID}, Alg: "AES", Mode: &dsmwire.Mode{Name: "GCM"}, Cipher: sealed.Output, IV: sealed.IV, Tag: sealed.Tag, AD: []byte("ad"),
	})
	if err != nil || string(back.Plain) != "plain" {
		t.Errorf("got %q and %v, want what was encrypted from outside", back.Plain, err)
	}
}

// A key that somebody renames goes on working: its own name stays.
func TestARenamedKeyIsUsed(t *testing.T) {
	t.Parallel()
	o := newOther(t)
	k, err := o.beside.Generate(t.Context(), dsmwire.SobjectRequest{Name: ptr("before"), ObjType: "AES", KeySize: ptr(uint32(128))})
	must(t, err)
	tok := o.open(t)
	defer closed(t, tok)
	ref := all(t, tok)["before secret key"].Ref()
	_, err = o.beside.UpdateKey(t.Context(), k.KID, dsmwire.SobjectRequest{Name: ptr("after")})
	must(t, err)
	if _, err := tok.Operate(t.Context(), ref, operations.Encrypt{Mode: operations.CBC, Plain: []byte("x")}); err != nil {
		t.Errorf("got %v, want the renamed key used", err)
	}
	if err := tok.Destroy(t.Context(), ref); !errors.Is(err, fault.NotFound) {
		t.Errorf("got %v, want a key that somebody renamed not destroyed under its old name", err)
	}
	must(t, o.beside.DeleteKey(t.Context(), k.KID))
	if _, err := tok.Operate(t.Context(), ref, operations.Encrypt{Mode: operations.CBC, Plain: []byte("x")}); !errors.Is(err, fault.NotFound) {
		t.Errorf("got %v, want a key that is gone not found", err)
	}
}

// What the other service has from a third one is shown, and not used.
func TestKeysOfAThirdServiceAreLeftAlone(t *testing.T) {
	t.Parallel()
	third := keyList(`[{"kid":"11111111-2222-4333-8444-555555555555","name":"theirs","obj_type":"AES","key_size":256,"key_ops":["ENCRYPT"],` +
		`"external":{"id":{"id":"99999999-2222-4333-8444-555555555555"},"hsm_group_id":"77777777-2222-4333-8444-555555555555"}},` +
		`{"kid":"21111111-2222-4333-8444-555555555555","name":"in their HSM","obj_type":"AES","key_size":256,"key_ops":["ENCRYPT"],` +
		`"external":{"id":{"id":"AQ==","label":"AA=="},"hsm_group_id":"77777777-2222-4333-8444-555555555555"}}]`)
	tok := standIn(t, third)
	defer closed(t, tok)
	found := all(t, tok)
	if found["theirs secret key"].Unreadable == "" || found["in their HSM secret key"].Unreadable != "" {
		t.Errorf("got %+v, want the key of a third service left alone and that of an HSM not", found)
	}
	_, err := tok.Operate(t.Context(), found["theirs secret key"].Ref(), operations.Encrypt{Mode: operations.ECB})
	if !errors.Is(err, fault.NotFound) {
		t.Errorf("got %v, want it not to be there", err)
	}
}

// What another service asks for ends here.
func TestNothingIsPassedOnToAThirdService(t *testing.T) {
	t.Parallel()
	tok := standIn(t, keyList(`[]`))
	defer closed(t, tok)
	ctx := dsmwire.Forwarded(t.Context())
	ref := hsm.Ref{Class: hsm.SecretKey, Type: keys.AES, ID: []byte{1}}
	_, generate := tok.Generate(ctx, hsm.Template{ID: []byte{1}, Type: keys.AES, Size: 256})
	_, imports := tok.Import(ctx, hsm.Template{ID: []byte{1}, Type: keys.AES, Size: 256}, secret.New(make([]byte, 32)))
	_, operate := tok.Operate(ctx, ref, operations.Encrypt{Mode: operations.CBC})
	for what, err := range map[string]error{
		"generate": generate, "import": imports, "operate": operate, "update": tok.Update(ctx, ref, hsm.Change{}), "destroy": tok.Destroy(ctx, ref),
	} {
		if fault.KindOf(err) != fault.Unsupported {
			t.Errorf("%s: got %v, want it refused", what, err)
		}
	}
}

// One login for all, and another one when the session is lost.
func TestSessionsAreOpenedOnce(t *testing.T) {
	t.Parallel()
	o := newOther(t)
	tok := o.open(t)
	defer closed(t, tok)
	for range 3 {
		if _, err := tok.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if o.seenLogins() != 1 {
		t.Errorf("got %d logins, want one", o.seenLogins())
	}
	o.endSessions(t)
	if _, err := tok.Check(t.Context()); err != nil || o.seenLogins() != 2 {
		t.Errorf("got %v and %d logins, want the second", err, o.seenLogins())
	}
}

// An answer that is lost tells nothing; what was made is found by its CKA_ID.
func TestAnAnswerThatIsLost(t *testing.T) {
	t.Parallel()
	o := newOther(t)
	tok := o.open(t)
	defer closed(t, tok)
	tpl := hsm.Template{ID: []byte("sixteen bytes id"), Label: []byte("lost"), Type: keys.AES, Size: 256, Ops: keys.OpEncrypt}
	o.loseAnswer(tokentest.Generate)
	_, err := tok.Generate(t.Context(), tpl)
	if fault.KindOf(err) != fault.Unavailable || errors.Is(err, fault.Untried) {
		t.Fatalf("got %v, want nobody to know what became of it", err)
	}
	var made []hsm.Object
	must(t, tok.Inventory(t.Context(), hsm.Filter{ID: tpl.ID}, func(o hsm.Object) error {
		made = append(made, o)
		return nil
	}))
	if len(made) != 1 || !bytes.Equal(made[0].ID, tpl.ID) || string(made[0].Label) != "lost" {
		t.Errorf("got %+v, want the key that was made", made)
	}
}

// Why a service cannot be used, in the words of those who can mend it.
func TestWhyTheServiceCannotBeUsed(t *testing.T) {
	t.Parallel()
	o := newOther(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	refuses := closed.Addr().String()
	closed.Close()
	wrong := dsmclient.APIKey("00000000-0000-4000-8000-000000000000", secret.FromString("wrong"))
	website := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
	t.Cleanup(website.Close)
	down := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	t.Cleanup(down.Close)
	for what, c := range map[string]struct {
		address string
		key     secret.Value
		trusted bool
		want    fault.Reason
	}{
		"nobody listens":              {refuses, o.apiKey, true, fault.Refused},
		"no such host":                {"nowhere.invalid:443", o.apiKey, true, fault.Unreachable},
		"a certificate not trusted":   {o.address(), o.apiKey, false, fault.TLSRefused},
		"a wrong API key":             {o.address(), wrong, true, fault.PINIncorrect},
		"what is no API key":          {o.address(), secret.FromString("no key\r\nX: y"), true, fault.PINIncorrect},
		"no API key":                  {o.address(), secret.Value{}, true, fault.PINMissing},
		"a web server":                {strings.TrimPrefix(website.URL, "https://"), o.apiKey, true, fault.Incompatible},
		"a service that is not well":  {strings.TrimPrefix(down.URL, "https://"), o.apiKey, true, fault.TokenFailed},
		"an API key with a bare text": {o.address(), secret.FromString("hunter2"), true, fault.PINIncorrect},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			cfg := dsmtoken.Config{Address: c.address, TLS: o.trust(), APIKey: c.key}
			if !c.trusted {
				cfg.TLS = nil
			}
			_, err := dsmtoken.Dial(t.Context(), cfg)
			if fault.KindOf(err) != fault.Unavailable || fault.ReasonOf(err) != c.want {
				t.Errorf("got %v (%q), want %q", err, fault.ReasonOf(err), c.want)
			}
			if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "wrong")) {
				t.Errorf("the error tells the key: %v", err)
			}
		})
	}
}

// standIn is a token of a service that only does what answer does.
func standIn(t *testing.T, answer http.HandlerFunc) *dsmtoken.Token {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/sys/v1/version":
			_, _ = w.Write([]byte(`{"version":"4.2.1","api_version":"v1","server_mode":"Sgx"}`))
		case "/sys/v1/session/auth":
			_, _ = w.Write([]byte(`{"token_type":"Bearer","expires_in":600,"access_token":"t","entity_id":"e"}`))
		case "/sys/v1/session/terminate":
			w.WriteHeader(http.StatusNoContent)
		default:
			answer(w, r)
		}
	}))
	t.Cleanup(s.Close)
	o := &other{t: t, server: s}
	tok, err := o.dial(t.Context(), secret.FromString("a2V5"))
	must(t, err)
	return tok
}

// keyList answers a list of keys, and every other call with 404.
func keyList(list string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/crypto/v1/keys" && r.Method == http.MethodGet {
			_, _ = w.Write([]byte(list))
			return
		}
		http.Error(w, "sobject does not exist", http.StatusNotFound)
	}
}

// Each refusal of the API has its meaning, whatever was asked for.
func TestWhatRefusalsMean(t *testing.T) {
	t.Parallel()
	type meaning struct {
		Kind   fault.Kind
		Reason fault.Reason
	}
	const kid = "11111111-2222-4333-8444-555555555555"
	use := func(ctx context.Context, tok *dsmtoken.Token) error {
		_, err := tok.Operate(ctx, hsm.Ref{Class: hsm.SecretKey, Type: keys.AES, Fingerprint: []byte(kid)}, operations.Encrypt{Mode: operations.CBC})
		return err
	}
	decrypt := func(ctx context.Context, tok *dsmtoken.Token) error {
		_, err := tok.Operate(ctx, hsm.Ref{Class: hsm.SecretKey, Type: keys.AES, Fingerprint: []byte(kid)},
			operations.Decrypt{Mode: operations.CBC, IV: make([]byte, 16), Cipher: make([]byte, 16)})
		return err
	}
	generate := func(ctx context.Context, tok *dsmtoken.Token) error {
		_, err := tok.Generate(ctx, hsm.Template{ID: []byte{1}, Label: []byte("k"), Type: keys.AES, Size: 256})
		return err
	}
	check := func(ctx context.Context, tok *dsmtoken.Token) error {
		_, err := tok.Check(ctx)
		return err
	}
	for _, c := range []struct {
		what   string
		do     func(context.Context, *dsmtoken.Token) error
		status int
		text   string
		want   meaning
	}{
		{"use", use, 400, "bad", meaning{Kind: fault.Invalid}},
		{"use", use, 403, "forbidden", meaning{Kind: fault.Denied}},
		{"use", use, 403, "This operation requires approval", meaning{Kind: fault.Denied}},
		{"use", use, 404, "sobject does not exist", meaning{Kind: fault.NotFound}},
		{"use", use, 409, "deactivated", meaning{Kind: fault.BadState}},
		{"use", use, 423, "locked", meaning{Kind: fault.BadState}},
		{"use", use, 429, "slowly", meaning{fault.Unavailable, fault.Busy}},
		{"use", use, 500, "oh", meaning{fault.Unavailable, fault.TokenFailed}},
		{"use", use, 501, "not built", meaning{Kind: fault.Unsupported}},
		{"use", use, 502, "", meaning{fault.Unavailable, fault.TokenFailed}},
		{"use", use, 503, "", meaning{fault.Unavailable, fault.TokenFailed}},
		{"use", use, 504, "", meaning{fault.Unavailable, fault.TimedOut}},
		{"use", use, 302, "", meaning{fault.Unavailable, fault.Incompatible}},
		{"use", use, 418, "", meaning{fault.Unavailable, fault.Incompatible}},
		{"decrypt", decrypt, 400, "tag mismatch", meaning{Kind: fault.Invalid}},
		{"generate", generate, 400, "bad", meaning{Kind: fault.Invalid}},
		{"generate", generate, 403, "forbidden", meaning{Kind: fault.Denied}},
		{"generate", generate, 404, "group does not exist", meaning{Kind: fault.Denied}},
		{"generate", generate, 409, "sobject already exists", meaning{Kind: fault.Conflict}},
		{"check", check, 403, "forbidden", meaning{fault.Unavailable, fault.TokenFailed}},
		{"check", check, 404, "page not found", meaning{fault.Unavailable, fault.Incompatible}},
	} {
		tok := standIn(t, func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == "/crypto/v1/keys/info":
				_, _ = w.Write([]byte(`{"kid":"` + kid + `","name":"k","obj_type":"AES","key_size":256,"key_ops":["ENCRYPT","DECRYPT"]}`))
			case r.URL.Path == "/crypto/v1/keys" && r.Method == http.MethodGet && c.what != "check":
				_, _ = w.Write([]byte(`[]`))
			default:
				w.Header().Set("Content-Type", "text/plain")
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.text))
			}
		})
		err := c.do(t.Context(), tok)
		if diff := cmp.Diff(c.want, meaning{fault.KindOf(err), fault.ReasonOf(err)}); diff != "" || c.text != "" && strings.Contains(fault.Message(err), c.text) {
			t.Errorf("%s answered with %d %s: got %v (%s)\n%s", c.what, c.status, c.text, err, fault.Message(err), diff)
		}
		if c.what == "decrypt" && fault.Message(err) != fault.Message(operations.DecryptRefused(nil)) {
			t.Errorf("a ciphertext that is refused: got %q", fault.Message(err))
		}
		must(t, tok.Close())
	}
}
