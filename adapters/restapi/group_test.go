package restapi_test

import (
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/adapters/servercert"
)

// wants asks as c and reports a reply other than the one wanted, whose body is
// only compared when it is not "*".
func wants(t *testing.T, c *dsmclient.Client, method, path, body string, status int, reply string) (got string) {
	t.Helper()
	gotStatus, got := askAs(t, c, method, path, body)
	if gotStatus != status || reply != "*" && strings.TrimSpace(got) != reply {
		t.Errorf("%s %s %s:\ngot %d %q\nwant %d %q", method, path, body, gotStatus, got, status, reply)
	}
	return got
}

// theConnection returns the id of the HSM group's connection.
func (w *world) theConnection() string {
	w.tb.Helper()
	g, err := w.admin.Group(w.tb.Context(), w.slot)
	must(w.tb, err)
	for id := range g.Hmg {
		return id
	}
	w.tb.Fatal("the group has no connection")
	return ""
}

func TestGroupsAreMadeChangedAndDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const groups = "/sys/v1/groups"
	g := decoded[dsmwire.Group](t, wants(t, w.admin, http.MethodPost, groups+"/",
		`{"name":"payments","description":"cards","custom_metadata":{"a":"b"},"approval_policy":{},"auto_scan":"remove","hmg_sync":null,"unknown":1}`, 201, "*"))
	one := groups + "/" + g.GroupID
	if g.Name != "payments" || g.Description != "cards" || g.CustomMetadata["a"] != "b" || g.Hmg != nil || g.HmgSync != nil || g.Creator.User == "" {
		t.Errorf("made: got %+v", g)
	}
	changed := decoded[dsmwire.Group](t, wants(t, w.admin, http.MethodPatch, one, `{"name":"Payments","description":null}`, 200, "*"))
	want := g
	want.Name = "Payments"
	if diff := cmp.Diff(changed, want, cmp.Comparer(func(a, b dsmwire.Time) bool { return a == b })); diff != "" {
		t.Errorf("changed (-got +want):\n%s", diff)
	}
	for body, refused := range map[string]struct {
		status int
		text   string
	}{
		`{"approval_policy":{"quorum":{"n":1,"members":[]}}}`:  {501, "approval_policy is not supported yet"},
		`{"cryptographic_policy":{"legacy_policy":"allowed"}}`: {501, "cryptographic_policy is not supported yet"},
		`{"wrapping_key_name":"transfer key"}`:                 {501, "wrapping_key_name is not supported yet"},
		`{"auto_scan":{"scan_interval_hours":1}}`:              {400, "hmg_sync, hmg_segregation, hmg_redundancy and auto_scan are for groups linked to an HSM"},
		`{"auto_scan":{"scan_interval_hours":0}}`:              {400, "auto_scan.scan_interval_hours must be 1 to 255"},
		`{"auto_scan":{"scan_interval_hours":256}}`:            {400, "auto_scan.scan_interval_hours must be 1 to 255"},
		`{"name":""}`:       {400, "name must be one line of 1 to 4096 bytes"},
		`{"name":"a\nb"}`:   {400, "name must be one line of 1 to 4096 bytes"},
		`{"name":7}`:        {400, "name in the request body is of the wrong type"},
		`{"hmg_sync":true}`: {400, "*"},
		`{"add_hmg":[{"kind":"Softhsm","url":"h","slot":1}]}`: {409, "*"},
		`{"del_hmg":["x"]}`:    {400, "del_hmg must be a UUID"},
		`{"mod_hmg":{"x":{}}}`: {400, "a key of mod_hmg must be a UUID"},
		`{"del_hmg":["ffffffff-ffff-4fff-8fff-ffffffffffff"]}`:  {404, "hmg config does not exist"},
		`{"add_hmg":[{"url":"h","slot":1}]}`:                    {400, "kind of a connection is required"},
		`{"add_hmg":[{"kind":"AWSKMS","region":"x"}]}`:          {501, "connections of kind AwsKms are not supported yet: only HSMs behind a gateway and other services are"},
		`{"add_hmg":[{"kind":"fortanixfipscluster","url":""}]}`: {501, "connections of kind FortanixFipsCluster are not supported yet: only HSMs behind a gateway and other services are"},
		`{"add_hmg":[{"kind":"Paperclip","url":"h","slot":1}]}`: {400, "kind of a connection is not one that the API knows"},
	} {
		wants(t, w.admin, http.MethodPatch, one, body, refused.status, refused.text)
	}
	wants(t, w.admin, http.MethodPost, groups, `{"name":"Payments"}`, 409, "group already exists")
	wants(t, w.app, http.MethodGet, one, "", 404, "group does not exist")
	wants(t, w.app, http.MethodPost, groups, `{"name":"x"}`, 403, "*")
	wants(t, w.admin, http.MethodGet, groups+"/nonsense", "", 400, "group_id must be a UUID")
	wants(t, w.admin, http.MethodGet, groups+"/"+strings.ToUpper(g.GroupID), "", 200, "*")
	wants(t, w.admin, http.MethodDelete, one, "", 204, "")
	wants(t, w.admin, http.MethodDelete, one, "", 404, "group does not exist")
}

