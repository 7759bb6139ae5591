package restapi_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// calls lists every call of the service, from its own description, with id in
// place of the variable parts of paths.
func (w *world) calls(id string) (list []struct{ method, path string }) {
	w.tb.Helper()
	_, text := askAs(w.tb, w.admin, http.MethodGet, "/openapi.json", "")
	doc := decoded[struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}](w.tb, text)
	for path, item := range doc.Paths {
		segments := strings.Split(path, "/")
		for i, s := range segments {
			if strings.HasPrefix(s, "{") {
				segments[i] = id
			}
		}
		for method := range item {
			list = append(list, struct{ method, path string }{strings.ToUpper(method), strings.Join(segments, "/")})
		}
	}
	if len(list) < 40 {
		w.tb.Fatalf("the description has %d calls, want all", len(list))
	}
	return list
}

func TestNoSecretGetsIntoRepliesOrTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const marker = "MARKER-of-a-secret"
	encoded := base64.StdEncoding.EncodeToString([]byte(marker))
	quoted := `"` + marker + `"`
	bodies := []string{
		marker, // not JSON at all
		quoted, // JSON of the wrong type
		`{"` + marker + `":1}`,
		`{"pin":` + quoted + `,"kind":` + quoted + `,"url":"h","slot":7}`,
		`{"kind":"Softhsm","url":"h","slot":7,"pin":` + quoted + `,"tls":{"mode":"required","ca":{"ca_set":"global_roots"},"client_key":"` + encoded + `"}}`,
		`{"kind":"Softhsm","url":"` + marker + `/x","slot":7,"pin":[` + quoted + `]}`,
		`{"id":` + quoted + `,"config":{"kind":"Softhsm","url":"h","slot":7,"pin":` + quoted + `}}`,
		`{"config":{"kind":"Softhsm","url":"h","slot":7,"pin":` + quoted + `}}`,
		`{"add_hmg":[{"kind":"Softhsm","url":"h","slot":7,"pin":` + quoted + `}],"mod_hmg":{` + quoted + `:{}},"del_hmg":[` + quoted + `]}`,
		`{"name":"g","add_hmg":[{"kind":"Softhsm","url":"h","slot":7,"pin":` + quoted + `}]}`,
		`{"user_email":"m@example.com","user_password":` + quoted + `}`,
		`{"user_email":` + quoted + `,"user_password":` + quoted + `}`,
		`{"user_email":"n@example.com","user_password":["` + marker + `"]}`,
		`{"current_password":` + quoted + `,"new_password":` + quoted + `}`,
		`{"method":"password","email":"` + adminEmail + `","password":` + quoted + `}`,
		`{"method":` + quoted + `,"password":{"a":` + quoted + `},"token_type":` + quoted + `}`,
		`{"credential":{"secret":` + quoted + `},"name":"a","role":` + quoted + `}`,
		`{"name":"a","add_groups":{` + quoted + `:[` + quoted + `]},"default_group":` + quoted + `}`,
		`{"account_role":[` + quoted + `],"add_groups":[` + quoted + `]}`,
		`{"acct_id":` + quoted + `}`,
		`{"name":"v","obj_type":"SECRET","value":"` + encoded + `","key_ops":["APPMANAGEABLE"],"group_id":"` + w.local + `"}`,
		`{"name":"v2","obj_type":"AES","value":"` + encoded + `","group_id":"` + w.local + `"}`,
		`{"name":"v3","obj_type":` + quoted + `,"key_ops":[` + quoted + `],"elliptic_curve":` + quoted + `,"state":` + quoted + `}`,
		`{"kid":` + quoted + `}`, `{"key":{"kid":` + quoted + `},"alg":` + quoted + `,"mode":` + quoted + `,"plain":"` + encoded + `"}`,
		`{"key":{"inline":{"value":"` + encoded + `","obj_type":"AES"}},"alg":"AES","mode":"GCM","cipher":"` + encoded + `"}`,
		`{"key":{"kid":7},"hash_alg":` + quoted + `,"data":"` + encoded + `","signature":"` + encoded + `","mac":"` + encoded + `"}`,
	}
	const unknown = "ffffffff-ffff-4fff-8fff-ffffffffffff"
	check := func(what string, a answer) {
		t.Helper()
		for _, secret := range []string{marker, encoded, strings.TrimRight(encoded, "="), hsmPIN, "password of"} {
			if strings.Contains(a.body, secret) || strings.Contains(strings.Join(slices.Concat(headers(a.header)...), " "), secret) {
				t.Errorf("%s: the reply shows %q:\n%d %s", what, secret, a.status, a.body)
			}
		}
		if a.status == http.StatusInternalServerError {
			t.Errorf("%s: got 500 %s", what, a.body)
		}
	}
	for _, c := range w.calls(unknown) {
		if strings.HasSuffix(c.path, "/terminate") {
			continue
		}
		for _, body := range bodies {
			check(c.method+" "+c.path+" "+body, w.direct(c.method, c.path+"?sort="+marker+"&limit="+marker+"&pkcs11_id="+marker, w.admins(), body))
			check(c.method+" "+c.path+" "+body, w.direct(c.method, c.path, w.authorization(), body))
			if c.method == http.MethodGet {
				break
			}
		}
		check(c.method+" "+c.path, w.direct(c.method, strings.ReplaceAll(c.path, unknown, marker), w.admins(), "{}"))
		for _, header := range []string{"Basic " + marker, "Bearer " + marker, marker, "Basic " + base64.StdEncoding.EncodeToString([]byte(adminEmail+":"+marker))} {
			check(c.method+" "+c.path+" as "+header, w.direct(c.method, c.path, header, "{}"))
		}
	}
	// And a change of what exists.
	for _, body := range bodies {
		for _, path := range []string{"/sys/v1/groups/" + w.slot, "/sys/v1/groups/" + w.local} {
			check("PATCH "+path+" "+body, w.direct(http.MethodPatch, path, w.admins(), body))
		}
		for _, path := range []string{"/sys/v1/groups/" + w.slot + "/hmg/check", "/gatehouse/v1/groups/" + w.slot + "/connections/check"} {
			check("POST "+path+" "+body, w.direct(http.MethodPost, path, w.admins(), body))
		}
	}
	log := w.log.String()
	if !strings.Contains(log, "status=400") || !strings.Contains(log, "status=200") {
		t.Fatal("the log does not hold what was asked")
	}
	id, secret := w.credential()
	login := w.send(http.MethodPost, "/sys/v1/session/auth", "Basic "+base64.StdEncoding.EncodeToString([]byte(id+":"+secret)), "")
	if login.status != http.StatusOK {
		t.Fatalf("logging in: got %d %s", login.status, login.body)
	}
	token := strings.Split(strings.SplitAfter(login.body, `"access_token":"`)[1], `"`)[0]
	for _, hidden := range []string{marker, encoded, hsmPIN, secret, token, strings.TrimPrefix(w.admins(), "Bearer "), unknown} {
		if at := strings.Index(w.log.String(), hidden); at >= 0 {
			t.Errorf("the log shows %q: …%s", hidden, w.log.String()[max(0, at-200):at+len(hidden)])
		}
	}
}

// direct is send without the network: for very many requests.
func (w *world) direct(method, target, authorization, body string) answer {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", authorization)
	reply := httptest.NewRecorder()
	w.server.Config.Handler.ServeHTTP(reply, r)
	return answer{reply.Code, reply.Header(), reply.Body.String()}
}

func headers(h http.Header) (values [][]string) {
	for _, v := range h {
		values = append(values, v)
	}
	return values
}
