package restapi_test

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
)

func TestScansOverREST(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api, own := "/sys/v1/groups/"+w.slot+"/hmg/scans", "/gatehouse/v1/groups/"+w.slot+"/scans"
	w.fill(0, 3)
	must(t, w.hsm.Add(hsm.Object{Class: hsm.Certificate, ID: []byte{0xca, 0xfe}, Label: []byte("web")}, secret.Value{}))

	plan := decoded[dsmwire.SyncPlan](t, wants(t, w.admin, http.MethodPost, "/gatehouse/v1/groups/"+w.slot+"/sync-plan", "", 200, "*"))
	if len(plan.Added) != 3 || plan.Objects != 4 || len(plan.Warnings) != 1 || plan.Added[0].ObjType != "AES" {
		t.Errorf("got the plan %+v, want three keys to add", plan)
	}
	if page := decoded[dsmwire.ScanPage](t, wants(t, w.admin, http.MethodGet, api, "", 200, "*")); len(page.Items) != 0 {
		t.Errorf("got %+v, want no scan yet", page)
	}

	begun := decoded[dsmwire.Scan](t, wants(t, w.admin, http.MethodPost, api, "", 200, "*"))
	if !begun.IsAsync || begun.Result != nil || begun.StartedAt.Time().IsZero() {
		t.Errorf("got %+v, want a scan that has begun", begun)
	}
	wants(t, w.admin, http.MethodPost, "/sys/v1/groups/"+w.slot+"/hmg/scan", "{}", 200, "*") // waits for it
	ended := decoded[dsmwire.Scan](t, wants(t, w.admin, http.MethodGet, api+"/"+begun.ScanID, "", 200, "*"))
	if ended.Result == nil || ended.Result.Type != "Success" || len(ended.Warnings) != 1 || !strings.Contains(ended.Warnings[0].Message, "cafe") {
		t.Errorf("got %+v, want it ended with a warning that names the certificate", ended)
	}
	state := decoded[dsmwire.ScanState](t, wants(t, w.admin, http.MethodGet, own+"/"+begun.ScanID, "", 200, "*"))
	if state.State != "Success" || state.Counts == nil || state.Counts.Added != 3 || state.Progress != nil || state.Warnings[0].SourceKeyID != "cafe" {
		t.Errorf("got %+v, want its counts", state)
	}
	if all := decoded[dsmwire.ScanStates](t, wants(t, w.admin, http.MethodGet, own, "", 200, "*")); len(all.Items) != 1 {
		t.Errorf("got %+v, want the one scan", all)
	}

	wants(t, w.admin, http.MethodPost, own+"/"+begun.ScanID+"/cancel", "", 409, "the scan has ended already")
	wants(t, w.admin, http.MethodGet, api+"/nonsense", "", 400, "scan_id must be a UUID")
	wants(t, w.admin, http.MethodGet, api+"/ffffffff-ffff-4fff-8fff-ffffffffffff", "", 404, "scan does not exist")
	wants(t, w.app, http.MethodPost, api, "", 403, "*")
	g := decoded[dsmwire.Group](t, wants(t, w.admin, http.MethodPatch, "/sys/v1/groups/"+w.slot, `{"auto_scan":{"scan_interval_hours":24}}`, 200, "*"))
	if g.AutoScan == nil || g.AutoScan.ScanIntervalHours != 24 {
		t.Errorf("got %+v, want it synced daily", g.AutoScan)
	}
	if g = decoded[dsmwire.Group](t, wants(t, w.admin, http.MethodPatch, "/sys/v1/groups/"+w.slot, `{"auto_scan":"remove"}`, 200, "*")); g.AutoScan != nil {
		t.Errorf("got %+v, want it synced by hand alone", g.AutoScan)
	}
}
