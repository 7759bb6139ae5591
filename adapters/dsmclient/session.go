package dsmclient

import (
	"bytes"
	"context"
	"net/http"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

// Login opens a session with the configured credential; later calls use it, and
// when it ends another is opened by itself. Without Login the credential goes
// with every call. It returns the id of the app or user that was recognised.
func (c *Client) Login(ctx context.Context) (entityID string, err error) {
	if c.credential.Empty() {
		return "", fault.New(fault.Invalid, "a login needs an API key, or a user and password")
	}
	auth, err := c.open(ctx)
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session, c.account = header(bearer, auth.AccessToken.Secret()), ""
	c.age = c.newAge(auth)
	return auth.EntityID, nil
}

// LoginError is in the errors of calls that failed because no session could be
// opened: by Login, or in the place of one that had ended.
type LoginError struct{ Err error }

// Error returns the text of what went wrong.
func (e *LoginError) Error() string { return "opening a session: " + e.Err.Error() }

// Unwrap returns what went wrong.
func (e *LoginError) Unwrap() error { return e.Err }

// open asks for a session; it changes nothing here. Its errors are LoginErrors.
func (c *Client) open(ctx context.Context) (dsmwire.AuthResponse, error) {
	auth, err := send[dsmwire.AuthResponse](ctx, c.as(c.credential), request{method: http.MethodPost, path: "/sys/v1/session/auth"})
	if err == nil && auth.AccessToken.IsZero() {
		err = fault.New(fault.Unsupported, "the service asks for a second factor")
	}
	if err != nil {
		return auth, &LoginError{err}
	}
	return auth, nil
}

// reopen replaces an ended session, unless somebody else has done so.
func (c *Client) reopen(ctx context.Context, ended secret.Value) error {
	select {
	case c.reopening <- struct{}{}:
		defer func() { <-c.reopening }()
	case <-ctx.Done():
		return unreachable(ctx.Err())
	}
	c.mu.Lock()
	session, account := c.session, c.account
	c.mu.Unlock()
	if !session.Equal(ended) {
		return nil
	}
	auth, err := c.open(ctx)
	if err != nil {
		return err
	}
	session = header(bearer, auth.AccessToken.Secret())
	if account != "" {
		if err := c.as(session).SelectAccount(ctx, account); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session, c.age = session, c.newAge(auth)
	return nil
}

// as returns a client that only has this Authorization header, and so opens no sessions.
func (c *Client) as(session secret.Value) *Client {
	return &Client{base: c.base, http: c.http, header: c.header, timeout: c.timeout, limit: c.limit, now: c.now, session: session}
}

// Token returns the token of the session, for who passes it on; empty without one.
func (c *Client) Token() secret.Value {
	c.mu.Lock()
	defer c.mu.Unlock()
	return secret.New(bytes.Clone(bytes.TrimPrefix(c.session.Reveal(reveal.Permit{}), []byte(bearer))))
}

// SelectAccount makes the user's session work in an account.
func (c *Client) SelectAccount(ctx context.Context, acctID string) error {
	_, err := send[dsmwire.SelectAccountResponse](ctx, c, request{
		method: http.MethodPost, path: "/sys/v1/session/select_account", body: dsmwire.SelectAccountRequest{AcctID: acctID},
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.account = acctID
	return nil
}

// Refresh extends the session.
func (c *Client) Refresh(ctx context.Context) error {
	_, err := send[none](ctx, c, request{method: http.MethodPost, path: "/sys/v1/session/refresh"})
	return err
}

// Logout ends the session; later calls send the credential again, if there is one.
func (c *Client) Logout(ctx context.Context) error {
	if isSession, session := c.authorization(); isSession {
		if _, err := send[none](ctx, c.as(session), request{method: http.MethodPost, path: "/sys/v1/session/terminate"}); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session, c.account = secret.Value{}, ""
	return nil
}

// Memberships returns the accounts that the calling user belongs to, each with
// its role and flags.
func (c *Client) Memberships(ctx context.Context) (map[string][]string, error) {
	return send[map[string][]string](ctx, c, request{method: http.MethodGet, path: "/sys/v1/users/accounts"})
}

// Version tells what answers. It needs no credential.
func (c *Client) Version(ctx context.Context) (dsmwire.Version, error) {
	return send[dsmwire.Version](ctx, c, request{method: http.MethodGet, path: "/sys/v1/version"})
}

// Health returns nil while the service says that it is well. It needs no credential.
func (c *Client) Health(ctx context.Context) error {
	_, err := send[none](ctx, c, request{method: http.MethodGet, path: "/sys/v1/health"})
	return err
}
