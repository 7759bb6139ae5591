package restapi_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// refused reports a refusal that is not plain: a status that tells of a bug, or
// a body that is not one short line of text.
func refused(t *testing.T, w *httptest.ResponseRecorder, what string) {
	t.Helper()
	if w.Code == http.StatusInternalServerError {
		t.Errorf("%s: got 500 %s", what, w.Body)
	}
	if w.Code < http.StatusBadRequest {
		return
	}
	if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") || w.Body.Len() == 0 || w.Body.Len() > 400 {
		t.Errorf("%s: got %d %s %q, want a line of text", what, w.Code, w.Header().Get("Content-Type"), w.Body)
	}
}

// FuzzRequests sends any body to any call, as an administrator and as an app.
func FuzzRequests(f *testing.F) {
	w := newWorld(f)
	calls := slices.DeleteFunc(w.calls(w.slot), func(c struct{ method, path string }) bool {
		return strings.HasSuffix(c.path, "/terminate") // it ends the session that the others need
	})
	slices.SortFunc(calls, func(a, b struct{ method, path string }) int { return strings.Compare(a.method+a.path, b.method+b.path) })
	for i := range calls {
		f.Add(uint16(i), "", []byte(`{}`))
	}
	for i, body := range []string{
		`{"name":"g","add_hmg":[{"kind":"Softhsm","url":"h:1","slot":7,"pin":"1","hsm_order":-1,"tls":{"mode":"required","validate_hostname":true,"ca":{"pinned":["MIIB"]},"client_cert":"MA==","client_key":"MA=="}}],"mod_hmg":{"ffffffff-ffff-4fff-8fff-ffffffffffff":{}},"del_hmg":[],"hmg_redundancy":"remove","approval_policy":{}}`,
		`{"name":"a","add_groups":{"ffffffff-ffff-4fff-8fff-ffffffffffff":["SIGN"]},"mod_groups":["ffffffff-ffff-4fff-8fff-ffffffffffff"],"credential":{"secret":{"size":32}},"role":"crypto"}`,
		`{"method":"password","email":"a@b.c","password":"x","token_type":"Bearer","bind_to":null}`,
		`{"user_email":"a@b.c","user_password":"a password of some length","account_role":["ACCOUNTMEMBER"],"add_groups":{"ffffffff-ffff-4fff-8fff-ffffffffffff":["GROUPAUDITOR"]}}`,
		`{"name":"k","obj_type":"AES","key_size":256,"key_ops":["ENCRYPT"],"activation_date":"20261121T213000Z","custom_metadata":{"a":"b"}}`,
		`{"key":{"name":"k"},"alg":"AES","mode":"GCM","plain":"AAAA","iv":"AAAA","ad":null,"tag_len":128}`,
		`{"key":{"kid":"ffffffff-ffff-4fff-8fff-ffffffffffff"},"hash_alg":"SHA256","data":"AAAA","mode":{"PSS":{"mgf":{"mgf1":{"hash":"SHA256"}}}},"signature":"AAAA"}`,
		`[{"kid":"ffffffff-ffff-4fff-8fff-ffffffffffff","request":{"alg":"AES","plain":"AAAA","mode":"CBC"}}]`,
	} {
		f.Add(uint16(i*7), "limit=1&offset=0&sort=name:asc&sort_by=group_name:asc&continuation_token=&with_metadata=true", []byte(body))
	}
	handler := w.server.Config.Handler
	f.Fuzz(func(t *testing.T, which uint16, query string, body []byte) {
		c := calls[int(which)%len(calls)]
		for _, authorization := range []string{w.admins(), w.authorization()} {
			r := httptest.NewRequest(c.method, c.path, strings.NewReader(string(body)))
			r.URL.RawQuery = url.PathEscape(query)
			if parsed, err := url.ParseQuery(query); err == nil {
				r.URL.RawQuery = parsed.Encode()
			}
			r.Header.Set("Authorization", authorization)
			reply := httptest.NewRecorder()
			handler.ServeHTTP(reply, r)
			refused(t, reply, c.method+" "+c.path)
		}
	})
}

// FuzzAuthorization sends any Authorization header.
func FuzzAuthorization(f *testing.F) {
	w := newWorld(f)
	id, secret := w.credential()
	for _, header := range []string{
		"", "Basic", "Basic ", "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret[:10])),
		"Basic " + base64.RawURLEncoding.EncodeToString([]byte("a@b.c:\xff\xfe:x")), "Bearer x", "bearer \x00", "Digest username=x",
	} {
		f.Add(header)
	}
	handler := w.server.Config.Handler
	f.Fuzz(func(t *testing.T, header string) {
		for _, path := range []string{"/sys/v1/session/auth", "/sys/v1/session/refresh"} {
			r := httptest.NewRequest(http.MethodPost, path, nil)
			r.Header["Authorization"] = []string{header}
			reply := httptest.NewRecorder()
			handler.ServeHTTP(reply, r)
			if reply.Code != http.StatusUnauthorized && reply.Code != http.StatusTooManyRequests {
				t.Errorf("%q: got %d %s, want 401", header, reply.Code, reply.Body)
			}
			refused(t, reply, path)
		}
	})
}

// FuzzContentType sends a body of any declared type and encoding.
func FuzzContentType(f *testing.F) {
	h := newWorld(f).server.Config.Handler
	f.Add("application/json", "", []byte(`{"method":"saml-response"}`))
	f.Add("application/json; charset=\"utf-8\"", "identity", []byte(`{}`))
	f.Add("multipart/form-data; boundary=", "gzip", []byte("--"))
	f.Fuzz(func(t *testing.T, contentType, encoding string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, auth, strings.NewReader(string(body)))
		r.Header["Content-Type"], r.Header["Content-Encoding"] = []string{contentType}, []string{encoding}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code < http.StatusBadRequest {
			t.Errorf("got %d, want a refusal: no credential is known", w.Code)
		}
		refused(t, w, auth)
	})
}
