package restapi

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"strings"

	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
)

// maxAuthorization bounds the header that tells who asks.
const maxAuthorization = 8 << 10

func errNoCredential() error { return fault.New(fault.Unauthenticated, "authentication required") }

func errBadCredential() error { return fault.New(fault.Unauthenticated, "invalid credentials") }

// identify tells who sent the request: an API key or a user's e-mail address
// and password (Basic), or a session (Bearer), whose token it returns too.
func (s *server) identify(ctx context.Context, r *http.Request) (access.Caller, secret.Value, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return access.Caller{}, secret.Value{}, errNoCredential()
	}
	scheme, rest, _ := strings.Cut(header, " ")
	rest = strings.TrimSpace(rest)
	if len(header) > maxAuthorization || rest == "" {
		return access.Caller{}, secret.Value{}, errBadCredential()
	}
	switch strings.ToLower(scheme) {
	case "bearer":
		token := secret.FromString(rest)
		c, err := s.Sessions.Bearer(ctx, token)
		return c, token, err
	case "basic":
		name, password, ok := basic(rest)
		if !ok {
			return access.Caller{}, secret.Value{}, errBadCredential()
		}
		c, err := s.Sessions.Basic(ctx, name, password)
		return c, secret.Value{}, err
	default:
		return access.Caller{}, secret.Value{}, errBadCredential()
	}
}

// basic reads name and password out of base64 in either alphabet, padded or not.
func basic(encoded string) (name string, password secret.Value, ok bool) {
	encoded = strings.TrimRight(encoded, "=")
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(encoded, "-_") {
		encoding = base64.RawURLEncoding
	}
	decoded, err := encoding.DecodeString(encoded)
	if err != nil {
		return "", secret.Value{}, false
	}
	n, p, ok := bytes.Cut(decoded, []byte{':'})
	return string(n), secret.New(p), ok
}
