package restapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"gatehouse/adapters/dsmwire"
	"gatehouse/app/accounts"
	"gatehouse/core/access"
	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/id"
)

// userRequest changes a user.
type userRequest struct {
	dsmwire.UserRequest
	NewEmail         unbuilt `json:"user_email,omitzero"`
	NewPassword      unbuilt `json:"user_password,omitzero"`
	AddMFADevices    unbuilt `json:"add_mfa_devices,omitzero"`
	AddU2FDevices    unbuilt `json:"add_u2f_devices,omitzero"`
	DelMFADevices    unbuilt `json:"del_mfa_devices,omitzero"`
	DelU2FDevices    unbuilt `json:"del_u2f_devices,omitzero"`
	RenameMFADevices unbuilt `json:"rename_mfa_devices,omitzero"`
	RenameU2FDevices unbuilt `json:"rename_u2f_devices,omitzero"`
}

func (r userRequest) change() (accounts.UserChange, error) {
	ch := accounts.UserChange{FirstName: r.FirstName, LastName: r.LastName, Description: r.Description, Enabled: r.Enable}
	err := refuseUnbuilt(
		named{"user_email", r.NewEmail}, named{"user_password", r.NewPassword},
		named{"add_mfa_devices", r.AddMFADevices}, named{"add_u2f_devices", r.AddU2FDevices},
		named{"del_mfa_devices", r.DelMFADevices}, named{"del_u2f_devices", r.DelU2FDevices},
		named{"rename_mfa_devices", r.RenameMFADevices}, named{"rename_u2f_devices", r.RenameU2FDevices},
	)
	if err != nil {
		return ch, err
	}
	if ch.Role, err = parseAccountFlags(r.AccountRole); err != nil {
		return ch, err
	}
	for _, groups := range []map[string][]string{r.AddGroups, r.ModGroups} {
		for key, roles := range groups {
			g, err := parseID[id.Group](key, "a group's id")
			if err != nil {
				return ch, err
			}
			p, err := parseGroupRoles(roles)
			if err != nil {
				return ch, err
			}
			if ch.SetGroups == nil {
				ch.SetGroups = map[id.Group]access.Permissions{}
			}
			ch.SetGroups[g] = p
		}
	}
	for key := range r.DelGroups {
		g, err := parseID[id.Group](key, "a group's id")
		if err != nil {
			return ch, err
		}
		ch.RemoveGroups = append(ch.RemoveGroups, g)
	}
	return ch, nil
}

// userOf is a user as it looks from account a.
func userOf(a id.Account, u directory.User) dsmwire.User {
	hasPassword, hasAccount, verified := u.PasswordHash != "", len(u.Accounts) > 0, true
	r := dsmwire.User{
		UserID: string(u.ID), UserEmail: u.Email, AccountRole: accountFlags(u.Accounts[a], u.Enabled), FirstName: u.FirstName,
		LastName: u.LastName, Description: u.Description, CreatedAt: dsmwire.NewTime(u.CreatedAt),
		LastLoggedInAt: dsmwire.NewTime(u.LastLoginAt), HasPassword: &hasPassword, HasAccount: &hasAccount, EmailVerified: &verified,
		Groups: map[string][]string{}, MFADevices: []dsmwire.Object{}, U2FDevices: []dsmwire.Object{},
	}
	for g, p := range u.Groups {
		r.Groups[string(g)] = groupRoles(p)
	}
	return r
}

var userSorting = sorting[directory.User]{
	param: "sort",
	fields: map[string]sortField[directory.User]{
		"user_id": {key: func(u directory.User) string { return string(u.ID) }, start: "start"},
	},
	created: func(u directory.User) time.Time { return u.CreatedAt },
	id:      func(u directory.User) string { return string(u.ID) },
}

