package restapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
	"gatehouse/features/contract"
)

func secretBytes(b []byte) dsmwire.SecretBytes {
	return dsmwire.NewSecretBytes(secret.New(bytes.Clone(b)))
}

// One key's life, with the status of every step as clients compare it.
func TestLifeOfAKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, group := range []struct{ name, id string }{{"ordinary", w.local}, {"HSM", w.slot}} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			made := fmt.Sprintf(`{"name":%q,"obj_type":"AES","key_size":256,"group_id":%q,"description":null,"key_ops":["ENCRYPT","EXPORT","APPMANAGEABLE"]}`, group.name, group.id)
			status, reply := w.ask(http.MethodPost, "/crypto/v1/keys", made)
			if status != 201 {
				t.Fatalf("generating: got %d %s, want 201", status, reply)
			}
			k := decoded[dsmwire.Sobject](t, reply)
			other := map[string]string{w.local: w.slot, w.slot: w.local}
			for _, c := range []struct {
				what, method, target, body string
				status                     int
				says                       string
			}{
				{"the same name again", http.MethodPost, "/crypto/v1/keys", made, 409, "sobject already exists"},
				{"by name", http.MethodPost, "/crypto/v1/keys/info", `{"name":"` + group.name + `"}`, 200, k.KID},
				{"by id", http.MethodPost, "/crypto/v1/keys/info", `{"kid":"` + k.KID + `","name":null}`, 200, k.KID},
				{"by path", http.MethodGet, "/crypto/v1/keys/" + k.KID + "?show_destroyed=true&show_deleted=true", "", 200, k.KID},
				{"with a trailing slash", http.MethodGet, "/crypto/v1/keys/" + k.KID + "/", "", 200, k.KID},
				{"renamed", http.MethodPatch, "/crypto/v1/keys/" + k.KID, `{"name":"` + group.name + ` renamed","custom_metadata":{"a":"b"}}`, 200, `"a":"b"`},
				{"what is not given stays", http.MethodPatch, "/crypto/v1/keys/" + k.KID, `{"description":"words"}`, 200, `"a":"b"`},
				{"as it is", http.MethodPatch, "/crypto/v1/keys/" + k.KID, `{"obj_type":"AES","key_size":256,"group_id":"` + group.id + `","state":"Active","activation_date":"20261121T213000Z"}`, 200, "words"},
				{"another type", http.MethodPatch, "/crypto/v1/keys/" + k.KID, `{"obj_type":"RSA"}`, 400, "obj_type"},
				{"another size", http.MethodPatch, "/crypto/v1/keys/" + k.KID, `{"key_size":128}`, 400, "key_size"},
				{"another value", http.MethodPatch, "/crypto/v1/keys/" + k.KID, `{"value":"AAAA"}`, 400, "value"},
				{"another state", http.MethodPatch, "/crypto/v1/keys/" + k.KID, `{"state":"Destroyed"}`, 400, "state"},
				{"into a group of the other kind", http.MethodPatch, "/crypto/v1/keys/" + k.KID, `{"group_id":"` + other[group.id] + `"}`, 501, "HSM group is not supported"},
				{"into a group that is not there", http.MethodPatch, "/crypto/v1/keys/" + k.KID, `{"group_id":"99999999-0000-4000-8000-000000000000"}`, 404, "group does not exist"},
				{"fewer operations", http.MethodPatch, "/crypto/v1/keys/" + k.KID, `{"key_ops":["APPMANAGEABLE"]}`, 200, `"key_ops":["APPMANAGEABLE"]`},
				{"export again", http.MethodPatch, "/crypto/v1/keys/" + k.KID, `{"key_ops":["EXPORT","APPMANAGEABLE"]}`, 403, "EXPORT"},
				{"exporting what may not leave", http.MethodPost, "/crypto/v1/keys/export", `{"kid":"` + k.KID + `"}`, 403, ""},
				{"deleted", http.MethodDelete, "/crypto/v1/keys/" + k.KID, "", 204, ""},
				{"deleted again", http.MethodDelete, "/crypto/v1/keys/" + k.KID, "", 404, "sobject does not exist"},
				{"gone", http.MethodPost, "/crypto/v1/keys/info", `{"kid":"` + k.KID + `"}`, 404, "sobject does not exist"},
				{"its name is free", http.MethodPost, "/crypto/v1/keys", made, 201, group.name},
			} {
				status, reply := w.ask(c.method, c.target, c.body)
				if status != c.status || !strings.Contains(reply, c.says) || status == 204 && reply != "" {
					t.Errorf("%s: got %d %s, want %d with %q", c.what, status, reply, c.status, c.says)
				}
			}
		})
	}
}

