package accounts

import (
	"context"
	"maps"
	"slices"

	"gatehouse/app/internal/patch"
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
	hash, err := s.hash(password)
	if err != nil {
		return directory.User{}, err
	}
	return directory.User{
		ID: id.User(s.cfg.NewID()), Email: email, PasswordHash: hash, CreatedAt: s.cfg.Now(), Enabled: true,
		Accounts: map[id.Account]access.Role{}, Groups: map[id.Group]access.Permissions{},
	}, nil
}

// hash checks and hashes a new password.
func (s *Service) hash(password secret.Value) (string, error) {
	if password.Len() < MinPassword || password.Len() > MaxPassword {
		return "", fault.New(fault.Invalid, "user_password must be %d to %d bytes long", MinPassword, MaxPassword)
	}
	return s.cfg.HashPassword(password)
}

func checkUserRole(r access.Role) error {
	switch r {
	case access.AccountAdmin, access.AccountMember, access.AccountAuditor:
		return nil
	default:
		return fault.New(fault.Invalid, "account_role is not a role of users")
	}
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
		if err := checkUserRole(n.Role); err != nil {
			return err
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

// forAdministrators reports whether ch holds more than a user may change of itself.
func (ch UserChange) forAdministrators() bool {
	return ch.Role != nil || ch.Enabled != nil || ch.SetGroups != nil || ch.RemoveGroups != nil
}

// UpdateUser changes a user of the caller's account. Users may change their
// own names; the rest is for administrators, and none takes the keys from itself:
// an account would be left without one. A user who is disabled is refused from
// the moment on that this returns.
func (s *Service) UpdateUser(ctx context.Context, c access.Caller, user id.User, ch UserChange) (directory.User, error) {
	var changed directory.User
	err := s.ledger.Change(ctx, ledger.Entry{Caller: c, Action: "user update", Object: string(user)}, func(*ledger.Entry) error {
		if _, err := s.User(ctx, c, user); err != nil {
			return err
		}
		own := c.Principal.ID == string(user)
		if !own || ch.forAdministrators() {
			if err := access.Administer(c); err != nil {
				return err
			}
		}
		if own && (ch.Role != nil && *ch.Role != c.Role || ch.Enabled != nil && !*ch.Enabled) {
			return fault.New(fault.BadState, "nobody can disable itself or give up its own role; ask another administrator")
		}
		if err := s.checkGroups(ctx, c, slices.AppendSeq(slices.Clone(ch.RemoveGroups), maps.Keys(ch.SetGroups))); err != nil {
			return err
		}
		var err error
		changed, err = s.cat.UpdateUser(ctx, user, func(u directory.User) (directory.User, error) { return ch.apply(u, c.Account) })
		return err
	})
	return changed, err
}

// apply returns u with the change made by an administrator of account a, or by
// the user itself.
func (ch UserChange) apply(u directory.User, a id.Account) (directory.User, error) {
	patch.Set(&u.FirstName, ch.FirstName)
	patch.Set(&u.LastName, ch.LastName)
	patch.Set(&u.Description, ch.Description)
	if ch.Role != nil {
		if err := checkUserRole(*ch.Role); err != nil {
			return u, err
		}
		patch.Put(&u.Accounts, a, *ch.Role)
	}
	if ch.Enabled != nil && *ch.Enabled != u.Enabled {
		if len(u.Accounts) > 1 {
			return u, fault.New(fault.BadState, "the user belongs to other accounts too; delete it from this one instead")
		}
		u.Enabled = *ch.Enabled
	}
	for g, p := range ch.SetGroups {
		patch.Put(&u.Groups, g, p)
	}
	for _, g := range ch.RemoveGroups {
		delete(u.Groups, g)
	}
	return u, nil
}

// DeleteUser removes a user for good, or only from the caller's account when it
// belongs to others too. Nobody deletes itself: an account would be left
// without an administrator.
func (s *Service) DeleteUser(ctx context.Context, c access.Caller, user id.User) error {
	return s.ledger.Change(ctx, ledger.Entry{Caller: c, Action: "user delete", Object: string(user)}, func(*ledger.Entry) error {
		u, err := s.User(ctx, c, user)
		if err != nil {
			return err
		}
		if err := access.Administer(c); err != nil {
			return err
		}
		if c.Principal.ID == string(user) {
			return fault.New(fault.BadState, "nobody can delete itself; ask another administrator")
		}
		if len(u.Accounts) > 1 {
			return s.leave(ctx, user, c.Account)
		}
		if err := s.cat.DeleteSessionsOf(ctx, id.Principal{Kind: id.UserPrincipal, ID: string(user)}); err != nil {
			return err
		}
		return s.cat.DeleteUser(ctx, user)
	})
}

// leave takes a user out of an account and its groups.
func (s *Service) leave(ctx context.Context, user id.User, a id.Account) error {
	groups, err := s.cat.ListGroups(ctx, a)
	if err != nil {
		return err
	}
	_, err = s.cat.UpdateUser(ctx, user, func(u directory.User) (directory.User, error) {
		delete(u.Accounts, a)
		for _, g := range groups {
			delete(u.Groups, g.ID)
		}
		return u, nil
	})
	return err
}

// ChangePassword gives the calling user a new password, and ends all its
// sessions. Whoever calls it has made sure that the user knows the old one.
func (s *Service) ChangePassword(ctx context.Context, c access.Caller, next secret.Value) error {
	return s.ledger.Change(ctx, ledger.Entry{Caller: c, Action: "password change", Object: c.Principal.ID}, func(*ledger.Entry) error {
		if c.Principal.Kind != id.UserPrincipal {
			return fault.New(fault.Denied, "only users have passwords")
		}
		hash, err := s.hash(next)
		if err != nil {
			return err
		}
		_, err = s.cat.UpdateUser(ctx, id.User(c.Principal.ID), func(u directory.User) (directory.User, error) {
			u.PasswordHash = hash
			return u, nil
		})
		if err != nil {
			return err
		}
		return s.cat.DeleteSessionsOf(ctx, c.Principal)
	})
}

// checkGroups makes sure that all groups are of the caller's account.
func (s *Service) checkGroups(ctx context.Context, c access.Caller, groups []id.Group) error {
	for _, g := range groups {
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
