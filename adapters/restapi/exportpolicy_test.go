package restapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const aKey = "99999999-0000-4000-8000-000000000001"

// Policies of export are read and shown as the API spells them.
func TestExportPoliciesOnTheWire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const wrappedByAny = `{"$type":"Wrapped","by":{"$type":"Any"},"allow_weakening":true}`
	for i, c := range []struct {
		policy string
		status int
		says   string
	}{
		{wrappedByAny, 201, `"export_policy":` + wrappedByAny},
		{`{"$type":"Wrapped","by":{"$type":"Only","keys":[{"kid":"` + aKey + `"}]},"allow_weakening":false}`, 201, `"export_policy":{"$type":"Wrapped","by":{"$type":"Only","keys":[{"kid":"` + aKey + `"}]},"allow_weakening":false}`},
		{`{"$type":"Wrapped","by":{"$type":"Only","keys":[]},"allow_weakening":true}`, 201, `"by":{"$type":"Only","keys":[]}`},
		{`{"$type":"Unrestricted","allow_weakening":false}`, 201, `"export_policy":{"$type":"Unrestricted","allow_weakening":false}`},
		{`{"$type":"Unrestricted","allow_weakening":true}`, 201, `"kid"`},
		{`null`, 201, `"kid"`},
		{`{}`, 201, `"kid"`},
		{`{"$type":"Unrestricted"}`, 400, "allow_weakening"},
		{`{"$type":"marker","allow_weakening":true}`, 400, "$type"},
		{`{"allow_weakening":true}`, 400, "$type"},
		{`{"$type":"Unrestricted","by":{"$type":"Any"},"allow_weakening":true}`, 400, "by"},
		{`{"$type":"Wrapped","allow_weakening":true}`, 400, "by"},
		{`{"$type":"Wrapped","by":{"$type":"marker"},"allow_weakening":true}`, 400, "by"},
		{`{"$type":"Wrapped","by":{"$type":"Only"},"allow_weakening":true}`, 400, "by"},
		{`{"$type":"Wrapped","by":{"$type":"Any","keys":[]},"allow_weakening":true}`, 400, "by"},
		{`{"$type":"Wrapped","by":{"$type":"Only","keys":[{"kid":"marker"}]},"allow_weakening":true}`, 400, "kid"},
		{`{"$type":"Wrapped","by":{"$type":"Only","keys":[{"name":"marker"}]},"allow_weakening":true}`, 501, "by kid"},
		{`{"$type":"Wrapped","by":{"$type":"Only","keys":[` + strings.Repeat(`{"kid":"`+aKey+`"},`, 100) + `{"kid":"` + aKey + `"}]},"allow_weakening":true}`, 400, "more than 100 keys"},
	} {
		body := fmt.Sprintf(`{"name":"key %d","group_id":%q,"obj_type":"AES","key_size":256,"export_policy":%s}`, i, w.local, c.policy)
		status, reply := w.ask(http.MethodPost, "/crypto/v1/keys", body)
		if status != c.status || !strings.Contains(reply, c.says) || strings.Contains(reply, "marker") {
			t.Errorf("%s: got %d %s, want %d with %q", c.policy, status, reply, c.status, c.says)
		}
	}
}

