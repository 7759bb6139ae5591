// Package restapi is the driving adapter that speaks the DSM REST API, and the
// few calls of Gatehouse's own under /gatehouse/v1/.
//
// Guarantees: every request goes the same way (serve.go): correlation id,
// identity, size, content type, decoding, use case, error mapping, access log,
// and nothing a client sends is ever sent back to it or logged. Success codes
// and error texts are those that clients of the API compare. It is used by
// app/assembly, which serves the handler that New returns with the settings of
// Server. The handler is safe for concurrent use.
//
// # Adding an endpoint
//
// An endpoint is one value that names its request, its reply and its use case;
// routes.go calls the function that registers it. See system.go for the
// smallest, and:
//
//		register(s, endpoint[signRequest, signReply]{
//			ID: "Sign", Method: http.MethodPost, Path: "/crypto/v1/sign", Tag: "Crypto", Summary: "Sign data or a digest",
//			Quiet: true, // successes are logged at debug level only: the audit log has them
//			Do: func(ctx context.Context, c *call[signRequest]) (signReply, error) { … },
//		})
//
//	  - The body is decoded once, by encoding/json or by the endpoint's Decode,
//	    and the reply written by encoding/json or the endpoint's Encode. huma keeps
//	    the routes' description (/openapi.json) and makes schemas from the same
//	    types by its struct tags (doc, enum, format, …); its own decoding is not used, because it reads a
//	    body twice, validates by reflection, refuses nulls, and echoes what it refuses.
//	  - Bodies ignore unknown fields and take null for absent: pointers and slices for
//	    what is optional. Enumerations and sizes are checked by core's Parse and
//	    Check functions, not by tags. Errors are fault values; they need no wrapping here.
//	  - secret fields are of type confidential; times of type stamp; ids come
//	    from parseID and pathID; binary is []byte.
//	  - none is the type of an absent body or reply. Status 0 means 200, or 204
//	    when the reply is none.
//	  - c.Caller is who asks; c.query() the query; c.path(name) a segment.
package restapi
