package markers

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Transport returns next with what goes through it written into the book.
func (b *Book) Transport(next http.RoundTripper) http.RoundTripper { return transport{b, next} }

type transport struct {
	book *Book
	next http.RoundTripper
}

// RoundTrip sends the request. The reply is in the book once it has been read.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.learn(r); err != nil {
		return nil, err
	}
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	var header bytes.Buffer
	_ = resp.Header.Write(&header) // a buffer takes everything
	kept := reply{method: r.Method, path: r.URL.Path, header: header.Bytes(), body: &body{}}
	resp.Body = &reading{ReadCloser: resp.Body, kept: kept, book: t.book}
	t.book.mu.Lock()
	defer t.book.mu.Unlock()
	t.book.replies = append(t.book.replies, kept)
	return resp, nil
}

// learn takes the secrets out of a request.
func (t transport) learn(r *http.Request) error {
	t.book.authorization(r.Header.Get("Authorization"))
	if r.GetBody == nil {
		return nil
	}
	again, err := r.GetBody()
	if err != nil {
		return err
	}
	content, err := io.ReadAll(again)
	if err != nil {
		return err
	}
	t.book.json(content)
	return nil
}

// authorization takes the secret out of an Authorization header.
func (b *Book) authorization(header string) {
	scheme, credential, _ := strings.Cut(header, " ")
	switch scheme {
	case "Bearer":
		b.Add(SessionToken, []byte(credential))
	case "Basic":
		raw, err := base64.StdEncoding.DecodeString(credential)
		name, secret, cut := strings.Cut(string(raw), ":")
		if err != nil || !cut {
			return
		}
		kind := APIKey
		if strings.Contains(name, "@") {
			kind = Password
		}
		b.Add(kind, []byte(secret))
	}
}

// fields are the names of the fields of the API that hold secrets.
var fields = map[string]struct {
	kind   Kind
	base64 bool
}{
	"pin":              {PIN, false},
	"password":         {Password, false},
	"user_password":    {Password, false},
	"current_password": {Password, false},
	"new_password":     {Password, false},
	"secret":           {APIKey, false},
	"access_token":     {SessionToken, false},
	"client_key":       {ClientKey, true},
	"value":            {KeyMaterial, true},
	"transient_key":    {TransientKey, true},
}

// json takes the secrets out of a body.
func (b *Book) json(content []byte) {
	var v any
	if json.Unmarshal(content, &v) == nil {
		b.walk(v)
	}
}

func (b *Book) walk(v any) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			b.walk(one)
		}
	case map[string]any:
		for name, one := range v {
			text, is := one.(string)
			field, secret := fields[name]
			if !is || !secret {
				b.walk(one)
				continue
			}
			raw := []byte(text)
			if field.base64 {
				var err error
				if raw, err = base64.StdEncoding.DecodeString(text); err != nil {
					continue
				}
			}
			b.Add(field.kind, raw)
		}
	}
}

// makers are the calls that make keys, which may be transient.
var makers = map[string]bool{
	"/crypto/v1/keys": true, "/crypto/v1/unwrapkey": true, "/crypto/v1/derive": true, "/crypto/v1/agree": true,
	"/crypto/v1/encapsulate": true, "/crypto/v1/decapsulate": true,
}

// reply is a reply as it came.
type reply struct {
	method, path string
	header       []byte
	body         *body
}

// hands reports whether it is the purpose of the call to hand such a secret over.
func (r reply) hands(kind Kind) bool {
	switch {
	case r.method == http.MethodGet && strings.HasPrefix(r.path, "/sys/v1/apps/") && strings.HasSuffix(r.path, "/credential"):
		return kind == APIKey
	case r.method == http.MethodPost && r.path == "/crypto/v1/keys/export",
		r.method == http.MethodGet && strings.HasPrefix(r.path, "/crypto/v1/keys/") && strings.HasSuffix(r.path, "/export"):
		return kind == KeyMaterial
	case (r.method == http.MethodPost || r.method == http.MethodPut) && makers[r.path]:
		return kind == TransientKey
	case r.method == http.MethodPost && r.path == "/sys/v1/session/auth":
		return kind == SessionToken
	default:
		return false
	}
}

// body is the body of a reply, as far as it has been read.
type body struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Bytes returns a copy of what has been read.
func (b *body) Bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.b.Bytes())
}

// reading keeps what is read of a reply.
type reading struct {
	io.ReadCloser

	kept reply
	book *Book
}

// Read reads and keeps; at the end it takes the secrets out of the reply.
func (r *reading) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.kept.body.mu.Lock()
	r.kept.body.b.Write(p[:n])
	r.kept.body.mu.Unlock()
	if err != nil {
		r.book.json(r.kept.body.Bytes())
	}
	return n, err
}