// Bodies of two public clients, and what comes of them.
func TestKeysOfKnownClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	status, reply := w.ask(http.MethodPut, "/crypto/v1/keys", `{"name":"kes","obj_type":"OPAQUE","value":"c2VjcmV0","key_ops":["EXPORT","APPMANAGEABLE"]}`)
	if status != 201 || strings.Contains(reply, "c2VjcmV0") {
		t.Errorf("importing: got %d %s, want 201 without the value", status, reply)
	}
	status, reply = w.ask(http.MethodPost, "/crypto/v1/keys/export", `{"name":"kes"}`)
	if status != 200 || !strings.Contains(reply, `"value":"c2VjcmV0"`) {
		t.Errorf("exporting: got %d %s", status, reply)
	}
	kid := decoded[dsmwire.Sobject](t, reply).KID
	if status, reply = w.ask(http.MethodGet, "/crypto/v1/keys/"+kid+"/export", ""); status != 200 || !strings.Contains(reply, `"value":"c2VjcmV0"`) {
		t.Errorf("exporting by path: got %d %s", status, reply)
	}
	status, reply = w.ask(http.MethodPost, "/crypto/v1/keys", `{"name":"cli","obj_type":"RSA","key_size":2048,"elliptic_curve":null,"enabled":true,"key_ops":["SIGN","VERIFY","ENCRYPT","DECRYPT","WRAPKEY","UNWRAPKEY","APPMANAGEABLE"],"custom_metadata":null,"out":"x","rsa":{"encryption_policy":[{}]},"publish_public_key":{"state":"disabled"},"links":null,"aes":{}}`)
	if status != 201 {
		t.Errorf("as the CLI makes one: got %d %s, want 201", status, reply)
	}
}

