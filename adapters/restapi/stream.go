package restapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// A streamed endpoint answers with lines of JSON (application/x-ndjson) as it
// goes. Until the first line is told a refusal is a plain one; after it, it is
// the last line.
type streamed[B, E any] struct {
	ID, Method, Path, Tag, Summary string

	// Do is the use case; tell sends one line. A client that goes away ends ctx.
	Do func(ctx context.Context, c *call[B], tell func(E)) error
	// Failed makes the last line of what failed after the first.
	Failed func(status int, message string) E
}

// stream adds e to the routes and to the description. Its body may be empty.
func stream[B, E any](s *server, e streamed[B, E]) {
	_, noBody := any(*new(B)).(none)
	shared := endpoint[B, none]{
		ID: e.ID, Method: e.Method, Path: e.Path, Tag: e.Tag, Summary: e.Summary, Status: http.StatusOK,
		Optional: true, Slow: true, MaxBody: s.bodyLimit(e.Path, false), Decode: decodeJSON[B],
	}
	describe(s.doc, shared)
	op := s.doc.OpenAPI().Paths[e.Path].Post
	op.Responses["200"].Content = map[string]*huma.MediaType{
		"application/x-ndjson": {Schema: s.doc.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[E](), true, e.ID+"Line")},
	}
	s.mux.HandleFunc(e.Method+" "+e.Path, func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		begun := false
		tell := func(line E) {
			var b bytes.Buffer
			enc := json.NewEncoder(&b)
			enc.SetEscapeHTML(false)
			if enc.Encode(line) != nil { // a line that cannot be written is a bug that its test finds
				return
			}
			if !begun {
				begun = true
				w.Header().Set("Content-Type", "application/x-ndjson")
				w.WriteHeader(http.StatusOK)
			}
			_ = control.SetWriteDeadline(s.cfg.Now().Add(s.cfg.ReplyTimeout)) // a recorder in tests has none
			_, _ = w.Write(b.Bytes())                                         // a client that has gone ends ctx
			_ = control.Flush()
		}
		once := shared // tell belongs to this request
		once.Do = func(ctx context.Context, c *call[B]) (none, error) { return none{}, e.Do(ctx, c, tell) }
		if _, err := run(s, once, noBody, w, r); err != nil {
			if !begun {
				s.refuse(w, r, err)
				return
			}
			x := exchangeOf(w)
			x.err = err
			tell(e.Failed(answerFor(err, x.correlation)))
		}
	})
}