func TestConnectionsKeepTheirSecretsToThemselves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cert, err := servercert.In(t.TempDir()).LoadOrMake(nil, time.Now())
	must(t, err)
	der := base64.StdEncoding.EncodeToString(cert.Leaf.Raw)
	raw, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	must(t, err)
	key := base64.StdEncoding.EncodeToString(raw)
	tls := fmt.Sprintf(`{"mode":"required","validate_hostname":false,"ca":{"pinned":[%q]},"client_cert":%q,"client_key":%q}`, der, der, key)
	g := decoded[dsmwire.Group](t, wants(t, w.admin, http.MethodPost, "/sys/v1/groups", `{"name":"two ways","hmg_redundancy":"PriorityFailover","hmg_sync":true,
		"add_hmg":[{"kind":"NCIPHER","url":"b.example","slot":4294967295,"pin":"MARKER-PIN","hsm_order":-4,"tls":`+tls+`},
		           {"kind":"ncipher","url":"[2001:db8::1]:4500","slot":0,"tls":{"mode":"required","validate_hostname":true,"ca":{"ca_set":"global_roots"}}}]}`, 201, "*"))
	text := fmt.Sprint(wants(t, w.admin, http.MethodGet, "/sys/v1/groups/"+g.GroupID, "", 200, "*"))
	for _, hidden := range []string{"MARKER", "pin\"", "client_key", key[:40]} {
		if strings.Contains(text, hidden) {
			t.Errorf("the group shows %q:\n%s", hidden, text)
		}
	}
	if g.HmgRedundancy != "PriorityFailover" || !*g.HmgSync || *g.HmgSegregation || len(g.Hmg) != 2 {
		t.Fatalf("got %+v", g)
	}
	for id, h := range g.Hmg {
		if h.Kind != "Ncipher" {
			t.Errorf("got kind %q, want the API's spelling", h.Kind)
		}
		if *h.HSMOrder == -4 {
			if h.URL != "b.example:4442" || *h.Slot != 4294967295 || len(h.TLS.CA.Pinned) != 1 || *h.TLS.ValidateHostname || len(h.TLS.ClientCert) == 0 {
				t.Errorf("got %+v %+v", h, h.TLS)
			}
			// A change of one field keeps the others, and the secrets, as they are.
			changed := decoded[dsmwire.Group](t, wants(t, w.admin, http.MethodPatch, "/sys/v1/groups/"+g.GroupID, `{"mod_hmg":{"`+id+`":{"kind":"Ncipher","hsm_order":9}}}`, 200, "*"))
			if got := changed.Hmg[id]; *got.HSMOrder != 9 || got.URL != h.URL || len(got.TLS.ClientCert) == 0 {
				t.Errorf("changed: got %+v", got)
			}
			wants(t, w.admin, http.MethodPatch, "/sys/v1/groups/"+g.GroupID, `{"mod_hmg":{"`+id+`":{"kind":"Safenet"}}}`, 400, "the kind of a connection cannot be changed")
		} else if h.URL != "[2001:db8::1]:4500" || h.TLS.CA.CASet != "global_roots" {
			t.Errorf("got %+v", h)
		}
	}
	changed := decoded[dsmwire.Group](t, wants(t, w.admin, http.MethodPatch, "/sys/v1/groups/"+g.GroupID, `{"hmg_redundancy":"remove","hmg_segregation":true}`, 200, "*"))
	if changed.HmgRedundancy != "" || !*changed.HmgSegregation || !*changed.HmgSync {
		t.Errorf("changed: got %+v", changed)
	}
	const own = `"kind":"Softhsm","url":"h","slot":7`
	for config, text := range map[string]string{
		`{"kind":"Softhsm","url":"https://h","slot":1}`:                                                        "url must be host or host:port of the gateway, without a scheme",
		`{"kind":"Softhsm","url":"h"}`:                                                                         "slot is required",
		`{"kind":"Softhsm","url":"h","slot":-1}`:                                                               "slot in the request body is of the wrong type",
		`{"kind":"Softhsm","url":"h","slot":1e40}`:                                                             "slot in the request body is of the wrong type",
		`{"kind":"Softhsm","url":"h","slot":1,"hsm_order":2147483648}`:                                         "hsm_order in the request body is of the wrong type",
		`{"kind":"Softhsm","url":"h","slot":1,"pin":7}`:                                                        "a secret is not a string",
		`{` + own + `,"tls":{"mode":"disabled"}}`:                                                              "a gateway speaks TLS only: tls.mode must be required",
		`{` + own + `,"tls":{"mode":"perhaps"}}`:                                                               "tls.mode is not one that the API knows",
		`{` + own + `,"tls":{"mode":"required"}}`:                                                              "tls.ca must be exactly one of ca_set and pinned",
		`{` + own + `,"tls":{"mode":"required","ca":{"pinned":[]}}}`:                                           "tls.ca must be exactly one of ca_set and pinned",
		`{` + own + `,"tls":{"mode":"required","ca":{"ca_set":"mine"}}}`:                                       "tls.ca.ca_set is not one that the API knows",
		`{` + own + `,"tls":{"mode":"required","ca":{"pinned":["AAAA"]}}}`:                                     "tls.ca.pinned holds something that is not a certificate",
		`{` + own + `,"tls":{"mode":"required","ca":{"pinned":["%"]}}}`:                                        "a binary field in the request body is not standard base64",
		`{` + own + `,"tls":{"mode":"required","ca":{"ca_set":"global_roots"},"client_cert":"AAAA"}}`:          "tls.client_cert is not a certificate",
		`{` + own + `,"tls":{"mode":"required","ca":{"ca_set":"global_roots"},"client_cert":"` + der + `"}}`:   "tls.client_cert needs tls.client_key",
		`{` + own + `,"tls":{"mode":"required","ca":{"ca_set":"global_roots"},"client_key":"MARKER-NO-B64"}}`:  "a secret is not base64",
		`{` + own + `,"tls":{"mode":"required","ca":{"ca_set":"global_roots"},"validate_hostname":"MARKER"}}`:  "*",
		`{"kind":["MARKER"],"url":"h","slot":1}`:                                                               "*",
		`[{"kind":"Softhsm","url":"h","slot":1}]`:                                                              "request body is of the wrong type",
		`{"kind":"Softhsm","url":"h h","slot":1,"tls":{"mode":"required","ca":{"ca_set":"global_roots"}}}`:     "url must be host or host:port of the gateway, without a scheme",
		`{"kind":"Softhsm","url":"h:99999","slot":1,"tls":{"mode":"required","ca":{"ca_set":"global_roots"}}}`: "url must be host or host:port of the gateway, without a scheme",
	} {
		got := wants(t, w.admin, http.MethodPost, "/sys/v1/groups/hmg/check", config, 400, text)
		if strings.Contains(got, "MARKER") {
			t.Errorf("%q echoes what was sent", got)
		}
	}
}

