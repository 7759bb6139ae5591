package restapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"gatehouse/adapters/dsmwire"
)

// Policies of RSA keys are read and shown as the API spells them.
func TestRSAPoliciesOnTheWire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const byDefault = `"encryption_policy":[{"padding":{"OAEP":{}}}],"signature_policy":[{}]`
	for i, c := range []struct {
		rsa    string
		status int
		says   string
	}{
		{`null`, 201, byDefault},
		{`{}`, 201, byDefault},
		{`{"encryption_policy":null,"signature_policy":null}`, 201, byDefault},
		{`{"minimum_key_length":4096}`, 201, byDefault}, // which has no effect on a key
		{`{"encryption_policy":[{}]}`, 201, `"encryption_policy":[{}],"signature_policy":[{}]`},
		{`{"encryption_policy":[{"padding":null}]}`, 201, `"encryption_policy":[{}]`},
		{`{"encryption_policy":[],"signature_policy":[]}`, 201, `"encryption_policy":[],"signature_policy":[]`},
		{
			`{"encryption_policy":[{"padding":{"PKCS1_V15":{}}},{"padding":{"OAEP":{"mgf":{"mgf1":{"hash":"SHA384"}}}}}]}`, 201,
			`"encryption_policy":[{"padding":{"PKCS1_V15":{}}},{"padding":{"OAEP":{"mgf":{"mgf1":{"hash":"SHA384"}}}}}]`,
		},
		{`{"encryption_policy":[{"padding":{"OAEP":{"mgf":{"mgf1":{}}}}}]}`, 201, byDefault},
		{`{"encryption_policy":[{"padding":{"OAEP":{"mgf":null}}}]}`, 201, byDefault},
		{`{"signature_policy":[{"padding":{"PSS":{"mgf":{"mgf1":{"hash":"SHA512"}}}}}]}`, 201, `"signature_policy":[{"padding":{"PSS":{"mgf":{"mgf1":{"hash":"SHA512"}}}}}]`},
		{`{"encryption_policy":[{"padding":{"RAW_DECRYPT":{}}}]}`, 501, "RAW_DECRYPT is not supported"},
		{`{"encryption_policy":[{"padding":{"OAEP":{"mgf":{"mgf1":{"hash":"RIPEMD160"}}}}}]}`, 501, "RIPEMD160 is not supported"},
		{`{"encryption_policy":[{"padding":{"OAEP":{"mgf":{"mgf1":{"hash":"marker"}}}}}]}`, 400, "digest algorithm"},
		{`{"encryption_policy":[{"padding":{"OAEP":{"mgf":{"mgf1":{"hash":""}}}}}]}`, 400, "mgf"},
		{`{"encryption_policy":[{"padding":{"OAEP":{"mgf":{"mgf2":{}}}}}]}`, 400, "mgf"},
		{`{"encryption_policy":[{"padding":{"OAEP":null}}]}`, 400, "padding"},
		{`{"encryption_policy":[{"padding":{}}]}`, 400, "padding"},
		{`{"encryption_policy":[{"padding":"OAEP"}]}`, 400, "padding"},
		{`{"encryption_policy":[{"padding":{"OAEP":{},"PKCS1_V15":{}}}]}`, 400, "padding"},
		{`{"encryption_policy":[{"padding":{"marker":{}}}]}`, 400, "padding"},
		{`{"encryption_policy":[{"padding":{"PSS":{}}}]}`, 400, "padding must be OAEP or PKCS1_V15"},
		{`{"signature_policy":[{"padding":{"OAEP":{}}}]}`, 400, "padding must be PSS or PKCS1_V15"},
		{`{"encryption_policy":[` + strings.Repeat(`{},`, 40) + `{}]}`, 400, "at most 32 rules"},
	} {
		status, reply := w.ask(http.MethodPost, "/crypto/v1/keys", fmt.Sprintf(`{"name":"key %d","group_id":%q,"obj_type":"RSA","key_size":2048,"rsa":%s}`, i, w.local, c.rsa))
		if status != c.status || !strings.Contains(reply, c.says) || strings.Contains(reply, "marker") {
			t.Errorf("%s: got %d %s, want %d with %q", c.rsa, status, reply, c.status, c.says)
		}
	}
	if status, reply := w.ask(http.MethodPost, "/crypto/v1/keys", `{"name":"x","group_id":"`+w.local+`","obj_type":"AES","key_size":256,"rsa":{"signature_policy":[{}]}}`); status != 400 || !strings.Contains(reply, "for RSA keys only") {
		t.Errorf("of an AES key: got %d %s", status, reply)
	}
}

