package restapi_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
)

// Every filter, order and shape of a list.
func TestListingKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	for i, label := range []string{"paylabel", "paylabel", ""} {
		must(t, w.hsm.Add(hsm.Object{
			Class: hsm.SecretKey, Type: keys.AES, ID: []byte{0xfb, 0xef, byte(i)}, Label: []byte(label), Ops: keys.OpEncrypt,
		}, secret.New([]byte(fmt.Sprintf("material %07d", i)))))
	}
	found, err := w.admin.Scan(ctx, w.slot)
	must(t, err)
	for _, n := range []string{"charlie", "alpha", "bravo"} {
		w.generate(dsmwire.SobjectRequest{Name: ptr(n), ObjType: "AES", KeySize: ptr(uint32(128)), CustomMetadata: &map[string]string{"team": n[:1], "x.y": "z"}})
	}
	w.generate(dsmwire.SobjectRequest{Name: ptr("delta"), ObjType: "EC", EllipticCurve: "NistP256"})
	alpha, err := w.app.Key(ctx, dsmclient.ByName("alpha"))
	must(t, err)

	all := []string{"paylabel", "paylabel (2)", "id-fbef02", "charlie", "alpha", "bravo", "delta"}
	for _, c := range []struct {
		name, query string
		want        []string
	}{
		{"everything in order of creation", "", all},
		{"a group", "group_id=" + w.slot, all[:3]},
		{"a group in capitals", "group_id=" + strings.ToUpper(w.slot), all[:3]},
		{"a group that is not there", "group_id=ffffffff-0000-4000-8000-000000000000", nil},
		{"a creator", "creator=" + alpha.Creator.App, all[3:]},
		{"a group that found them", "creator=" + w.slot, all[:3]},
		{"a name", "name=alpha", []string{"alpha"}},
		{"a type", "obj_type=EC", []string{"delta"}},
		{"a label", "pkcs11_label=paylabel", all[:2]},
		{"parameters without a value", "pkcs11_label=&pkcs11_id=&name=&sort=&group_id=" + w.slot, all[:3]},
		{"an id", "pkcs11_id=" + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte{0xfb, 0xef, 1})), all[1:2]},
		{"an id not escaped", "pkcs11_id=" + base64.StdEncoding.EncodeToString([]byte{0xfb, 0xef, 1}), all[1:2]},
		{"an id in the other alphabet", "pkcs11_id=" + base64.URLEncoding.EncodeToString([]byte{0xfb, 0xef, 1}), all[1:2]},
		{"metadata", "custom_metadata.team=b", []string{"bravo"}},
		{"metadata with a dot in its name", "custom_metadata.x.y=z&custom_metadata.team=c", []string{"charlie"}},
		{"by name", "sort=name:asc&group_id=" + w.local, []string{"alpha", "bravo", "charlie", "delta"}},
		{"by name backwards", "sort=name:desc&group_id=" + w.local, []string{"delta", "charlie", "bravo", "alpha"}},
		{"by name from one on", "sort=name:asc&start=bravo&group_id=" + w.local, []string{"charlie", "delta"}},
		{"by id from one on", "sort=kid:asc&start=" + alpha.KID, []string{"bravo", "delta"}},
		{"by id backwards", "sort=kid:desc&limit=2", []string{"delta", "bravo"}},
		{"a part", "limit=2&offset=3", []string{"charlie", "alpha"}},
		{"no limit given", "limit=", all},
		{"nothing", "limit=0", nil},
		{"beyond the end", "offset=100", nil},
		{"values are never shown", "show_value=true&name=alpha", []string{"alpha"}},
		{"what nobody knows is ignored", "colour=red&compliant_with_policies=true&name=alpha", []string{"alpha"}},
		{"a filter", filtered(`{"$and":[{"obj_type":{"$eq":"AES"}},{"name":{"$text":{"$search":"A"}}},{"virtual":false}]}`), []string{"charlie", "alpha", "bravo"}},
		{"a filter within a group", "group_id=" + w.slot + "&" + filtered(`{"pkcs11_label":{"$exists":true}}`), all[:2]},
		{"a filter of another type than asked for", "obj_type=EC&" + filtered(`{"obj_type":"AES"}`), nil},
		{"a filter by names of others", filtered(`{"group_name":{"$exists":true},"creator_name":{"$exists":true},"name":{"$ne":"delta"}}`), all[3:6]},
		{"a filter by attributes", filtered(`{"pkcs11.CKA_CLASS":"CKO_PRIVATE_KEY","cng.Algorithm Name":"ECDSA_P256"}`), []string{"delta"}},
		{"a filter, sorted, from one on", "sort=name:asc&start=alpha&limit=1&" + filtered(`{"custom_attributes.team":{"$in":["a","b","c"]}}`), []string{"bravo"}},
		{"a filter that says nothing", filtered(`{}`), all},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			status, reply := w.ask(http.MethodGet, "/crypto/v1/keys?"+c.query, "")
			if status != http.StatusOK {
				t.Fatalf("got %d %s", status, reply)
			}
			names := []string{}
			for _, k := range decoded[[]dsmwire.Sobject](t, reply) {
				names = append(names, k.Name)
			}
			if diff := cmp.Diff(append([]string{}, c.want...), names); diff != "" {
				t.Errorf("names differ (-want +got):\n%s", diff)
			}
			if strings.HasPrefix(reply, "null") || strings.Contains(reply, `"value"`) {
				t.Errorf("got %s", reply)
			}
		})
	}
	t.Run("with counts", func(t *testing.T) {
		t.Parallel()
		page, err := w.app.KeyPage(ctx, dsmclient.KeyQuery{ObjType: "AES", Limit: 2})
		must(t, err)
		if len(page.Items) != 2 || *page.Metadata.TotalCount != 7 || *page.Metadata.FilteredCount != 6 {
			t.Errorf("got %d of %d of %d, want 2 of 6 of 7", len(page.Items), *page.Metadata.FilteredCount, *page.Metadata.TotalCount)
		}
		status, reply := w.ask(http.MethodGet, "/crypto/v1/keys?with_metadata=true&limit=0", "")
		if want := `{"metadata":{"total_count":7,"filtered_count":7},"items":[]}`; status != 200 || strings.TrimSpace(reply) != want {
			t.Errorf("got %d %s, want %s", status, reply, want)
		}
	})
	t.Run("with counts of a filter", func(t *testing.T) {
		t.Parallel()
		_, reply := w.ask(http.MethodGet, "/crypto/v1/keys?with_metadata=true&limit=0&"+filtered(`{"virtual":"true"}`), "")
		if want := `{"metadata":{"total_count":7,"filtered_count":3},"items":[]}`; strings.TrimSpace(reply) != want {
			t.Errorf("got %s, want %s", reply, want)
		}
	})
	t.Run("page by page", func(t *testing.T) {
		t.Parallel()
		var names []string
		must(t, w.app.AllKeys(ctx, dsmclient.KeyQuery{GroupID: w.slot}, func(k dsmwire.Sobject) error {
			names = append(names, k.Name)
			return nil
		}))
		if len(names) != len(found) {
			t.Errorf("got %q", names)
		}
	})
	t.Run("what is shown", func(t *testing.T) {
		t.Parallel()
		for query, want := range map[string]bool{"": true, "&show_pub_key=true": true, "&show_pub_key=false": false} {
			_, reply := w.ask(http.MethodGet, "/crypto/v1/keys?name=delta"+query, "")
			if got := strings.Contains(reply, `"pub_key"`); got != want {
				t.Errorf("%s: public key shown: %t, want %t", query, got, want)
			}
		}
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		for query, want := range map[string]int{
			"group_id=marker": 400, "obj_type=marker": 400, "obj_type=ARIA": 501, "sort=marker": 400, "limit=marker": 400, "limit=-1": 400, "limit=10001": 400,
			"limit=99999999999999999999": 400, "offset=-1": 400, "offset=marker": 400, "pkcs11_id=marker!": 400, "start=marker": 400, "sort=name:asc&start=marker": 400,
			"with_metadata=marker": 400, "show_destroyed=1": 400, `filter={"marker":{"$eq":"marker"}}`: 400,
			`filter={"state":{"$regex":"marker"}}`: 400, `filter=marker`: 400, `filter={"key_size":"marker"}`: 400, "compliant_with_policies=marker": 400,
		} {
			status, reply := w.ask(http.MethodGet, "/crypto/v1/keys?"+strings.NewReplacer("{", "%7B", "}", "%7D", `"`, "%22").Replace(query), "")
			if status != want || strings.Contains(reply, "marker") {
				t.Errorf("%s: got %d %s, want %d", query, status, reply, want)
			}
		}
	})
}

