// Package sessions tells who is asking: it checks API keys, passwords and
// bearer tokens, and opens and ends sessions.
//
// A refusal never tells which part of a credential was wrong, and takes about
// as long when there is no such principal. Safe for concurrent use.
package sessions

import (
	"context"
	"errors"
	"io"
	"time"

	"gatehouse/app/catalogue"
	"gatehouse/app/ledger"
	"gatehouse/core/access"
	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/secret"
	"gatehouse/ports/seal"
)

// Lifetime is how long a session lives after it was opened or refreshed.
const Lifetime = 10 * time.Minute

// Config is what a Service needs besides its collaborators.
type Config struct {
	Now           func() time.Time
	Random        io.Reader // cryptographic randomness
	CheckPassword func(hash string, password secret.Value) bool
	DummyHash     string // a password hash that nothing matches, for users that do not exist
}

// Service authenticates callers.
type Service struct {
	cat      *catalogue.Catalogue
	sealer   seal.Sealer
	ledger   *ledger.Ledger
	cfg      Config
	verified *verified
	guesses  *throttle // of passwords
	refusals refusals
	hashing  chan struct{}
}

// New returns a service over its collaborators.
func New(cat *catalogue.Catalogue, sealer seal.Sealer, l *ledger.Ledger, cfg Config) *Service {
	return &Service{
		cat: cat, sealer: sealer, ledger: l, cfg: cfg,
		verified: newVerified(cfg.Random), guesses: newThrottle(cfg.Now),
		hashing: make(chan struct{}, 2), // each check takes tens of MiB: a flood must not take all
	}
}

// ErrCredential is the one answer to every credential that is not accepted.
func ErrCredential() error { return fault.New(fault.Unauthenticated, "invalid credentials") }

func (s *Service) appCaller(ctx context.Context, app directory.App) (access.Caller, error) {
	if !app.Enabled {
		return access.Caller{}, ErrCredential()
	}
	if err := s.accountOpen(ctx, app.Account); err != nil {
		return access.Caller{}, err
	}
	return access.Caller{
		Principal: appPrincipal(app.ID), Account: app.Account, Role: app.Role, Groups: app.Groups, Default: app.DefaultGroup,
	}, nil
}

func (s *Service) userCaller(ctx context.Context, u directory.User, account id.Account) (access.Caller, error) {
	if !u.Enabled {
		return access.Caller{}, ErrCredential()
	}
	c := access.Caller{Principal: userPrincipal(u.ID), Groups: u.Groups}
	if account == "" {
		return c, nil
	}
	role, member := u.Accounts[account]
	if !member {
		return access.Caller{}, ErrCredential()
	}
	if err := s.accountOpen(ctx, account); err != nil {
		return access.Caller{}, err
	}
	c.Account, c.Role = account, role
	return c, nil
}

func (s *Service) accountOpen(ctx context.Context, a id.Account) error {
	acct, err := s.cat.Account(ctx, a)
	if err != nil {
		return asCredential(err)
	}
	if !acct.Enabled {
		return ErrCredential()
	}
	return nil
}

func asCredential(err error) error {
	if errors.Is(err, fault.NotFound) {
		return ErrCredential()
	}
	return err
}

// Bearer checks a bearer token. Unauthenticated when it is unknown, expired, or
// its principal is no longer allowed in.
func (s *Service) Bearer(ctx context.Context, token secret.Value) (access.Caller, error) {
	session, err := s.cat.Session(ctx, token.Digest())
	if err != nil {
		return access.Caller{}, asCredential(err)
	}
	if !s.cfg.Now().Before(session.ExpiresAt) {
		return access.Caller{}, ErrCredential()
	}
	switch session.Principal.Kind {
	case id.AppPrincipal:
		app, err := s.cat.App(ctx, id.App(session.Principal.ID))
		if err != nil {
			return access.Caller{}, asCredential(err)
		}
		return s.appCaller(ctx, app)
	case id.UserPrincipal:
		u, err := s.cat.User(ctx, id.User(session.Principal.ID))
		if err != nil {
			return access.Caller{}, asCredential(err)
		}
		return s.userCaller(ctx, u, session.Account)
	default:
		return access.Caller{}, ErrCredential()
	}
}

func appPrincipal(a id.App) id.Principal { return id.Principal{Kind: id.AppPrincipal, ID: string(a)} }

func userPrincipal(u id.User) id.Principal {
	return id.Principal{Kind: id.UserPrincipal, ID: string(u)}
}
