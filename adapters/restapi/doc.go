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
//	register(s, endpoint[dsmwire.SignRequest, dsmwire.SignResponse]{
//		ID: "Sign", Method: http.MethodPost, Path: "/crypto/v1/sign", Tag: "Crypto", Summary: "Sign data or a digest",
//		Quiet: true, // successes are logged at debug level only: the audit log has them
//		Do: func(ctx context.Context, c *call[dsmwire.SignRequest]) (dsmwire.SignResponse, error) { … },
//	})
//
// Bodies are types of dsmwire, which the client shares. A body is decoded once,
// by encoding/json or by the endpoint's Decode, and the reply written by
// encoding/json or the endpoint's Encode. They ignore unknown fields and take
// null for absent. Enumerations, sizes and ids are checked by core's Parse and
// Check functions and by parseID and pathID. Errors are fault values and need
// no wrapping here. None is the type of an absent body or reply; Status 0 means
// 200, or 204 when the reply is none. In a use case c.Caller is who asks,
// c.query() the query, c.path(name) a segment of the path.
//
// huma keeps the description (/openapi.json) and makes schemas of the same
// types; schemas.go says what those look like that reflection cannot see
// through. Its own decoding is not used: it reads a body twice, validates by
// reflection, refuses nulls, and echoes what it refuses.
//
// What of the API is not there is refused plainly when it asks for something:
// fields of type unbuilt, calls in elsewhere.go and notyet.go.
package restapi
