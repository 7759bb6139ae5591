package restapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
	"gatehouse/simulators/tokensim"
)

// fill puts n AES keys into the HSM as another application would.
func (w *world) fill(from, n int) {
	w.tb.Helper()
	for i := from; i < from+n; i++ {
		material := make([]byte, 32)
		material[0], material[1] = byte(i), byte(i>>8)
		id := []byte{byte(i >> 8), byte(i)}
		must(w.tb, w.hsm.Add(hsm.Object{
			Class: hsm.SecretKey, Type: keys.AES, ID: id, Label: []byte("found <" + string(rune('a'+i%26)) + ">"), Size: 256,
			Ops: keys.OpEncrypt | keys.OpDecrypt,
		}, secret.New(material)))
	}
}

// admins returns the header that the administrator's requests carry.
func (w *world) admins() string { return "Bearer " + string(w.admin.Token().Reveal(reveal.Permit{})) }

// lines reads the lines of a streamed reply.
func lines(t *testing.T, reply string) []dsmwire.SyncEvent {
	t.Helper()
	var events []dsmwire.SyncEvent
	for line := range strings.Lines(reply) {
		var e dsmwire.SyncEvent
		must(t, json.Unmarshal([]byte(line), &e))
		events = append(events, e)
	}
	return events
}

func TestASyncIsToldAsItGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(0, 130)
	path := "/gatehouse/v1/groups/" + w.slot + "/sync"
	a := w.send(http.MethodPost, path, w.admins(), "{}")
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/x-ndjson" {
		t.Fatalf("got %d %s %s", a.status, a.header.Get("Content-Type"), a.body)
	}
	events := lines(t, a.body)
	phases := map[string]int{}
	for _, e := range events[:len(events)-1] {
		if e.Progress == nil || e.Outcome != nil || e.Error != nil {
			t.Fatalf("got %+v before the end, want progress", e)
		}
		phases[e.Progress.Phase] = e.Progress.Done
	}
	if phases["reading"] != 130 || phases["recording"] != 130 {
		t.Errorf("got phases %v, want each to end with 130", phases)
	}
	if out := events[len(events)-1].Outcome; out == nil || out.Objects != 130 || len(out.Added) != 130 || out.Changed+out.Missing+out.Unchanged != 0 {
		t.Errorf("got outcome %+v, want 130 keys added", out)
	}
	w.fill(130, 2)
	if n := w.hsm.Remove(hsm.SecretKey, []byte{0, 5}); n != 1 {
		t.Fatalf("removed %d objects, want 1", n)
	}
	added := decoded[[]dsmwire.Sobject](t, wants(t, w.admin, http.MethodPost, "/sys/v1/groups/"+w.slot+"/hmg/scan", "{}", 200, "*"))
	if len(added) != 2 || added[0].External == nil || added[0].GroupID != w.slot || added[0].PubKey != nil {
		t.Errorf("scan: got %+v, want the two new virtual keys", added)
	}
	events = lines(t, wants(t, w.admin, http.MethodPost, path, "", 200, "*"))
	if out := events[len(events)-1].Outcome; out == nil || len(out.Added) != 0 || out.Missing != 0 || out.Unchanged != 132 || out.Objects != 131 {
		t.Errorf("again: got %+v, want nothing new, and the missing key still known", out)
	}
	wants(t, w.admin, http.MethodPost, "/sys/v1/groups/"+w.slot+"/hmg/scan", "", 200, "[]")
}

func TestASyncThatCannotBeginIsRefusedPlainly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wants(t, w.admin, http.MethodPost, "/gatehouse/v1/groups/"+w.local+"/sync", "", 400, "the group is not linked to an HSM")
	wants(t, w.app, http.MethodPost, "/gatehouse/v1/groups/"+w.slot+"/sync", "", 403, "no permission to manage this group")
	wants(t, w.admin, http.MethodPost, "/gatehouse/v1/groups/nonsense"+"/sync", "", 400, "group_id must be a UUID")
	wants(t, w.admin, http.MethodPost, "/gatehouse/v1/groups/ffffffff-ffff-4fff-8fff-ffffffffffff"+"/sync", "", 404, "group does not exist")
	if a := w.send(http.MethodPost, "/gatehouse/v1/groups/"+w.slot+"/sync", "", ""); a.status != http.StatusUnauthorized {
		t.Errorf("got %d %s, want 401", a.status, a.body)
	}
	w.hsm.Eject()
	if text := wants(t, w.admin, http.MethodPost, "/gatehouse/v1/groups/"+w.slot+"/sync", "", 503, "*"); text == "" {
		t.Error("no reason was given")
	}
}

func TestASyncThatFailsUnderWaySaysSoInItsLastLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(0, 250)
	w.hsm.Fail(tokensim.Fault{Call: tokensim.Inventory, Apply: true, Err: fault.New(fault.Unavailable, "the HSM went away").Because(fault.TimedOut), Stays: true})
	a := w.send(http.MethodPost, "/gatehouse/v1/groups/"+w.slot+"/sync", w.admins(), "")
	if a.status != http.StatusOK {
		t.Fatalf("got %d %s, want progress first", a.status, a.body)
	}
	events := lines(t, a.body)
	last := events[len(events)-1]
	if len(events) < 2 || last.Error == nil || last.Error.Status != http.StatusServiceUnavailable || last.Error.Message != "Not Connected: timed out" {
		t.Errorf("got %d lines, the last %+v; want the error", len(events), last.Error)
	}
}
