package redact

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"gatehouse/core/secret"
)

// Transport is a way to a service that writes down what goes over it, without
// the secrets. The zero Limit shows 64 KiB of a body.
type Transport struct {
	Next http.RoundTripper
	To   io.Writer
}

// limit is how much of a body is shown, in bytes.
const limit = 64 << 10

// RoundTrip sends a request. Replies that are told line by line are not held up:
// their lines are not shown.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	fmt.Fprintf(t.To, "> %s %s\n", r.Method, r.URL.Redacted())
	t.header(">", r.Header)
	if r.GetBody != nil {
		if body, err := r.GetBody(); err == nil {
			b, _ := io.ReadAll(io.LimitReader(body, limit+1)) // half a body is told as not JSON
			t.body(">", b)
		}
	}
	resp, err := t.Next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(t.To, "< %s\n", resp.Status)
	t.header("<", resp.Header)
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/x-ndjson") {
		return resp, nil
	}
	head, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	rest := io.MultiReader(bytes.NewReader(head), resp.Body)
	if err != nil {
		rest = io.MultiReader(bytes.NewReader(head), failing{err})
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{rest, resp.Body}
	t.reply(resp, head)
	return resp, nil
}

// failing is what could not be read.
type failing struct{ err error }

// Read returns why.
func (f failing) Read([]byte) (int, error) { return 0, f.err }

// reply shows the body of a reply; the plain text of a refusal is the service's
// own words, which hold no secrets.
func (t Transport) reply(resp *http.Response, body []byte) {
	if resp.StatusCode >= http.StatusBadRequest && strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") && len(body) <= limit {
		fmt.Fprintf(t.To, "< %s\n", bytes.TrimSpace(body))
		return
	}
	t.body("<", body)
}

func (t Transport) body(mark string, b []byte) {
	if len(b) > 0 {
		fmt.Fprintf(t.To, "%s %s\n", mark, JSON(b))
	}
}

// hidden are the headers whose values are not shown.
var hidden = map[string]bool{"Authorization": true, "Cookie": true, "Set-Cookie": true, "Proxy-Authorization": true}

func (t Transport) header(mark string, h http.Header) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		value := strings.Join(h[name], ", ")
		if hidden[http.CanonicalHeaderKey(name)] {
			scheme, _, two := strings.Cut(value, " ")
			value = secret.Placeholder
			if two && (scheme == "Basic" || scheme == "Bearer") {
				value = scheme + " " + value
			}
		}
		fmt.Fprintf(t.To, "%s %s: %s\n", mark, name, value)
	}
}
