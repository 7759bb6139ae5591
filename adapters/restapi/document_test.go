package restapi_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"gatehouse/features/contract"
)

// A client of the published API is told what is not there; it never meets a
// path or a method that nobody knows.
func TestEveryManagementCallOfTheDocumentAnswers(t *testing.T) {
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
	seen := 0
	for path, item := range doc.Paths {
		if !strings.HasPrefix(path, "/sys/") && !strings.HasPrefix(path, "/saml/") {
			continue
		}
		segments := strings.Split(path, "/")
		for i, s := range segments {
			if strings.HasPrefix(s, "{") {
				segments[i] = nobody
			}
		}
		for method := range item {
			seen++
			a := w.direct(strings.ToUpper(method), strings.Join(segments, "/"), "", "")
			if a.status == http.StatusMethodNotAllowed || a.status == http.StatusNotFound && strings.Contains(a.body, "page") {
				t.Errorf("%s %s: got %d %s", method, path, a.status, a.body)
			}
		}
	}
	if seen < 110 {
		t.Errorf("the document has %d calls under /sys, want all", seen)
	}
}

func TestOurOwnDescriptionIsValid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.direct(http.MethodGet, "/openapi-3.0.json", "", "")
	doc, err := openapi3.NewLoader().LoadFromData([]byte(a.body))
	must(t, err)
	must(t, doc.Validate(t.Context()))
	ids := map[string]string{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.Summary == "" || len(op.Tags) != 1 {
				t.Errorf("%s %s says too little of itself", method, path)
			}
			if before := ids[op.OperationID]; before != "" || op.OperationID == "" {
				t.Errorf("%s %s has the id %q, as has %s", method, path, op.OperationID, before)
			}
			ids[op.OperationID] = method + " " + path
		}
	}
	if len(ids) < 60 {
		t.Errorf("got %d operations, want all", len(ids))
	}
}
