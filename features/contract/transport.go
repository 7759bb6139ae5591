package contract

import (
	"bytes"
	"io"
	"net/http"
)

// Transport returns next with every reply held against the document. Streams
// of lines pass unread.
func (c *Contract) Transport(next http.RoundTripper) http.RoundTripper {
	return transport{contract: c, next: next}
}

type transport struct {
	contract *Contract
	next     http.RoundTripper
}

// RoundTrip sends the request and checks the reply.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	reply, err := t.next.RoundTrip(r)
	if err != nil || reply.Header.Get("Content-Type") == "application/x-ndjson" {
		return reply, err
	}
	body, err := io.ReadAll(reply.Body)
	if closeErr := reply.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, err
	}
	reply.Body = io.NopCloser(bytes.NewReader(body))
	if r.Method != http.MethodHead {
		t.contract.Check(r.Method, r.URL.Path, reply.StatusCode, reply.Header, body)
	}
	return reply, nil
}