func TestConnectionsAreTested(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := `{"kind":"softHSM","url":"h","slot":7,"pin":"` + hsmPIN + `","tls":{"mode":"required","validate_hostname":true,"ca":{"ca_set":"global_roots"}}}`
	bad := strings.Replace(good, hsmPIN, "MARKER", 1)
	one, own := "/sys/v1/groups/"+w.slot, "/gatehouse/v1/groups/"+w.slot
	cid := w.theConnection()

	wants(t, w.admin, http.MethodPost, "/sys/v1/groups/hmg/check", good, 204, "")
	for _, body := range []string{"", "{}", `{"id":"` + cid + `"}`, `{"id":null,"config":` + good + `}`, `{"id":"` + cid + `","config":{"kind":"Softhsm","hsm_order":3}}`} {
		wants(t, w.admin, http.MethodPost, one+"/hmg/check", body, 204, "")
	}
	info := decoded[dsmwire.TokenInfo](t, wants(t, w.admin, http.MethodPost, own+"/connections/check", "", 200, "*"))
	if info.Slot != 7 || info.Label != "simulated" || info.Serial == "" {
		t.Errorf("token: got %+v", info)
	}
	wants(t, w.admin, http.MethodPost, one+"/hmg/check", `{"id":"ffffffff-ffff-4fff-8fff-ffffffffffff"}`, 404, "hmg config does not exist")
	wants(t, w.app, http.MethodPost, one+"/hmg/check", "", 403, "*")
	wants(t, w.app, http.MethodPost, "/sys/v1/groups/hmg/check", good, 403, "*")

	if text := wants(t, w.admin, http.MethodPost, "/sys/v1/groups/hmg/check", bad, 503, "*"); !strings.Contains(text, "PIN") || strings.Contains(text, "MARKER") {
		t.Errorf("a wrong PIN: got %q", text)
	}
	statuses := decoded[[]dsmwire.ConnectionStatus](t, wants(t, w.app, http.MethodGet, own+"/connections", "", 200, "*"))
	if len(statuses) != 1 || !statuses[0].Connected || statuses[0].ID != cid || statuses[0].Config.Kind != "Softhsm" {
		t.Errorf("connected: got %+v", statuses)
	}
	w.hsm.Eject()
	wants(t, w.admin, http.MethodPost, one+"/hmg/check", "", 503, "*")
	g := decoded[dsmwire.Group](t, wants(t, w.admin, http.MethodGet, one, "", 200, "*"))
	if st := g.HmgStatus[cid]; st.State != "Not Connected" || st.Reason == "" || st.Since.IsZero() || st.Checked.IsZero() {
		t.Errorf("the group's view: got %+v", g.HmgStatus)
	}
	statuses = decoded[[]dsmwire.ConnectionStatus](t, wants(t, w.admin, http.MethodGet, own+"/connections/", "", 200, "*"))
	if len(statuses) != 1 || statuses[0].Connected || statuses[0].Reason == "" || statuses[0].Message == "" {
		t.Errorf("token gone: got %+v", statuses)
	}
}

func TestListsOfGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"c", "a", "b"} {
		wants(t, w.admin, http.MethodPost, "/sys/v1/groups", `{"name":"`+name+`"}`, 201, "*")
	}
	names := func(list []dsmwire.Group) string {
		out := []string{}
		for _, g := range list {
			out = append(out, g.Name)
		}
		return strings.Join(out, " ")
	}
	for query, want := range map[string]string{
		"":                         "ordinary hsm c a b", // in order of creation
		"?limit=2":                 "ordinary hsm",
		"?limit=2&offset=1":        "hsm c",
		"?offset=99":               "",
		"?sort_by=group_name:asc":  "a b c hsm ordinary",
		"?sort_by=group_name:desc": "ordinary hsm c b a",
		"?sort_by=group_id:asc":    "ordinary hsm c a b", // ids count up here
		"?sort_by=group_id:desc":   "b a c hsm ordinary",
		"?sort_by=group_name:asc&previous_sort_value=b&limit=2": "c hsm",
		"?sort_by=group_id:desc&previous_id=" + w.slot:          "ordinary",
	} {
		if got := names(decoded[[]dsmwire.Group](t, wants(t, w.admin, http.MethodGet, "/sys/v1/groups"+query, "", 200, "*"))); got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
	var all []string
	for token, pages := "", 0; pages == 0 || token != ""; pages++ {
		p := decoded[dsmwire.GroupPage](t, wants(t, w.admin, http.MethodGet, "/sys/v1/groups?limit=2&sort_by=group_name:asc&continuation_token="+token, "", 200, "*"))
		if p.Metadata.Count != 5 || pages > 3 {
			t.Fatalf("page %d: got %+v", pages, p.Metadata)
		}
		all, token = append(all, names(p.Items)), p.Metadata.ContinuationToken
	}
	if got := strings.Join(all, "|"); got != "a b|c hsm|ordinary" {
		t.Errorf("pages: got %q", got)
	}
	for query, status := range map[string]int{
		"?limit=-1": 400, "?limit=x": 400, "?offset=1.5": 400, "?limit=99999999999999999999": 400, "?sort_by=size:asc": 400,
		"?sort_by=group_id:up": 400, "?continuation_token=%25": 400, "?filter=%7B": 400, "?filter=%7B%22marker%22:1%7D": 400,
	} {
		wants(t, w.admin, http.MethodGet, "/sys/v1/groups"+query, "", status, "*")
	}
	if got := names(decoded[[]dsmwire.Group](t, wants(t, w.app, http.MethodGet, "/sys/v1/groups", "", 200, "*"))); got != "ordinary hsm" {
		t.Errorf("an app sees %q, want its own groups", got)
	}
}