// users registers /sys/v1/users.
func (s *server) users() {
	const one = "/sys/v1/users/{user_id}"
	register(s, endpoint[none, []dsmwire.User]{
		ID: "ListUsers", Method: http.MethodGet, Path: "/sys/v1/users", Tag: "Users", Summary: "The users of the caller's account",
		Query: []param{limitParam, offsetParam, {Name: "sort", Doc: "user_id:asc or user_id:desc"}, {Name: "start"}, {Name: "group_id"}},
		Do: func(ctx context.Context, c *call[none]) ([]dsmwire.User, error) {
			p, err := userSorting.page(c.query())
			if err != nil {
				return nil, err
			}
			group, err := queryID[id.Group](c.query(), "group_id")
			if err != nil {
				return nil, err
			}
			all, err := s.Accounts.Users(ctx, c.Caller)
			if group != "" {
				all = filtered(all, func(u directory.User) bool { _, in := u.Groups[group]; return in })
			}
			part, _ := p.of(all)
			return mapped(part, func(u directory.User) dsmwire.User { return userOf(c.Caller.Account, u) }), err
		},
	})
	register(s, endpoint[dsmwire.SignupRequest, dsmwire.User]{
		ID: "SignupUser", Method: http.MethodPost, Path: "/sys/v1/users", Tag: "Users", Status: http.StatusCreated,
		Summary: "Make a user of the calling administrator's account",
		Do: func(ctx context.Context, c *call[dsmwire.SignupRequest]) (dsmwire.User, error) {
			u, err := s.Accounts.CreateUser(ctx, c.Caller, accounts.NewUser{
				Email: c.Body.UserEmail, Password: c.Body.UserPassword.Secret(), FirstName: or(c.Body.FirstName, ""), LastName: or(c.Body.LastName, ""),
			})
			return userOf(c.Caller.Account, u), err
		},
	})
	register(s, endpoint[none, dsmwire.User]{
		ID: "GetUser", Method: http.MethodGet, Path: one, Tag: "Users", Summary: "A user",
		Do: func(ctx context.Context, c *call[none]) (dsmwire.User, error) {
			user, err := pathID[id.User](&c.request, "user_id")
			if err != nil {
				return dsmwire.User{}, err
			}
			u, err := s.Accounts.User(ctx, c.Caller, user)
			return userOf(c.Caller.Account, u), err
		},
	})
	register(s, endpoint[none, []dsmwire.UserGroup]{
		ID: "ListUserGroups", Method: http.MethodGet, Path: "/gatehouse/v1/users/{user_id}/groups", Tag: "Gatehouse",
		Summary: "The groups that a user belongs to, with the states of their connections", Do: s.userGroups,
	})
	register(s, endpoint[userRequest, dsmwire.User]{
		ID: "UpdateUser", Method: http.MethodPatch, Path: one, Tag: "Users", Summary: "Change a user",
		Do: func(ctx context.Context, c *call[userRequest]) (dsmwire.User, error) {
			user, err := pathID[id.User](&c.request, "user_id")
			if err != nil {
				return dsmwire.User{}, err
			}
			ch, err := c.Body.change()
			if err != nil {
				return dsmwire.User{}, err
			}
			u, err := s.Accounts.UpdateUser(ctx, c.Caller, user, ch)
			return userOf(c.Caller.Account, u), err
		},
	})
	register(s, endpoint[none, none]{
		ID: "DeleteStale", Method: http.MethodDelete, Path: one, Tag: "Users", Summary: "Remove a user from the account",
		Do: func(ctx context.Context, c *call[none]) (none, error) {
			user, err := pathID[id.User](&c.request, "user_id")
			if err != nil {
				return none{}, err
			}
			return none{}, s.Accounts.DeleteUser(ctx, c.Caller, user)
		},
	})
	register(s, endpoint[dsmwire.PasswordChangeRequest, none]{
		ID: "ChangePassword", Method: http.MethodPost, Path: "/sys/v1/users/change_password", Tag: "Users",
		Summary: "Give the calling user a new password; its sessions end", Do: s.changePassword,
	})
}

// userGroups returns the groups of a user that the caller may know of.
func (s *server) userGroups(ctx context.Context, c *call[none]) ([]dsmwire.UserGroup, error) {
	user, err := pathID[id.User](&c.request, "user_id")
	if err != nil {
		return nil, err
	}
	u, err := s.Accounts.User(ctx, c.Caller, user)
	if err != nil {
		return nil, err
	}
	known, err := s.Grouping.List(ctx, c.Caller)
	in := []dsmwire.UserGroup{}
	for _, g := range known {
		p, belongs := u.Groups[g.ID]
		if belongs {
			in = append(in, dsmwire.UserGroup{
				GroupID: string(g.ID), Name: g.Name, Roles: groupRoles(p), HSM: g.Kind.HSM(), State: string(summary(s.Grouping.State(g))),
			})
		}
	}
	return in, err
}

func (s *server) changePassword(ctx context.Context, c *call[dsmwire.PasswordChangeRequest]) (none, error) {
	if c.Caller.Principal.Kind != id.UserPrincipal {
		return none{}, fault.New(fault.Denied, "only users have passwords")
	}
	u, err := s.Accounts.User(ctx, c.Caller, id.User(c.Caller.Principal.ID))
	if err != nil {
		return none{}, err
	}
	// A wrong password here must not look like the end of the session.
	if _, err := s.Sessions.Basic(ctx, u.Email, c.Body.CurrentPassword.Secret()); errors.Is(err, fault.Unauthenticated) {
		return none{}, fault.New(fault.Denied, "current_password is not right")
	} else if err != nil {
		return none{}, err
	}
	return none{}, s.Accounts.ChangePassword(ctx, c.Caller, c.Body.NewPassword.Secret())
}
