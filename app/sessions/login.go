package sessions

import (
	"context"
	"strings"

	"gatehouse/core/access"
	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/secret"
	"gatehouse/ports/seal"
)

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
	return s.userCaller(ctx, u, onlyAccount(u))
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
		s.refusals.count(appPrincipal(app.ID), app.Account, 1)
		return access.Caller{}, ErrCredential()
	}
	return s.appCaller(ctx, app)
}

func (s *Service) user(ctx context.Context, email string, password secret.Value) (directory.User, error) {
	if err := s.throttled(email); err != nil {
		return directory.User{}, err
	}
	u, err := s.cat.UserByEmail(ctx, email)
	exists := err == nil
	hash := u.PasswordHash
	if !exists {
		if fault.KindOf(err) != fault.NotFound {
			return directory.User{}, err
		}
		hash = s.cfg.DummyHash
	}
	proof := s.verified.proof(string(u.ID), u.Version, password)
	if exists && u.Enabled && s.verified.has(proof) {
		s.guesses.succeeded(email)
		return u, nil
	}
	ok, err := s.check(ctx, email, hash, password, exists && u.Enabled)
	if err != nil {
		return directory.User{}, err
	}
	if !ok {
		if exists {
			s.refusals.count(userPrincipal(u.ID), onlyAccount(u), 1)
		}
		return directory.User{}, ErrCredential()
	}
	s.verified.add(proof)
	return u, nil
}

// throttled refuses a guess at a user's password that comes too soon.
func (s *Service) throttled(email string) error {
	if wait := s.guesses.wait(email); wait > 0 {
		return fault.New(fault.Exhausted, "too many wrong passwords; try again in %d seconds", int(wait.Seconds())+1)
	}
	return nil
}

// check compares a password with its hash when its turn has come, and counts
// how it went; a user who may not log in has no right password. Guesses that
// come at once have all passed the throttle before the first of them fails, so
// that each is asked again.
func (s *Service) check(ctx context.Context, email, hash string, password secret.Value, may bool) (bool, error) {
	select {
	case s.hashing <- struct{}{}:
	case <-ctx.Done():
		return false, fault.Wrap(fault.Unavailable, ctx.Err(), "too many logins at once")
	}
	defer func() { <-s.hashing }()
	if err := s.throttled(email); err != nil {
		return false, err
	}
	if !s.cfg.CheckPassword(hash, password) || !may {
		s.guesses.failed(email)
		return false, nil
	}
	s.guesses.succeeded(email)
	return true, nil
}

// onlyAccount returns the account of a user who has just one.
func onlyAccount(u directory.User) id.Account {
	if len(u.Accounts) == 1 {
		for a := range u.Accounts {
			return a
		}
	}
	return ""
}
