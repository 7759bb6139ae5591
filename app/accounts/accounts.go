// Package accounts holds the use cases around who exists: accounts, users and
// apps. Everything is authorised and audited in the same call, and what lies
// outside the caller's account answers as what does not exist. Safe for
// concurrent use.
package accounts

import (
	"context"
	"encoding/base64"
	"io"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"time"

	"gatehouse/app/catalogue"
	"gatehouse/app/internal/patch"
	"gatehouse/app/ledger"
	"gatehouse/core/access"
	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/ports/seal"
)

// Limits of passwords, in bytes.
const (
	MinPassword = 12
	MaxPassword = 256
)

// Config is what a Service needs besides its collaborators.
type Config struct {
	Now          func() time.Time
	NewID        func() string
	Random       io.Reader // cryptographic randomness
	HashPassword func(secret.Value) (string, error)
}

// Service manages accounts, users and apps.
type Service struct {
	cat    *catalogue.Catalogue
	sealer seal.Sealer
	ledger *ledger.Ledger
	cfg    Config
}

// New returns a service over its collaborators.
func New(cat *catalogue.Catalogue, sealer seal.Sealer, l *ledger.Ledger, cfg Config) *Service {
	return &Service{cat: cat, sealer: sealer, ledger: l, cfg: cfg}
}

// random returns n random bytes as URL-safe text.
func (s *Service) random(n int) (secret.Value, error) {
	raw := make([]byte, n)
	if _, err := io.ReadFull(s.cfg.Random, raw); err != nil {
		return secret.Value{}, fault.Wrap(fault.Internal, err, "no randomness")
	}
	return secret.FromString(base64.RawURLEncoding.EncodeToString(raw)), nil
}

// Accounts lists the accounts that the caller belongs to, in order of id.
func (s *Service) Accounts(ctx context.Context, c access.Caller) ([]directory.Account, error) {
	memberships, err := s.Memberships(ctx, c)
	if err != nil {
		return nil, err
	}
	accounts := []directory.Account{}
	for _, a := range slices.Sorted(maps.Keys(memberships)) {
		acct, err := s.cat.Account(ctx, a)
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, acct)
	}
	return accounts, nil
}

// Memberships returns the caller's roles by account.
func (s *Service) Memberships(ctx context.Context, c access.Caller) (map[id.Account]access.Role, error) {
	if c.Principal.Kind != id.UserPrincipal {
		return map[id.Account]access.Role{c.Account: c.Role}, nil
	}
	u, err := s.cat.User(ctx, id.User(c.Principal.ID))
	return u.Accounts, err
}

// Account returns an account that the caller belongs to.
func (s *Service) Account(ctx context.Context, c access.Caller, a id.Account) (directory.Account, error) {
	memberships, err := s.Memberships(ctx, c)
	if err != nil {
		return directory.Account{}, err
	}
	if _, member := memberships[a]; !member {
		return directory.Account{}, fault.New(fault.NotFound, "account does not exist")
	}
	return s.cat.Account(ctx, a)
}

// CreateAccount makes an account that the calling user administers.
func (s *Service) CreateAccount(ctx context.Context, c access.Caller, name, description string) (directory.Account, error) {
	acct := directory.Account{
		ID: id.Account(s.cfg.NewID()), Name: name, Description: description, CreatedAt: s.cfg.Now(), Enabled: true,
	}
	err := s.ledger.Change(ctx, ledger.Entry{Caller: c, Action: "account create", Object: string(acct.ID)}, func(*ledger.Entry) error {
		// Whoever administers an account may open another; members of none may not.
		memberships, err := s.Memberships(ctx, c)
		if err != nil {
			return err
		}
		if c.Principal.Kind != id.UserPrincipal || !administersAny(memberships) {
			return fault.New(fault.Denied, "only an account administrator may create accounts")
		}
		if err := keys.CheckName(name); err != nil {
			return err
		}
		if err := s.cat.AddAccount(ctx, acct); err != nil {
			return err
		}
		_, err = s.cat.UpdateUser(ctx, id.User(c.Principal.ID), func(u directory.User) (directory.User, error) {
			patch.Put(&u.Accounts, acct.ID, access.AccountAdmin)
			return u, nil
		})
		return err
	})
	return acct, err
}

func administersAny(memberships map[id.Account]access.Role) bool {
	for _, role := range memberships {
		if role == access.AccountAdmin {
			return true
		}
	}
	return false
}

// AccountChange changes an account; nil fields stay as they are.
type AccountChange struct {
	Name, Description *string
}

// UpdateAccount changes the caller's account.
func (s *Service) UpdateAccount(ctx context.Context, c access.Caller, a id.Account, ch AccountChange) (directory.Account, error) {
	var changed directory.Account
	err := s.ledger.Change(ctx, ledger.Entry{Caller: c, Action: "account update", Object: string(a)}, func(*ledger.Entry) error {
		if c.Account != a {
			return fault.New(fault.NotFound, "account does not exist")
		}
		if err := access.Administer(c); err != nil {
			return err
		}
		var err error
		changed, err = s.cat.UpdateAccount(ctx, a, func(acct directory.Account) (directory.Account, error) {
			patch.Set(&acct.Name, ch.Name)
			patch.Set(&acct.Description, ch.Description)
			return acct, keys.CheckName(acct.Name)
		})
		return err
	})
	return changed, err
}

func checkEmail(email string) (string, error) {
	a, err := mail.ParseAddress(email)
	if err != nil || a.Address != email || len(email) > 254 {
		return "", fault.New(fault.Invalid, "user_email is not an e-mail address")
	}
	return strings.ToLower(email), nil
}