// Every way to ask for a key that is not there to be had.
func TestRefusedKeys(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		name, method, body string
		status             int
		says               string
	}{
		{"no type", http.MethodPost, `{"name":"x"}`, 400, "obj_type"},
		{"a type of the API alone", http.MethodPost, `{"name":"x","obj_type":"ARIA"}`, 501, "ARIA"},
		{"a type of nobody", http.MethodPost, `{"name":"x","obj_type":"marker"}`, 400, "obj_type"},
		{"no name", http.MethodPost, `{"obj_type":"AES","key_size":256}`, 400, "name"},
		{"a name of two lines", http.MethodPost, `{"name":"a\nb","obj_type":"AES","key_size":256}`, 400, "name"},
		{"a size that does not exist", http.MethodPost, `{"name":"x","obj_type":"AES","key_size":100}`, 400, "key_size"},
		{"an absurd size", http.MethodPost, `{"name":"x","obj_type":"RSA","key_size":4294967295}`, 400, "key_size"},
		{"a negative size", http.MethodPost, `{"name":"x","obj_type":"RSA","key_size":-1}`, 400, "key_size"},
		{"a size as text", http.MethodPost, `{"name":"x","obj_type":"RSA","key_size":"marker"}`, 400, "key_size"},
		{"two sizes", http.MethodPost, `{"name":"x","obj_type":"RSA","key_size":2048,"rsa":{"key_size":4096}}`, 400, "differ"},
		{"two exponents", http.MethodPost, `{"name":"x","obj_type":"RSA","key_size":2048,"pub_exponent":3,"rsa":{"public_exponent":65537}}`, 400, "differ"},
		{"an even exponent", http.MethodPost, `{"name":"x","obj_type":"RSA","key_size":2048,"pub_exponent":65538}`, 400, "exponent"},
		{"exponent for AES", http.MethodPost, `{"name":"x","obj_type":"AES","key_size":256,"pub_exponent":65537}`, 400, "pub_exponent"},
		{"no curve", http.MethodPost, `{"name":"x","obj_type":"EC"}`, 400, "elliptic_curve"},
		{"a curve of the API alone", http.MethodPost, `{"name":"x","obj_type":"EC","elliptic_curve":"Gost256A"}`, 501, "Gost256A"},
		{"a curve of nobody", http.MethodPost, `{"name":"x","obj_type":"EC","elliptic_curve":"marker"}`, 400, "elliptic_curve"},
		{"an operation of nobody", http.MethodPost, `{"name":"x","obj_type":"AES","key_size":256,"key_ops":["marker"]}`, 400, "key_ops"},
		{"no operations", http.MethodPost, `{"name":"x","obj_type":"AES","key_size":256,"key_ops":[]}`, 400, "key_ops"},
		{"an operation of another type", http.MethodPost, `{"name":"x","obj_type":"AES","key_size":256,"key_ops":["SIGN"]}`, 400, "SIGN"},
		{"a group that is none", http.MethodPost, `{"name":"x","obj_type":"AES","key_size":256,"group_id":"marker"}`, 400, "group_id"},
		{"an unknown group", http.MethodPost, `{"name":"x","obj_type":"AES","key_size":256,"group_id":"ffffffff-0000-4000-8000-000000000000"}`, 404, "group does not exist"},
		{"a bad time", http.MethodPost, `{"name":"x","obj_type":"AES","key_size":256,"activation_date":"marker"}`, 400, "time"},
		{"times in the wrong order", http.MethodPost, `{"name":"x","obj_type":"AES","key_size":256,"activation_date":"20300101T000000Z","deactivation_date":"20290101T000000Z"}`, 400, "deactivation_date"},
		{"a state at the end of life", http.MethodPost, `{"name":"x","obj_type":"AES","key_size":256,"state":"Destroyed"}`, 400, "state"},
		{"a value to generate", http.MethodPost, `{"name":"x","obj_type":"AES","key_size":256,"value":"AAAA"}`, 400, "value"},
		{"an empty interval of rotation", http.MethodPost, `{"name":"x","obj_type":"AES","key_size":256,"rotation_policy":{"interval_days":0}}`, 400, "rotation_policy"},
		{"a published key", http.MethodPost, `{"name":"x","obj_type":"RSA","key_size":2048,"publish_public_key":{"state":"enabled"}}`, 501, "publishing"},
		{"a long description", http.MethodPost, `{"name":"x","obj_type":"AES","key_size":256,"description":"` + strings.Repeat("x", 16<<10+1) + `"}`, 400, "description"},
		{"long metadata", http.MethodPost, `{"name":"x","obj_type":"AES","key_size":256,"custom_metadata":{"x":"` + strings.Repeat("x", 64<<10) + `"}}`, 400, "custom_metadata"},
		{"nothing to import", http.MethodPut, `{"name":"x","obj_type":"AES"}`, 400, "value"},
		{"bad base64", http.MethodPut, `{"name":"x","obj_type":"AES","value":"marker!"}`, 400, "base64"},
		{"a value that is no string", http.MethodPut, `{"name":"x","obj_type":"AES","value":{"marker":1}}`, 400, "base64"},
		{"a value of the wrong length", http.MethodPut, `{"name":"x","obj_type":"AES","value":"AAAA"}`, 400, ""},
		{"a value that is no key", http.MethodPut, `{"name":"x","obj_type":"RSA","value":"bWFya2Vy"}`, 400, ""},
		{"a long value", http.MethodPut, `{"name":"x","obj_type":"OPAQUE","value":"` + strings.Repeat("AAAA", 1<<14+1<<13) + `"}`, 400, "value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, group := range []string{w.local, w.slot} {
				body := c.body
				if !strings.Contains(body, "group_id") {
					body = `{"group_id":"` + group + `",` + body[1:]
				}
				status, reply := w.ask(c.method, "/crypto/v1/keys", body)
				if status != c.status || !strings.Contains(reply, c.says) || strings.Contains(reply, "marker") {
					t.Errorf("got %d %s, want %d with %q", status, reply, c.status, c.says)
				}
			}
		})
	}
	all, err := w.app.Keys(t.Context(), dsmclient.KeyQuery{})
	must(t, err)
	if len(all) != 0 {
		t.Errorf("%d keys were made by refused requests", len(all))
	}
	if left := w.hsm.Objects(); len(left) != 0 {
		t.Errorf("%d objects were left in the HSM by refused requests", len(left))
	}
}

