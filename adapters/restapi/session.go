package restapi

import (
	"context"
	"net/http"
	"strings"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/id"
)

// authRequest is the body of a login, with what is refused of it.
type authRequest struct {
	dsmwire.AuthRequest
	BindTo unbuilt `json:"bind_to,omitzero"`
}

// session registers logging in and out.
func (s *server) session() {
	register(s, endpoint[authRequest, dsmwire.AuthResponse]{
		ID: "Authenticate", Method: http.MethodPost, Path: "/sys/v1/session/auth", Tag: "Session",
		Summary: "Open a session, with the credential in the Authorization header or in the body", Open: true, Optional: true,
		Do: s.authenticate,
	})
	register(s, endpoint[dsmwire.AuthDiscoverRequest, []dsmwire.AuthMethod]{
		ID: "AuthDiscover", Method: http.MethodPost, Path: "/sys/v1/session/auth/discover", Tag: "Session",
		Summary: "How a user can log in; the same for every address, known or not", Open: true, Optional: true,
		Query: []param{{Name: "acct_id"}},
		Do: func(context.Context, *call[dsmwire.AuthDiscoverRequest]) ([]dsmwire.AuthMethod, error) {
			return []dsmwire.AuthMethod{{Method: "password"}}, nil
		},
	})
	register(s, endpoint[dsmwire.SelectAccountRequest, dsmwire.SelectAccountResponse]{
		ID: "SelectAccount", Method: http.MethodPost, Path: "/sys/v1/session/select_account", Tag: "Session",
		Summary: "Choose the account that a user's session works in",
		Do: func(ctx context.Context, c *call[dsmwire.SelectAccountRequest]) (dsmwire.SelectAccountResponse, error) {
			account, err := parseID[id.Account](c.Body.AcctID, "acct_id")
			if err != nil {
				return dsmwire.SelectAccountResponse{}, err
			}
			if c.Token.Empty() {
				return dsmwire.SelectAccountResponse{}, errNoSession()
			}
			return dsmwire.SelectAccountResponse{}, s.Sessions.SelectAccount(ctx, c.Token, account)
		},
	})
	register(s, endpoint[none, none]{
		ID: "Refresh", Method: http.MethodPost, Path: "/sys/v1/session/refresh", Tag: "Session",
		Summary: "Extend the session",
		Do: func(ctx context.Context, c *call[none]) (none, error) {
			if c.Token.Empty() {
				return none{}, errNoSession()
			}
			return none{}, s.Sessions.Refresh(ctx, c.Token)
		},
	})
	register(s, endpoint[none, dsmwire.AuthResponse]{
		ID: "Reauthenticate", Method: http.MethodPost, Path: "/sys/v1/session/reauth", Tag: "Session",
		Summary: "Open another session for the same caller",
		Do: func(ctx context.Context, c *call[none]) (dsmwire.AuthResponse, error) {
			return s.open(ctx, c.Caller)
		},
	})
	register(s, endpoint[none, none]{
		ID: "Terminate", Method: http.MethodPost, Path: "/sys/v1/session/terminate", Tag: "Session",
		Summary: "End the session; without one there is nothing to end",
		Do: func(ctx context.Context, c *call[none]) (none, error) {
			if c.Token.Empty() {
				return none{}, nil
			}
			return none{}, s.Sessions.Terminate(ctx, c.Token)
		},
	})
}

func errNoSession() error {
	return fault.New(fault.Invalid, "this needs a session: send the access token of one as Bearer")
}

func (s *server) authenticate(ctx context.Context, c *call[authRequest]) (dsmwire.AuthResponse, error) {
	caller, err := s.login(ctx, c)
	if err != nil {
		return dsmwire.AuthResponse{}, err
	}
	return s.open(ctx, caller)
}

// login checks the credential of a new session.
func (s *server) login(ctx context.Context, c *call[authRequest]) (access.Caller, error) {
	b := c.Body
	switch b.TokenType {
	case "", "Bearer":
	case "Cookie":
		return access.Caller{}, fault.New(fault.Unsupported, "token_type Cookie is not supported; use Bearer")
	default:
		return access.Caller{}, fault.New(fault.Invalid, "token_type is not one that the API knows")
	}
	if err := b.BindTo.refuse("bind_to"); err != nil {
		return access.Caller{}, err
	}
	switch b.Method {
	case "":
		if scheme, _, _ := strings.Cut(c.http.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "bearer") {
			return access.Caller{}, fault.New(fault.Unauthenticated, "a session is opened with a credential, not with another session")
		}
		caller, _, err := s.identify(ctx, c.http)
		return caller, err
	case "password":
		if id.Valid(strings.ToLower(b.Email)) {
			return access.Caller{}, errBadCredential() // an app's id is no e-mail address
		}
		return s.Sessions.Basic(ctx, b.Email, b.Password.Secret())
	case "ldap-basic-auth", "saml-response", "oauth-auth-code", "auth-by-app-name", "aws-iam":
		return access.Caller{}, fault.New(fault.Unsupported, "authentication method %s is not supported", b.Method)
	default:
		return access.Caller{}, fault.New(fault.Invalid, "method is not one that the API knows")
	}
}

func (s *server) open(ctx context.Context, caller access.Caller) (dsmwire.AuthResponse, error) {
	opened, err := s.Sessions.Open(ctx, caller)
	if err != nil {
		return dsmwire.AuthResponse{}, err
	}
	return dsmwire.AuthResponse{
		TokenType: "Bearer", ExpiresIn: uint32(opened.ExpiresIn.Seconds()),
		AccessToken: dsmwire.NewSecretText(opened.Token), EntityID: opened.Entity,
	}, nil
}
