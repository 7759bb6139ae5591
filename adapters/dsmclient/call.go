package dsmclient

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

// none is the reply of a call that has none.
type none struct{}

// request is one call. Body is what is marshalled as JSON; nil: no body.
type request struct {
	method string
	path   string // escaped
	query  url.Values
	body   any
}

// send makes a call and decodes its reply, within the client's time unless the
// context has a deadline.
func send[R any](ctx context.Context, c *Client, r request) (R, error) {
	return sendTo(ctx, c, r, fromJSON[R])
}

func fromJSON[R any](b []byte, reply *R) error { return json.Unmarshal(b, reply) }

// sendTo is send with a decoder.
func sendTo[R any](ctx context.Context, c *Client, r request, decode func([]byte, *R) error) (R, error) {
	if _, has := ctx.Deadline(); !has {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	return sendUnhurried(ctx, c, r, decode)
}

// sendUnhurried makes a call that takes as long as its context lets it.
func sendUnhurried[R any](ctx context.Context, c *Client, r request, decode func([]byte, *R) error) (R, error) {
	var reply R
	body, err := encode(r.body)
	if err != nil {
		return reply, err
	}
	resp, err := c.do(ctx, r, body)
	if err != nil {
		return reply, err
	}
	defer resp.Body.Close()
	b, err := c.read(resp)
	if err != nil {
		return reply, err
	}
	if _, nothing := any(reply).(none); nothing || len(b) == 0 {
		return reply, nil
	}
	if err := decode(b, &reply); err != nil {
		return reply, fault.Wrap(fault.Unavailable, err, "the service's reply is not what the API says").Because(fault.Incompatible)
	}
	return reply, nil
}

func encode(body any) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	b, err := json.Marshal(body)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the request cannot be written as JSON")
	}
	return b, nil
}

// do sends a request with the caller's credential and returns a reply with a
// status of success. When a session has ended it opens another and sends the
// request once more: a refusal of the caller means that nothing was done.
func (c *Client) do(ctx context.Context, r request, body []byte) (*http.Response, error) {
	c.renewDue(ctx)
	session, authorization := c.authorization()
	resp, err := c.successful(ctx, r, body, authorization)
	if err == nil || !session || c.credential.Empty() || !c.lost(err, authorization) {
		return resp, err
	}
	if again := c.reopen(ctx, authorization); again != nil {
		return nil, again
	}
	_, authorization = c.authorization()
	return c.successful(ctx, r, body, authorization)
}

// successful sends a request as it is; a reply with another status than one of
// success becomes an error.
func (c *Client) successful(ctx context.Context, r request, body []byte, authorization secret.Value) (*http.Response, error) {
	resp, err := c.roundTrip(ctx, r, body, authorization)
	if err != nil || resp.StatusCode < http.StatusMultipleChoices {
		return resp, err
	}
	defer resp.Body.Close()
	return nil, refusal(resp)
}

// authorization returns the header to send, and whether it is a session's.
func (c *Client) authorization() (session bool, header secret.Value) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.session.Empty() {
		return true, c.session
	}
	return false, c.credential
}

// roundTrip sends a request as it is.
func (c *Client) roundTrip(ctx context.Context, r request, body []byte, authorization secret.Value) (*http.Response, error) {
	target := *c.base
	target.RawPath = target.EscapedPath() + r.path
	path, err := url.PathUnescape(target.RawPath)
	if err != nil {
		return nil, fault.New(fault.Invalid, "path is not escaped as it must be")
	}
	target.Path, target.RawQuery = path, r.query.Encode()
	req := (&http.Request{
		Method: r.method, URL: &target, Host: target.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Accept": {"application/json"}, "User-Agent": {"gatehouse"}},
	}).WithContext(ctx)
	for name, values := range c.header {
		req.Header[name] = values
	}
	if !authorization.Empty() {
		req.Header["Authorization"] = []string{string(authorization.Reveal(reveal.Permit{}))}
	}
	if body != nil {
		req.Header["Content-Type"] = []string{"application/json"}
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unreachable(err)
	}
	return resp, nil
}

// read returns the whole body of a reply, so that its connection can be used again.
func (c *Client) read(resp *http.Response) ([]byte, error) {
	if resp.ContentLength > c.limit {
		return nil, fault.New(fault.Unavailable, "the service's reply is longer than %d bytes", c.limit)
	}
	var b bytes.Buffer
	if resp.ContentLength > 0 {
		b.Grow(int(resp.ContentLength) + bytes.MinRead)
	}
	n, err := b.ReadFrom(io.LimitReader(resp.Body, c.limit+1))
	switch {
	case err != nil:
		return nil, unreachable(err)
	case n > c.limit:
		return nil, fault.New(fault.Unavailable, "the service's reply is longer than %d bytes", c.limit)
	default:
		return b.Bytes(), nil
	}
}

// maxMessage bounds what is read of a refusal.
const maxMessage = 4 << 10

// refusal reads an error reply: plain text, or JSON with a message.
func refusal(resp *http.Response) *Error {
	b, _ := io.ReadAll(io.LimitReader(resp.Body, maxMessage)) // half a message is better than none
	text := strings.TrimSpace(string(b))
	if media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && media == "application/json" {
		var m struct {
			Message string `json:"message"`
		}
		if json.Unmarshal(b, &m) == nil && m.Message != "" {
			text = m.Message
		}
	}
	if text == "" {
		text = http.StatusText(resp.StatusCode)
	}
	return &Error{Status: resp.StatusCode, Message: text, RequestID: resp.Header.Get("X-Request-Id")}
}