// A change of one policy leaves the other; what is made of a key has its policies.
func TestRSAPoliciesThroughAKeysLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, group := range []string{w.local, w.slot} {
		name := "of " + group
		k := w.generate(dsmwire.SobjectRequest{Name: &name, GroupID: &group, ObjType: "RSA", KeySize: ptr(uint32(2048)), KeyOps: ptr([]string{"SIGN", "VERIFY", "ENCRYPT", "DECRYPT", "EXPORT", "APPMANAGEABLE"})})
		const pss, v15 = `{"padding":{"PSS":{}}}`, `{"padding":{"PKCS1_V15":{}}}`
		for _, c := range []struct{ method, path, body, says string }{
			{http.MethodPatch, "/crypto/v1/keys/" + k.KID, `{"rsa":{"signature_policy":[` + pss + `]}}`, `"encryption_policy":[{"padding":{"OAEP":{}}}],"signature_policy":[` + pss + `]`},
			{http.MethodPatch, "/crypto/v1/keys/" + k.KID, `{"rsa":{"encryption_policy":[` + v15 + `]}}`, `"encryption_policy":[` + v15 + `],"signature_policy":[` + pss + `]`},
			{http.MethodPatch, "/crypto/v1/keys/" + k.KID, `{"description":"d"}`, `"encryption_policy":[` + v15 + `],"signature_policy":[` + pss + `]`},
			{http.MethodPost, "/crypto/v1/keys/copy", fmt.Sprintf(`{"key":{"kid":%q},"name":%q,"group_id":%q}`, k.KID, "copy "+name, w.local), `"encryption_policy":[` + v15 + `],"signature_policy":[` + pss + `]`},
			{http.MethodPost, "/crypto/v1/keys/rekey", fmt.Sprintf(`{"name":%q}`, name), `"encryption_policy":[` + v15 + `],"signature_policy":[` + pss + `]`},
			{http.MethodPost, "/crypto/v1/keys/rekey", fmt.Sprintf(`{"name":%q,"rsa":{"signature_policy":[]}}`, name), `"encryption_policy":[` + v15 + `],"signature_policy":[]`},
		} {
			if group == w.slot && strings.HasSuffix(c.path, "/copy") {
				continue // the value stays in the HSM
			}
			status, reply := w.ask(c.method, c.path, c.body)
			if status >= 300 || !strings.Contains(reply, c.says) {
				t.Errorf("%s %s %s: got %d %s, want %s", c.method, c.path, c.body, status, reply, c.says)
			}
		}
	}
}

// However a key is reached, its policy counts; a key that is given by its value
// has none.
func TestRSAPoliciesInEveryCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const v15, data = `"mode":{"PKCS1_V15":{}}`, `"data":"AAAA","hash_alg":"SHA256"`
	const policy = `"obj_type":"RSA","key_size":2048,"key_ops":["SIGN","VERIFY","ENCRYPT","DECRYPT","EXPORT"],"rsa":{"signature_policy":[{"padding":{"PSS":{}}}]}`
	field := func(path, body, name string) string {
		status, reply := w.ask(http.MethodPost, path, body)
		_, rest, found := strings.Cut(reply, `"`+name+`":"`)
		if value, _, ended := strings.Cut(rest, `"`); status < 300 && found && ended {
			return value
		}
		t.Fatalf("%s: got %d, want %s", path, status, name)
		return ""
	}
	kid := field("/crypto/v1/keys", `{"name":"stored","group_id":"`+w.local+`",`+policy+`}`, "kid")
	value := field("/crypto/v1/keys/export", `{"kid":"`+kid+`"}`, "value")
	token := field("/crypto/v1/keys", `{"transient":true,"group_id":"`+w.local+`",`+policy+`}`, "transient_key")

	byID, byToken := `"key":{"kid":"`+kid+`"}`, `"key":{"transient_key":"`+token+`"}`
	inline := `"key":{"inline":{"obj_type":"RSA","value":"` + value + `"}}`
	for _, c := range []struct {
		what, path, body string
		says             string // in every reply, whatever its status
	}{
		{"signing", "sign", `{` + byID + `,` + data + `,` + v15 + `}`, "not permitted by the key's signature_policy"},
		{"signing as the policy has it", "sign", `{` + byID + `,` + data + `}`, `"signature":`},
		{"verifying", "verify", `{` + byID + `,` + data + `,` + v15 + `,"signature":"AAAA"}`, "not permitted by the key's signature_policy"},
		{"encrypting", "encrypt", `{` + byID + `,"alg":"RSA","plain":"AAAA",` + v15 + `}`, "not permitted by the key's encryption_policy"},
		{"decrypting", "decrypt", `{` + byID + `,"cipher":"AAAA",` + v15 + `}`, "not permitted by the key's encryption_policy"},
		{"signing in a batch", "keys/batch/sign", `[{` + byID + `,` + data + `,` + v15 + `}]`, "not permitted by the key's signature_policy"},
		{"encrypting in a batch", "keys/batch/encrypt", `[{"kid":"` + kid + `","request":{"alg":"RSA","plain":"AAAA",` + v15 + `}}]`, "not permitted by the key's encryption_policy"},
		{"signing with a transient key", "sign", `{` + byToken + `,` + data + `,` + v15 + `}`, "not permitted by the key's signature_policy"},
		{"a transient key as its policy has it", "sign", `{` + byToken + `,` + data + `}`, `"signature":`},
		{"encrypting with a transient key", "encrypt", `{` + byToken + `,"alg":"RSA","plain":"AAAA",` + v15 + `}`, "not permitted by the key's encryption_policy"},
		{"signing with an inline key", "sign", `{` + inline + `,` + data + `,` + v15 + `}`, `"signature":`},
		{"encrypting with an inline key", "encrypt", `{` + inline + `,"alg":"RSA","plain":"AAAA",` + v15 + `}`, `"cipher":`},
	} {
		if status, reply := w.ask(http.MethodPost, "/crypto/v1/"+c.path, c.body); !strings.Contains(reply, c.says) {
			t.Errorf("%s: got %d %s, want %q", c.what, status, reply, c.says)
		}
	}
	status, reply := w.ask(http.MethodPost, "/crypto/v1/keys/persist", `{"name":"kept","group_id":"`+w.local+`","transient_key":"`+token+`"}`)
	if status != http.StatusCreated || !strings.Contains(reply, `"signature_policy":[{"padding":{"PSS":{}}}]`) {
		t.Errorf("persisting: got %d %s, want the policy of the transient key", status, reply)
	}
}
