package restapi_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// published is where the API's published document lies, beside the project and
// not in it.
const published = "../../../shared/reference/dsm-openapi-5.8.json"

var document = sync.OnceValues(func() (*openapi3.T, error) {
	raw, err := os.ReadFile(published)
	if err != nil {
		return nil, err
	}
	// The document's untagged unions overlap (one has {} for an alternative), so
	// that exactly one of them never fits: any one must do.
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil, err
	}
	if raw, err = json.Marshal(anyOf(tree)); err != nil {
		return nil, err
	}
	return openapi3.NewLoader().LoadFromData(raw)
})

func anyOf(tree any) any {
	switch t := tree.(type) {
	case map[string]any:
		for k, v := range t {
			t[k] = anyOf(v)
		}
		if one, has := t["oneOf"]; has && t["discriminator"] == nil {
			delete(t, "oneOf")
			t["anyOf"] = one
		}
	case []any:
		for i, v := range t {
			t[i] = anyOf(v)
		}
	}
	return tree
}

// theDocument returns the published document, or skips the test.
func theDocument(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := document()
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("left out: the published document is not at %s", published)
	}
	must(t, err)
	return doc
}

// fitsDocument checks a reply against a schema of the published document,
// where that is there.
func fitsDocument(t *testing.T, schema, reply string) {
	t.Helper()
	doc, err := document()
	if errors.Is(err, fs.ErrNotExist) {
		t.Logf("not compared with the published document, which is not at %s", published)
		return
	}
	must(t, err)
	ref := doc.Components.Schemas[schema]
	if ref == nil {
		t.Fatalf("the published document has no schema %s", schema)
	}
	if err := ref.Value.VisitJSON(decoded[any](t, reply), openapi3.MultiErrors()); err != nil {
		t.Errorf("reply is not a %s of the published document: %v\n%s", schema, err, reply)
	}
}
