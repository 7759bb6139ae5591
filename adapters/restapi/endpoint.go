package restapi

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/secret"
)

// none is the type of an absent request body or reply.
type none struct{}

// An endpoint is one operation of the API with body B and reply R.
type endpoint[B, R any] struct {
	ID      string // operationId, spelled as the API does where it has the operation
	Method  string
	Path    string // in net/http's syntax; a trailing slash in requests is ignored
	Tag     string
	Summary string
	Query   []param

	Status   int   // of success; 0: 200, or 204 when R is none
	Open     bool  // anybody may call it: no identity is looked for
	Optional bool  // the body may be empty; B is its zero value then
	MaxBody  int64 // bytes; 0: by bodyLimit
	Slow     bool  // may take minutes: no deadline from the server's side
	Quiet    bool  // successes are logged at debug level only

	// Decode reads the body, which is wiped afterwards; nil: encoding/json.
	Decode func(body []byte, b *B) error
	// Encode appends the reply as JSON; nil: encoding/json.
	Encode func(dst []byte, reply R) ([]byte, error)

	// Do is the use case.
	Do func(ctx context.Context, c *call[B]) (R, error)
}

// param describes a parameter of the query.
type param struct {
	Name, Doc string
	Type      string // of the schema; empty: string
}

// call is one request to an endpoint with body B.
type call[B any] struct {
	request
	Body B
}

// request is what a call has whatever its body is.
type request struct {
	Caller access.Caller
	Token  secret.Value // the bearer token, when the caller came with one

	http     *http.Request
	exchange *exchange
	values   url.Values
}

// path returns a segment of the path by its name.
func (r *request) path(name string) string { return r.http.PathValue(name) }

// query returns the parameters of the query.
func (r *request) query() url.Values {
	if r.values == nil {
		r.values = r.http.URL.Query()
	}
	return r.values
}

// pathID returns the id in the path segment of that name; Invalid when it is none.
func pathID[T ~string](r *request, name string) (T, error) { return parseID[T](r.path(name), name) }

// parseID reads an id; field names it in the refusal.
func parseID[T ~string](s, field string) (T, error) {
	s = strings.ToLower(s)
	if !id.Valid(s) {
		return "", fault.New(fault.Invalid, "%s must be a UUID", field)
	}
	return T(s), nil
}
