package restapi_test

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
)

// A key's life over REST, with the status codes that clients test for.
func TestLifeCycle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name, ops, group := "k", []string{"ENCRYPT", "DECRYPT", "EXPORT", "APPMANAGEABLE"}, w.local
	size := uint32(256)
	k, err := w.app.Generate(t.Context(), dsmwire.SobjectRequest{
		Name: &name, GroupID: &group, ObjType: "AES", KeySize: &size, KeyOps: &ops, State: "PreActive",
	})
	must(t, err)
	if k.State != "PreActive" || !k.ActivationDate.IsZero() {
		t.Errorf("got %+v, want it not active", k)
	}
	one := "/crypto/v1/keys/" + k.KID
	for _, c := range []struct {
		method, path, body string
		want               int
		says               string
	}{
		{http.MethodPost, one + "/activate", "", 204, ""},
		{http.MethodPost, one + "/activate", "", 409, "never active"},
		{http.MethodPost, "/crypto/v1/keys/copy", `{"key":{"kid":"` + k.KID + `"},"name":"copy"}`, 201, `"copiedFrom":"` + k.KID},
		{http.MethodPost, "/crypto/v1/keys/copy", `{"key":{"name":"k"}}`, 400, "name is required"},
		{http.MethodPost, "/crypto/v1/keys/copy", `{"key":{"name":"k"},"name":"c","key_ops":["MACGENERATE"]}`, 403, "MACGENERATE"},
		{http.MethodPost, "/crypto/v1/keys/copy", `{"key":{"name":"k"},"name":"c","key_size":128}`, 400, "original"},
		{http.MethodPost, "/crypto/v1/keys/rekey", `{"name":"k","deactivate_rotated_key":true,"key_size":128,"description":"new"}`, 201, `"replaced":"` + k.KID},
		{http.MethodPost, "/crypto/v1/keys/rekey", `{"name":"nobody"}`, 404, "sobject does not exist"},
		{http.MethodPost, "/crypto/v1/keys/rekey", `{}`, 400, "name is required"},
		{http.MethodPost, "/crypto/v1/keys/rekey", `{"name":"k","obj_type":"RSA"}`, 400, "obj_type"},
		{http.MethodPost, "/crypto/v1/keys/rekey", `{"name":"k","value":"AAAA"}`, 400, "value"},
		{http.MethodPost, one + "/revoke", `{"code":"Boredom"}`, 400, "revocation code"},
		{http.MethodPost, one + "/revoke", `{"code":"Superseded"}`, 409, "Deactivated"},
		{http.MethodPost, one + "/revoke", `{"code":"KeyCompromise","message":"found in a bin","compromise_occurance_date":"20261101T000000Z"}`, 204, ""},
		{http.MethodPost, "/crypto/v1/keys/info", `{"kid":"` + k.KID + `"}`, 200, `"compromise_occurance_date":"20261101T000000Z"`},
		{http.MethodDelete, one + "/private", "", 400, "no private half"},
		{http.MethodPut, one + "/revert", `{"ids":["00000000-0000-4000-8000-00000000ffff"]}`, 400, "history"},
		{http.MethodPost, one + "/schedule_deletion", `{"pending_window_in_days":7}`, 501, "use destroy or delete"},
		{http.MethodPost, one + "/delete_key_material", "", 501, "use destroy or delete"},
		{http.MethodPost, one + "/destroy", "", 204, ""},
		{http.MethodPost, one + "/destroy", "", 409, "destroyed"},
		{http.MethodGet, one, "", 404, "sobject does not exist"},
		{http.MethodGet, one + "?show_destroyed=true", "", 200, `"state":"Destroyed"`},
		{http.MethodDelete, one, "", 204, ""},
		{http.MethodDelete, one, "", 404, "sobject does not exist"},
		{http.MethodGet, one + "?show_destroyed=true", "", 404, "sobject does not exist"},
		{http.MethodGet, one + "?show_destroyed=true&show_deleted=true", "", 200, `"state":"Deleted"`},
		{http.MethodPost, "/crypto/v1/keys/replace", `{"replaced":{"name":"k"},"replaced_new_name":"old k","replacement":{"name":"copy"}}`, 204, ""},
		{http.MethodPost, "/crypto/v1/keys/info", `{"name":"k"}`, 200, `"copiedFrom":"` + k.KID},
	} {
		status, reply := w.ask(c.method, c.path, c.body)
		if status != c.want || !strings.Contains(reply, c.says) {
			t.Errorf("%s %s %s: got %d %s, want %d and %q", c.method, c.path, c.body, status, reply, c.want, c.says)
		}
	}
	list, err := w.app.Keys(t.Context(), dsmclient.KeyQuery{GroupID: group, ShowDestroyed: true, ShowDeleted: true})
	must(t, err)
	if len(list) != 3 {
		t.Errorf("got %d keys with the deleted one, want 3", len(list))
	}
}

// A rotation policy comes back as it was given, and "remove" or {} ends it.
func TestRotationPolicyOnTheWire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const create = `{"name":"k","obj_type":"AES","key_size":256,"rotation_policy":{"interval_months":3,"effective_at":"20270101T090000Z","deactivate_rotated_key":true,"rotate_copied_keys":"all_external"}}`
	status, reply := w.ask(http.MethodPost, "/crypto/v1/keys", create)
	for _, says := range []string{
		`"rotation_policy":{"interval_months":3,"effective_at":"20270101T090000Z","deactivate_rotated_key":true,"rotate_copied_keys":"all_external"}`,
		`"scheduled_rotation":"20270101T090000Z"`,
	} {
		if status != 201 || !strings.Contains(reply, says) {
			t.Errorf("got %d %s, want %s", status, reply, says)
		}
	}
	k, err := w.app.Key(t.Context(), dsmclient.ByName("k"))
	must(t, err)
	for _, c := range []struct {
		body string
		want int
		says string
	}{
		{`{"rotation_policy":{"interval_days":3,"interval_months":1}}`, 400, "one of"},
		{`{"rotation_policy":{"interval_days":100000}}`, 400, "interval"},
		{`{"rotation_policy":{"interval_days":3,"rotate_copied_keys":"some"}}`, 400, "rotate_copied_keys"},
		{`{"rotation_policy":{"interval_days":3,"rotate_copied_keys":{"select":["00000000-0000-4000-8000-00000000ffff"]}}}`, 200, `"rotate_copied_keys":{"select":["00000000-0000-4000-8000-00000000ffff"]}`},
		{`{"rotation_policy":null}`, 200, `"interval_days":3`},
		{`{"rotation_policy":{}}`, 200, `"public_only"`},
	} {
		status, reply := w.ask(http.MethodPatch, "/crypto/v1/keys/"+k.KID, c.body)
		if status != c.want || !strings.Contains(reply, c.says) {
			t.Errorf("%s: got %d %s, want %d and %q", c.body, status, reply, c.want, c.says)
		}
	}
	if _, reply := w.ask(http.MethodGet, "/crypto/v1/keys/"+k.KID, ""); strings.Contains(reply, "rotation") {
		t.Errorf("got %s, want no rotation any more", reply)
	}
}
