package restapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"gatehouse/adapters/dsmwire"
)

// A batch of any calls answers each as if it had come alone.
func TestBatchOfAnyCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	aes := w.generate(dsmwire.SobjectRequest{Name: ptr("aes"), ObjType: "AES", KeySize: ptr(uint32(128))})
	item := func(method, operation, body string) string {
		return fmt.Sprintf(`{"SingleItem":{"method":%q,"operation":%q,"body":%s}}`, method, operation, body)
	}
	list := func(how string, items ...string) string {
		return fmt.Sprintf(`{"Batch":{"batch_execution_type":%q,"items":[%s]}}`, how, strings.Join(items, ","))
	}
	encrypt := item("POST", "/crypto/v1/encrypt", `{"key":{"kid":"`+aes.KID+`"},"alg":"AES","mode":"GCM","plain":"AAAA"}`)
	missing := item("POST", "crypto/v1/keys/info", `{"name":"nobody"}`)
	remove := item("DELETE", "/crypto/v1/keys/"+aes.KID, "null")

	t.Run("in any order, each by itself", func(t *testing.T) {
		r := w.batch(t, list("Unordered", encrypt, missing, list("Serial", encrypt)))
		items := r.Batch.Items
		if items[0].SingleItem.Result.Status != 200 || !strings.Contains(string(items[0].SingleItem.Result.Body), `"cipher":"`) {
			t.Errorf("got %s", items[0].SingleItem.Result.Body)
		}
		if got := items[1].SingleItem.Result; got.Status != 404 || string(got.Body) != `"sobject does not exist"` {
			t.Errorf("got %d %s, want what the call alone answers", got.Status, got.Body)
		}
		if got := items[2].Batch.Items[0].SingleItem.Result.Status; got != 200 {
			t.Errorf("got %d in a list of its own, want 200", got)
		}
	})
	t.Run("in order, until one fails", func(t *testing.T) {
		items := w.batch(t, list("Serial", encrypt, list("Unordered", missing, encrypt), remove, list("Serial", remove))).Batch.Items
		if items[0].SingleItem.Result.Status != 200 || items[1].Batch.Items[1].SingleItem.Result.Status != 200 {
			t.Errorf("got %+v", items)
		}
		if items[2].SingleItem.Skipped == nil || items[3].Batch.Items[0].SingleItem.Skipped == nil {
			t.Errorf("got %+v, want what comes after a failure skipped", items)
		}
		if _, err := w.app.Key(t.Context(), dsmwire.SobjectDescriptor{KID: aes.KID}); err != nil {
			t.Errorf("a skipped call was made: %v", err)
		}
	})
	t.Run("one call without a body", func(t *testing.T) {
		r := w.batch(t, item("GET", "/crypto/v1/keys?limit=1", "null"))
		if r.SingleItem.Result.Status != 200 {
			t.Errorf("got %d %s", r.SingleItem.Result.Status, r.SingleItem.Result.Body)
		}
	})
	t.Run("calls that it cannot hold", func(t *testing.T) {
		for _, operation := range []string{"/batch/v1", "/sys/v1/session/terminate", "/gatehouse/v1/random", "/crypto/v1/../v1/keys", "http://elsewhere/crypto/v1/keys", "marker"} {
			r := w.batch(t, item("POST", operation, `{}`))
			if got := r.SingleItem.Result; got.Status != 400 || strings.Contains(string(got.Body), "marker") {
				t.Errorf("%s: got %d %s, want 400", operation, got.Status, got.Body)
			}
		}
		if r := w.batch(t, item("TRACE", "/crypto/v1/keys", `{}`)); r.SingleItem.Result.Status != 400 {
			t.Errorf("got %+v", r.SingleItem.Result)
		}
	})
	t.Run("what is no batch", func(t *testing.T) {
		deep := encrypt
		for range 6 {
			deep = list("Serial", deep)
		}
		for name, body := range map[string]string{
			"nothing": `{}`, "both": `{"Batch":{"batch_execution_type":"Serial","items":[]},"SingleItem":{"method":"GET","operation":"x"}}`,
			"no items": list("Serial"), "an order of nobody": list("marker", encrypt), "too deep": deep, "too many": list("Serial", strings.Repeat(encrypt+",", 1024)+encrypt),
		} {
			if status, reply := w.ask(http.MethodPost, "/batch/v1", body); status != 400 || strings.Contains(reply, "marker") {
				t.Errorf("%s: got %d %s, want 400", name, status, reply)
			}
		}
	})
	t.Run("done, the key is gone", func(t *testing.T) {
		r := w.batch(t, list("Serial", remove, encrypt))
		if got := r.Batch.Items[0].SingleItem.Result; got.Status != 204 || got.Body != nil {
			t.Errorf("got %d %s, want 204 without a body", got.Status, got.Body)
		}
		if got := r.Batch.Items[1].SingleItem.Result.Status; got != 404 {
			t.Errorf("got %d, want 404", got)
		}
	})
}

func (w *world) batch(t *testing.T, body string) dsmwire.BatchResponse {
	t.Helper()
	status, reply := w.ask(http.MethodPost, "/batch/v1", body)
	if status != 200 {
		t.Fatalf("got %d %s for the batch", status, reply)
	}
	return decoded[dsmwire.BatchResponse](t, reply)
}
