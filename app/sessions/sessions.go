// Package sessions tells who is asking: it checks API keys, passwords and
// bearer tokens, and opens and ends sessions.
//
// A refusal never tells which part of a credential was wrong, and takes about
// as long when there is no such principal. Safe for concurrent use.
package sessions

import (
	"context"
	"encoding/base64"
	"io"
	"strings"
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
	throttle *throttle
	hashing  chan struct{}
}

// New returns a service over its collaborators.
func New(cat *catalogue.Catalogue, sealer seal.Sealer, l *ledger.Ledger, cfg Config) *Service {
	return &Service{
		cat: cat, sealer: sealer, ledger: l, cfg: cfg,
		verified: newVerified(cfg.Random), throttle: newThrottle(cfg.Now),
		hashing: make(chan struct{}, 2), // each check takes tens of MiB: a flood must not take all
	}
}

// ErrCredential is the one answer to every credential that is not accepted.
func ErrCredential() error { return fault.New(fault.Unauthenticated, "invalid credentials") }

// Basic checks name and password: an app's id and secret, or a user's email
// and password. Unauthenticated for anything that does not fit; Exhausted while
// a user's password has been wrong too often.
func (s *Service) Basic(ctx context.Context, name string, password secret.Value) (access.Caller, error) {
	if id.Valid(name) {
		return s.app(ctx, id.App(name), password)
	}
	u, err := s.user(ctx, strings.ToLower(name), password)
	if err != nil {
		return access.Caller{}, err
	}
	var only id.Account
	if len(u.Accounts) == 1 {
		for a := range u.Accounts {
			only = a
		}
	}
	return s.userCaller(ctx, u, only)
}

func (s *Service) app(ctx context.Context, a id.App, given secret.Value) (access.Caller, error) {
	app, err := s.cat.App(ctx, a)
	if err != nil {
		return access.Caller{}, asCredential(err)
	}
	want, err := s.sealer.Open(seal.AppCredential, string(app.ID), app.Secret)
	if err != nil {
		return access.Caller{}, err
	}
	if !want.Equal(given) || want.Empty() {
		return access.Caller{}, ErrCredential()
	}
	return s.appCaller(ctx, app)
}

func (s *Service) appCaller(ctx context.Context, app directory.App) (access.Caller, error) {
	if !app.Enabled {
		return access.Caller{}, ErrCredential()
	}
	if err := s.accountOpen(ctx, app.Account); err != nil {
		return access.Caller{}, err
	}
	return access.Caller{
		Principal: id.Principal{Kind: id.AppPrincipal, ID: string(app.ID)},
		Account:   app.Account, Role: app.Role, Groups: app.Groups, Default: app.DefaultGroup,
	}, nil
}

func (s *Service) user(ctx context.Context, email string, password secret.Value) (directory.User, error) {
	if wait := s.throttle.wait(email); wait > 0 {
		return directory.User{}, fault.New(fault.Exhausted, "too many wrong passwords; try again in %d seconds", int(wait.Seconds())+1)
	}
	u, err := s.cat.UserByEmail(ctx, email)
	hash := u.PasswordHash
	if err != nil {
		if fault.KindOf(err) != fault.NotFound {
			return u, err
		}
		hash = s.cfg.DummyHash
	}
	proof := s.verified.proof(string(u.ID), u.Version, password)
	if err == nil && s.verified.has(proof) && u.Enabled {
		return u, nil
	}
	select {
	case s.hashing <- struct{}{}:
	case <-ctx.Done():
		return u, fault.Wrap(fault.Unavailable, ctx.Err(), "too many logins at once")
	}
	ok := s.cfg.CheckPassword(hash, password)
	<-s.hashing
	if !ok || err != nil || !u.Enabled {
		s.throttle.failed(email)
		return directory.User{}, ErrCredential()
	}
	s.throttle.succeeded(email)
	s.verified.add(proof)
	return u, nil
}

func (s *Service) userCaller(ctx context.Context, u directory.User, account id.Account) (access.Caller, error) {
	if !u.Enabled {
		return access.Caller{}, ErrCredential()
	}
	c := access.Caller{Principal: id.Principal{Kind: id.UserPrincipal, ID: string(u.ID)}, Groups: u.Groups}
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
	if fault.KindOf(err) == fault.NotFound {
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

// Opened is a new session.
type Opened struct {
	Token     secret.Value // the bearer token; it is not kept
	ExpiresIn time.Duration
	Entity    string // id of the app or user
}

// Open opens a session for a caller that has just shown its credential.
func (s *Service) Open(ctx context.Context, c access.Caller) (Opened, error) {
	var opened Opened
	err := s.ledger.Use(ctx, ledger.Entry{Caller: c, Action: "log in", Object: c.Principal.ID}, func(*ledger.Entry) error {
		raw := make([]byte, 48)
		if _, err := io.ReadFull(s.cfg.Random, raw); err != nil {
			return fault.Wrap(fault.Internal, err, "no randomness")
		}
		token := secret.FromString(base64.RawURLEncoding.EncodeToString(raw))
		now := s.cfg.Now()
		session := directory.Session{
			TokenHash: token.Digest(), Principal: c.Principal, Account: c.Account, CreatedAt: now, ExpiresAt: now.Add(Lifetime),
		}
		opened = Opened{Token: token, ExpiresIn: Lifetime, Entity: c.Principal.ID}
		return s.cat.AddSession(ctx, session)
	})
	return opened, err
}

// SelectAccount makes a the account that a user's session works in. NotFound
// when the user does not belong to it; Invalid for an app's session.
func (s *Service) SelectAccount(ctx context.Context, token secret.Value, a id.Account) error {
	c, err := s.Bearer(ctx, token)
	if err != nil {
		return err
	}
	if c.Principal.Kind != id.UserPrincipal {
		return fault.New(fault.Invalid, "only users select an account")
	}
	u, err := s.cat.User(ctx, id.User(c.Principal.ID))
	if err != nil {
		return err
	}
	if _, err := s.userCaller(ctx, u, a); err != nil {
		return fault.New(fault.NotFound, "account does not exist")
	}
	_, err = s.cat.UpdateSession(ctx, token.Digest(), func(session directory.Session) (directory.Session, error) {
		session.Account = a
		return session, nil
	})
	return err
}

// Refresh extends a session by its lifetime from now.
func (s *Service) Refresh(ctx context.Context, token secret.Value) error {
	_, err := s.cat.UpdateSession(ctx, token.Digest(), func(session directory.Session) (directory.Session, error) {
		session.ExpiresAt = s.cfg.Now().Add(Lifetime)
		return session, nil
	})
	return err
}

// Terminate ends a session; the token is worthless from then on.
func (s *Service) Terminate(ctx context.Context, token secret.Value) error {
	return s.cat.DeleteSession(ctx, token.Digest())
}

// Sweep forgets expired sessions. To be called now and then.
func (s *Service) Sweep(ctx context.Context) error {
	return s.cat.DeleteSessionsBefore(ctx, s.cfg.Now())
}