// What lies outside of a caller's groups is as what does not exist.
func TestKeysOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.generate(dsmwire.SobjectRequest{Name: ptr("mine"), ObjType: "AES", KeySize: ptr(uint32(256))})
	stranger := w.newApp("stranger", map[string][]string{w.slot: everyPermission})
	for _, c := range []struct{ method, target, body string }{
		{http.MethodPost, "/crypto/v1/keys/info", `{"kid":"` + k.KID + `"}`},
		{http.MethodPost, "/crypto/v1/keys/info", `{"name":"mine"}`},
		{http.MethodPost, "/crypto/v1/keys/export", `{"kid":"` + k.KID + `"}`},
		{http.MethodPost, "/crypto/v1/keys/kcv", `{"kid":"` + k.KID + `"}`},
		{http.MethodGet, "/crypto/v1/keys/" + k.KID, ""},
		{http.MethodPatch, "/crypto/v1/keys/" + k.KID, `{"name":"yours"}`},
		{http.MethodDelete, "/crypto/v1/keys/" + k.KID, ""},
		{http.MethodPost, "/crypto/v1/encrypt", `{"key":{"name":"mine"},"alg":"AES","mode":"GCM","plain":""}`},
		{http.MethodPost, "/crypto/v1/keys/" + k.KID + "/decrypt", `{"mode":"GCM","cipher":""}`},
	} {
		if status, reply := askAs(t, stranger, c.method, c.target, c.body); status != 404 || reply != "sobject does not exist" {
			t.Errorf("%s %s: got %d %s, want 404", c.method, c.target, status, reply)
		}
	}
	if list, err := stranger.Keys(t.Context(), dsmclient.KeyQuery{}); err != nil || len(list) != 0 {
		t.Errorf("a stranger's list holds %d keys: %v", len(list), err)
	}
	if _, err := w.admin.Encrypt(t.Context(), dsmwire.EncryptRequest{Key: byID(k), Alg: "AES", Plain: message, Mode: &dsmwire.Mode{Name: "GCM"}}); !errors.Is(err, fault.Denied) {
		t.Errorf("a user encrypts: got %v, want %v", err, fault.Denied)
	}
	for _, path := range []string{"/crypto/v1/keys", "/crypto/v1/keys/" + k.KID} {
		if status, _ := askAs(t, w.client(dsmclient.Config{}), http.MethodGet, path, ""); status != 401 {
			t.Errorf("%s for nobody: got %d, want 401", path, status)
		}
	}
}

// What was imported is what is exported and what works, in both forms.
func TestImportedKeyIsExportedAsItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	material := []byte("0123456789abcdef0123456789abcdef")
	for _, typ := range []string{"AES", "HMAC", "SECRET", "OPAQUE"} {
		k, err := w.app.Import(t.Context(), dsmwire.SobjectRequest{Name: &typ, ObjType: typ, Value: secretBytes(material), KeyOps: &[]string{"EXPORT"}})
		must(t, err)
		if k.Origin != "External" || *k.KeySize != 256 || !k.Value.IsZero() {
			t.Errorf("%s: got %+v", typ, k)
		}
		out, err := w.app.Export(t.Context(), dsmclient.ByName(typ))
		must(t, err)
		if got := out.Value.Secret().Reveal(reveal.Permit{}); !bytes.Equal(got, material) {
			t.Errorf("%s: exported something else", typ)
		}
	}
}

func TestKCV(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k, err := w.app.Import(t.Context(), dsmwire.SobjectRequest{Name: ptr("zeros"), ObjType: "AES", Value: secretBytes(make([]byte, 16))})
	must(t, err)
	kcv, err := w.app.KCV(t.Context(), dsmclient.ByID(k.KID))
	must(t, err)
	if want := "66E94B"; kcv != want || k.KCV != want { // AES-128 of a zero block under a zero key (FIPS 197)
		t.Errorf("got %s and %s, want %s", kcv, k.KCV, want)
	}
	ec := w.generate(dsmwire.SobjectRequest{Name: ptr("ec"), ObjType: "EC", EllipticCurve: "NistP256"})
	if _, err := w.app.KCV(t.Context(), dsmclient.ByID(ec.KID)); !errors.Is(err, fault.Unsupported) {
		t.Errorf("of an EC key: got %v, want %v", err, fault.Unsupported)
	}
}

