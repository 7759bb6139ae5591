package dsmclient

import (
	"context"
	"net/http"
	"net/url"

	"gatehouse/core/fault"
)

// Raw is a reply as it came.
type Raw struct {
	Status int
	Header http.Header
	Body   []byte
}

// Raw sends a body as it is, with the caller's credential, and returns the
// reply whatever its status: for tests of the wire, and for calls that this
// client has no method for. Target is a path, escaped, with or without a query.
func (c *Client) Raw(ctx context.Context, method, target string, body []byte) (Raw, error) {
	u, err := url.Parse(target)
	if err != nil || u.Host != "" || u.Path == "" {
		return Raw{}, fault.New(fault.Invalid, "target must be a path")
	}
	_, authorization := c.authorization()
	resp, err := c.roundTrip(ctx, request{method: method, path: u.EscapedPath(), query: u.Query()}, body, authorization)
	if err != nil {
		return Raw{}, err
	}
	defer resp.Body.Close()
	b, err := c.read(resp)
	return Raw{Status: resp.StatusCode, Header: resp.Header, Body: b}, err
}
