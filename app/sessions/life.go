package sessions

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"time"

	"gatehouse/app/ledger"
	"gatehouse/core/access"
	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/secret"
)

// Opened is a new session.
type Opened struct {
	Token     secret.Value // the bearer token; it is not kept
	ExpiresIn time.Duration
	Entity    string // id of the app or user
}

// Open opens a session for a caller that has just shown its credential.
func (s *Service) Open(ctx context.Context, c access.Caller) (Opened, error) {
	raw := make([]byte, 48)
	if _, err := io.ReadFull(s.cfg.Random, raw); err != nil {
		return Opened{}, fault.Wrap(fault.Internal, err, "no randomness")
	}
	token := secret.FromString(base64.RawURLEncoding.EncodeToString(raw))
	now := s.cfg.Now()
	err := s.ledger.Use(ctx, ledger.Entry{Caller: c, Action: "log in", Object: c.Principal.ID}, func(*ledger.Entry) error {
		return s.cat.AddSession(ctx, directory.Session{
			TokenHash: token.Digest(), Principal: c.Principal, Account: c.Account, CreatedAt: now, ExpiresAt: now.Add(Lifetime),
		})
	})
	if err != nil {
		return Opened{}, err
	}
	return Opened{Token: token, ExpiresIn: Lifetime, Entity: c.Principal.ID}, nil
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
		return asCredential(err)
	}
	if _, err := s.userCaller(ctx, u, a); errors.Is(err, fault.Unauthenticated) {
		return fault.New(fault.NotFound, "account does not exist")
	} else if err != nil {
		return err
	}
	return s.update(ctx, token, func(session directory.Session) directory.Session {
		session.Account = a
		return session
	})
}

// Refresh extends a session by its lifetime from now. Unauthenticated when it
// has ended, or its principal is no longer allowed in.
func (s *Service) Refresh(ctx context.Context, token secret.Value) error {
	if _, err := s.Bearer(ctx, token); err != nil {
		return err
	}
	return s.update(ctx, token, func(session directory.Session) directory.Session {
		session.ExpiresAt = s.cfg.Now().Add(Lifetime)
		return session
	})
}

// update changes a session that has not ended.
func (s *Service) update(ctx context.Context, token secret.Value, change func(directory.Session) directory.Session) error {
	_, err := s.cat.UpdateSession(ctx, token.Digest(), func(session directory.Session) (directory.Session, error) {
		if !s.cfg.Now().Before(session.ExpiresAt) {
			return session, ErrCredential()
		}
		return change(session), nil
	})
	return asCredential(err)
}

// Terminate ends a session; the token is worthless from then on.
func (s *Service) Terminate(ctx context.Context, token secret.Value) error {
	return s.cat.DeleteSession(ctx, token.Digest())
}

// Sweep forgets expired sessions, and records the refused logins since it was
// last called. To be called every few seconds.
func (s *Service) Sweep(ctx context.Context) error {
	return errors.Join(s.refusals.record(ctx, s.ledger), s.cat.DeleteSessionsBefore(ctx, s.cfg.Now()))
}