// A write to the service survives as it was written, through the client.
func TestUpdateThroughTheClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.generate(dsmwire.SobjectRequest{Name: ptr("k"), ObjType: "AES", KeySize: ptr(uint32(256))})
	changed, err := w.app.UpdateKey(t.Context(), k.KID, dsmwire.SobjectRequest{
		Description: ptr("ä\"\\"), Enabled: ptr(false), KeyOps: &[]string{"ENCRYPT", "APPMANAGEABLE"}, CustomMetadata: &map[string]string{"x": "y"},
		DeactivationDate: ptr(dsmwire.NewTime(beginning.AddDate(0, 1, 0))),
	})
	must(t, err)
	if changed.Description != "ä\"\\" || changed.Enabled || changed.CustomMetadata["x"] != "y" || changed.DeactivationDate.String() != "20261221T213000Z" ||
		!slices.Equal(changed.KeyOps, []string{"ENCRYPT", "APPMANAGEABLE"}) {
		t.Errorf("got %+v", changed)
	}
	_, err = w.app.Encrypt(t.Context(), dsmwire.EncryptRequest{Key: byID(k), Alg: "AES", Plain: message, Mode: &dsmwire.Mode{Name: "GCM"}})
	if !errors.Is(err, fault.Conflict) {
		t.Errorf("with a disabled key: got %v, want 409", err)
	}
}

// Calls that are not there yet say so, and only to who is known.
func TestPendingCallsSaySo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nobody := w.client(dsmclient.Config{})
	for _, c := range []struct{ method, path string }{
		{http.MethodPost, "/crypto/v1/keys/components/export"},
		{http.MethodPost, "/crypto/v1/keys/key_attestation"},
	} {
		if status, reply := w.ask(c.method, c.path, `{"key":{"kid":"x"}}`); status != 501 || !strings.HasSuffix(reply, "is not supported yet") {
			t.Errorf("%s %s: got %d %s", c.method, c.path, status, reply)
		}
		if status, _ := askAs(t, nobody, c.method, c.path, ""); status != 401 {
			t.Errorf("%s %s for nobody: got %d, want 401", c.method, c.path, status)
		}
	}
	if status, reply := askAs(t, nobody, http.MethodGet, "/crypto/v1/pubkey/ffffffff-0000-4000-8000-000000000000/name", ""); status != 404 {
		t.Errorf("a published key: got %d %s, want 404", status, reply)
	}
}

// No call of the API is an unknown path, or answers with a fault of ours.
func TestEveryCallOfTheDocumentAnswers(t *testing.T) {
	t.Parallel()
	path, err := contract.Find(filepath.Join("..", ".."))
	if errors.Is(err, contract.ErrNoDocument) {
		t.Skip("left out:", err)
	}
	must(t, err)
	raw, err := os.ReadFile(path)
	must(t, err)
	doc := decoded[struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}](t, string(raw))
	w := newWorld(t)
	nobody := strings.NewReplacer("{key_id}", "ffffffff-0000-4000-8000-000000000000", "{acct_id}", "ffffffff-0000-4000-8000-000000000000", "{name}", "x")
	seen := 0
	for path, calls := range doc.Paths {
		if !strings.HasPrefix(path, "/crypto/") && !strings.HasPrefix(path, "/batch/") {
			continue
		}
		for method := range calls {
			if method == "parameters" {
				continue
			}
			seen++
			status, reply := w.ask(strings.ToUpper(method), nobody.Replace(path), "{}")
			if status == 405 || status >= 500 && status != 501 || status == 404 && !strings.Contains(reply, "sobject does not exist") {
				t.Errorf("%s %s: got %d %s", method, path, status, reply)
			}
		}
	}
	if seen < 45 {
		t.Errorf("the document has %d calls under /crypto and /batch, want at least 45", seen)
	}
}

// The client gives up when its caller does.
func TestClientObeysItsContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.app.Keys(ctx, dsmclient.KeyQuery{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}
