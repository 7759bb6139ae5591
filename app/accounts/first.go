package accounts

import (
	"context"

	"gatehouse/app/ledger"
	"gatehouse/core/access"
	"gatehouse/core/directory"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
)

// FirstAdministrator makes the first account and its administrator when the
// store holds no user yet, and returns the password, which is shown this once.
// Made is false when there are users already. A first start that was cut off
// in between is gone on with.
func (s *Service) FirstAdministrator(ctx context.Context, account, email string) (password secret.Value, made bool, err error) {
	users, err := s.cat.ListUsers(ctx, "")
	if err != nil || len(users) > 0 {
		return secret.Value{}, false, err
	}
	if password, err = s.random(18); err != nil {
		return secret.Value{}, false, err
	}
	u, err := s.newUser(email, password)
	if err != nil {
		return secret.Value{}, false, err
	}
	system := access.Caller{Principal: id.Principal{Kind: id.SystemPrincipal, ID: "first start"}}
	if system.Account, err = s.firstAccount(ctx, system, account); err != nil {
		return secret.Value{}, false, err
	}
	u.Accounts[system.Account] = access.AccountAdmin
	err = s.ledger.Change(ctx, ledger.Entry{Caller: system, Action: "user create", Object: string(u.ID)}, func(*ledger.Entry) error {
		return s.cat.AddUser(ctx, u)
	})
	if err != nil {
		return secret.Value{}, false, err
	}
	return password, true, nil
}

// firstAccount returns the first account, and makes it unless an earlier first
// start has.
func (s *Service) firstAccount(ctx context.Context, system access.Caller, name string) (id.Account, error) {
	existing, err := s.cat.ListAccounts(ctx)
	if err != nil {
		return "", err
	}
	if len(existing) > 0 {
		return existing[0].ID, nil
	}
	if err := keys.CheckName(name); err != nil {
		return "", err
	}
	system.Account = id.Account(s.cfg.NewID())
	acct := directory.Account{ID: system.Account, Name: name, CreatedAt: s.cfg.Now(), Enabled: true}
	err = s.ledger.Change(ctx, ledger.Entry{Caller: system, Action: "account create", Object: string(acct.ID)}, func(*ledger.Entry) error {
		return s.cat.AddAccount(ctx, acct)
	})
	return acct.ID, err
}
