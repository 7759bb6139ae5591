package restapi_test

import (
	"errors"
	"net/http"
	"path/filepath"
	"sync"
	"testing"

	"gatehouse/features/contract"
)

var theContract = sync.OnceValues(func() (*contract.Contract, error) {
	path, err := contract.Find(filepath.Join("..", ".."))
	if err != nil {
		return nil, err
	}
	return contract.Load(path)
})

// checked holds every reply that passes through next against the published
// OpenAPI document. Where that is not, the check is left out, and said to be.
func checked(tb testing.TB, next http.RoundTripper) http.RoundTripper {
	tb.Helper()
	doc, err := theContract()
	if errors.Is(err, contract.ErrNoDocument) {
		tb.Log("replies are not held against the published document:", err)
		return next
	}
	must(tb, err)
	c := doc.Fresh()
	tb.Cleanup(func() {
		for _, v := range c.Violations() {
			tb.Error("against the published document:", v)
		}
	})
	return c.Transport(next)
}
