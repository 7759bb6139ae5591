package accounts

import (
	"context"

	"gatehouse/app/ledger"
	"gatehouse/core/access"
	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/secret"
)

func errNoSuchUser() error { return fault.New(fault.NotFound, "user does not exist") }

func (s *Service) newUser(email string, password secret.Value) (directory.User, error) {
	email, err := checkEmail(email)
	if err != nil {
		return directory.User{}, err
	}
	if password.Len() < MinPassword || password.Len() > MaxPassword {
		return directory.User{}, fault.New(fault.Invalid, "user_password must be %d to %d bytes long", MinPassword, MaxPassword)
	}
	hash, err := s.cfg.HashPassword(password)
	if err != nil {
		return directory.User{}, err
	}
	return directory.User{
		ID: id.User(s.cfg.NewID()), Email: email, PasswordHash: hash, CreatedAt: s.cfg.Now(), Enabled: true,
		Accounts: map[id.Account]access.Role{}, Groups: map[id.Group]access.Permissions{},
	}, nil
}

// NewUser is what an administrator gives of a new user.
type NewUser struct {
	Email               string
	Password            secret.Value
	FirstName, LastName string
	Role                access.Role // in the administrator's account; empty: member
}

// CreateUser makes a user who belongs to the calling administrator's account.
func (s *Service) CreateUser(ctx context.Context, c access.Caller, n NewUser) (directory.User, error) {
	var u directory.User
	err := s.ledger.Change(ctx, ledger.Entry{Caller: c, Action: "user create"}, func(e *ledger.Entry) error {
		if err := access.Administer(c); err != nil {
			return err
		}
		var err error
		if u, err = s.newUser(n.Email, n.Password); err != nil {
			return err
		}
		if n.Role == "" {
			n.Role = access.AccountMember
		}
		u.FirstName, u.LastName = n.FirstName, n.LastName
		u.Accounts[c.Account] = n.Role
		e.Object = string(u.ID)
		return s.cat.AddUser(ctx, u)
	})
	return u, err
}

// Users lists the users of the caller's account.
func (s *Service) Users(ctx context.Context, c access.Caller) ([]directory.User, error) {
	if c.Account == "" {
		return nil, fault.New(fault.Denied, "select an account first")
	}
	return s.cat.ListUsers(ctx, c.Account)
}

// User returns a user: the caller itself, or one of the caller's account.
func (s *Service) User(ctx context.Context, c access.Caller, id id.User) (directory.User, error) {
	u, err := s.cat.User(ctx, id)
	if err != nil {
		return u, err
	}
	if c.Principal.ID == string(id) {
		return u, nil
	}
	if _, member := u.Accounts[c.Account]; !member || c.Account == "" {
		return directory.User{}, errNoSuchUser()
	}
	return u, nil
}

// UserChange changes a user; nil fields stay as they are.
type UserChange struct {
	FirstName, LastName, Description *string
	Role                             *access.Role // in the caller's account
	Enabled                          *bool
	SetGroups                        map[id.Group]access.Permissions
	RemoveGroups                     []id.Group
}

// UpdateUser changes a user of the caller's account. Users may change their
// own names; the rest is for administrators.
func (s *Service) UpdateUser(ctx context.Context, c access.Caller, user id.User, ch UserChange) (directory.User, error) {
	var changed directory.User
	err := s.ledger.Change(ctx, ledger.Entry{Caller: c, Action: "user update", Object: string(user)}, func(*ledger.Entry) error {
		if _, err := s.User(ctx, c, user); err != nil {
			return err
		}
		own := c.Principal.ID == string(user) && ch.Role == nil && ch.Enabled == nil && ch.SetGroups == nil && ch.RemoveGroups == nil
		if !own {
			if err := access.Administer(c); err != nil {
				return err
			}
		}
		if err := s.checkGroups(ctx, c, ch.SetGroups); err != nil {
			return err
		}
		var err error
		changed, err = s.cat.UpdateUser(ctx, user, func(u directory.User) (directory.User, error) {
			set(&u.FirstName, ch.FirstName)
			set(&u.LastName, ch.LastName)
			set(&u.Description, ch.Description)
			set(&u.Enabled, ch.Enabled)
			if ch.Role != nil {
				put(&u.Accounts, c.Account, *ch.Role)
			}
			for g, p := range ch.SetGroups {
				put(&u.Groups, g, p)
			}
			for _, g := range ch.RemoveGroups {
				delete(u.Groups, g)
			}
			return u, nil
		})
		return err
	})
	return changed, err
}

// DeleteUser removes a user for good. Nobody deletes itself: an account would
// be left without an administrator.
func (s *Service) DeleteUser(ctx context.Context, c access.Caller, user id.User) error {
	return s.ledger.Change(ctx, ledger.Entry{Caller: c, Action: "user delete", Object: string(user)}, func(*ledger.Entry) error {
		if err := access.Administer(c); err != nil {
			return err
		}
		u, err := s.User(ctx, c, user)
		if err != nil {
			return err
		}
		if c.Principal.ID == string(user) {
			return fault.New(fault.BadState, "nobody can delete itself; ask another administrator")
		}
		if len(u.Accounts) > 1 {
			_, err := s.cat.UpdateUser(ctx, user, func(u directory.User) (directory.User, error) {
				delete(u.Accounts, c.Account)
				return u, nil
			})
			return err
		}
		if err := s.cat.DeleteSessionsOf(ctx, id.Principal{Kind: id.UserPrincipal, ID: string(user)}); err != nil {
			return err
		}
		return s.cat.DeleteUser(ctx, user)
	})
}

// ChangePassword gives the calling user a new password, and ends its other
// sessions. Check has verified the current one.
func (s *Service) ChangePassword(ctx context.Context, c access.Caller, next secret.Value) error {
	return s.ledger.Change(ctx, ledger.Entry{Caller: c, Action: "password change", Object: c.Principal.ID}, func(*ledger.Entry) error {
		if c.Principal.Kind != id.UserPrincipal {
			return fault.New(fault.Denied, "only users have passwords")
		}
		fresh, err := s.newUser("nobody@example.com", next)
		if err != nil {
			return err
		}
		_, err = s.cat.UpdateUser(ctx, id.User(c.Principal.ID), func(u directory.User) (directory.User, error) {
			u.PasswordHash = fresh.PasswordHash
			return u, nil
		})
		if err != nil {
			return err
		}
		return s.cat.DeleteSessionsOf(ctx, c.Principal)
	})
}

// checkGroups makes sure that all groups are of the caller's account.
func (s *Service) checkGroups(ctx context.Context, c access.Caller, groups map[id.Group]access.Permissions) error {
	for g := range groups {
		group, err := s.cat.Group(ctx, g)
		if err != nil {
			return err
		}
		if err := access.SeeGroup(c, group.Account, g); err != nil {
			return err
		}
	}
	return nil
}

// set assigns *from to *to unless from is nil.
func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// put sets an entry of a map that may be nil: so do empty maps come back from
// the store.
func put[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[k] = v
}