// filtered is the parameter with a filter.
func filtered(expression string) string { return "filter=" + url.QueryEscape(expression) }

func TestFilteringGroupsAndApps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	names := func(path, filter, member string) []string {
		t.Helper()
		status, reply := askAs(t, w.admin, http.MethodGet, path+"?"+filtered(filter), "")
		if status != http.StatusOK {
			t.Fatalf("%s: got %d %s", filter, status, reply)
		}
		got := []string{}
		for _, item := range decoded[[]map[string]any](t, reply) {
			got = append(got, fmt.Sprint(item[member]))
		}
		return got
	}
	all := names("/sys/v1/groups", `{}`, "name")
	if len(all) < 2 {
		t.Fatalf("got the groups %q, want some", all)
	}
	if diff := cmp.Diff(all[:1], names("/sys/v1/groups", `{"name":"`+all[0]+`","created_at":{"$gt":0},"wrapping_key_name":{"$exists":false}}`, "name")); diff != "" {
		t.Errorf("groups differ (-want +got):\n%s", diff)
	}
	if got := names("/sys/v1/apps", `{"auth_type":"Secret","enabled":"true","name":{"$ne":"no such app"}}`, "name"); len(got) == 0 {
		t.Error("got no app, want those with a secret")
	}
	if got := names("/sys/v1/apps", `{"enabled":false}`, "name"); len(got) != 0 {
		t.Errorf("got the apps %q, want none", got)
	}
}