// A value leaves as the policy has it, here and from an HSM.
func TestExportPolicyIsObeyed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, group := range []string{w.local, w.slot} {
		kek, other := w.wrapper("kek of "+group, group), w.wrapper("other of "+group, group)
		policy := `{"$type":"Wrapped","by":{"$type":"Only","keys":[{"kid":"` + kek.KID + `"}]},"allow_weakening":false}`
		status, reply := w.ask(http.MethodPost, "/crypto/v1/keys", `{"name":"subject of `+group+`","group_id":"`+group+
			`","obj_type":"AES","key_size":256,"key_ops":["ENCRYPT","EXPORT","APPMANAGEABLE"],"export_policy":`+policy+`}`)
		_, rest, _ := strings.Cut(reply, `"kid":"`)
		kid, _, _ := strings.Cut(rest, `"`)
		if status != http.StatusCreated {
			t.Fatalf("generating: got %d %s", status, reply)
		}
		wrap := func(by string) string {
			return `{"key":` + by + `,"alg":"AES","mode":"KW","subject":{"kid":"` + kid + `"}}`
		}
		const inline = `{"inline":{"obj_type":"AES","value":"AAAAAAAAAAAAAAAAAAAAAA=="}}`
		for _, c := range []struct {
			what, method, path, body string
			status                   int
			says                     string
		}{
			{"exporting it", http.MethodPost, "/crypto/v1/keys/export", `{"kid":"` + kid + `"}`, 403, "export_policy"},
			{"a digest of it", http.MethodPost, "/crypto/v1/keys/digest", `{"key":{"kid":"` + kid + `"},"alg":"SHA256"}`, 403, "export_policy"},
			{"wrapping it with the key that is named", http.MethodPost, "/crypto/v1/wrapkey", wrap(`{"kid":"` + kek.KID + `"}`), 200, "wrapped_key"},
			{"wrapping it with another", http.MethodPost, "/crypto/v1/wrapkey", wrap(`{"kid":"` + other.KID + `"}`), 403, "export_policy"},
			{"wrapping it with an inline key", http.MethodPost, "/crypto/v1/wrapkey", wrap(inline), 403, "export_policy"},
			{"relaxing it", http.MethodPatch, "/crypto/v1/keys/" + kid, `{"export_policy":{"$type":"Unrestricted","allow_weakening":true}}`, 403, "relaxed"},
			{"leaving it as it is", http.MethodPatch, "/crypto/v1/keys/" + kid, `{"export_policy":` + policy + `}`, 200, policy},
			{"saying nothing of it", http.MethodPatch, "/crypto/v1/keys/" + kid, `{"description":"d"}`, 200, policy},
			{"rotating it with a weaker one", http.MethodPost, "/crypto/v1/keys/rekey", `{"name":"subject of ` + group + `","export_policy":{"$type":"Unrestricted","allow_weakening":true}}`, 403, "relaxed"},
			{"rotating it", http.MethodPost, "/crypto/v1/keys/rekey", `{"name":"subject of ` + group + `"}`, 201, policy},
		} {
			status, reply := w.ask(c.method, c.path, c.body)
			if status != c.status || !strings.Contains(reply, c.says) {
				t.Errorf("%s: got %d %s, want %d with %q", c.what, status, reply, c.status, c.says)
			}
		}
	}
}

// Copies and what is made persistent keep the policy, and do not cross the border
// of a group with it.
func TestExportPolicyOfCopies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const policy = `{"$type":"Wrapped","by":{"$type":"Any"},"allow_weakening":true}`
	const shape = `"obj_type":"AES","key_size":256,"key_ops":["ENCRYPT","EXPORT","APPMANAGEABLE"],"export_policy":` + policy
	field := func(path, body, name string) string {
		status, reply := w.ask(http.MethodPost, path, body)
		_, rest, found := strings.Cut(reply, `"`+name+`":"`)
		if value, _, ended := strings.Cut(rest, `"`); status < 300 && found && ended {
			return value
		}
		t.Fatalf("%s: got %d %s, want %s", path, status, reply, name)
		return ""
	}
	kid := field("/crypto/v1/keys", `{"name":"k","group_id":"`+w.local+`",`+shape+`}`, "kid")
	token := field("/crypto/v1/keys", `{"transient":true,"group_id":"`+w.local+`",`+shape+`}`, "transient_key")
	for _, c := range []struct {
		what, path, body string
		status           int
		says             string
	}{
		{"a copy", "copy", `{"key":{"kid":"` + kid + `"},"name":"copy","group_id":"` + w.local + `"}`, 201, policy},
		{"a copy in an HSM", "copy", `{"key":{"kid":"` + kid + `"},"name":"inside","group_id":"` + w.slot + `"}`, 403, "export_policy"},
		{"exporting a transient key", "export", `{"transient_key":"` + token + `"}`, 403, "export_policy"},
		{"a transient key that goes into an HSM", "persist", `{"transient_key":"` + token + `","name":"p","group_id":"` + w.slot + `"}`, 403, "export_policy"},
		{"a transient key that is kept", "persist", `{"transient_key":"` + token + `","name":"p","group_id":"` + w.local + `"}`, 201, policy},
	} {
		status, reply := w.ask(http.MethodPost, "/crypto/v1/keys/"+c.path, c.body)
		if status != c.status || !strings.Contains(reply, c.says) {
			t.Errorf("%s: got %d %s, want %d with %q", c.what, status, reply, c.status, c.says)
		}
	}
}
