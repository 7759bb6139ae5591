package cli

import (
	"context"
	"io"
	"strings"

	"gatehouse/adapters/cli/render"
	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
)

type listAccounts struct {
	Detail bool `help:"Show roles, times and descriptions too."`
}

// Run lists the accounts of the user.
func (l listAccounts) Run(ctx context.Context, t *tool) error {
	return t.use(ctx, asUser, func(ctx context.Context, c *dsmclient.Client) error {
		mine, err := c.Memberships(ctx)
		if err != nil {
			return err
		}
		all := []dsmwire.Account{}
		for _, id := range sorted(mine) {
			a, err := c.Account(ctx, id)
			if err != nil {
				return err
			}
			all = append(all, a)
		}
		return t.show(all, func(w io.Writer) error {
			table := render.Table{Head: []string{"ACCOUNT ID", "NAME", "ENABLED"}}
			if l.Detail {
				table.Head = append(table.Head, "CREATED", "ROLE", "DESCRIPTION")
			}
			for _, a := range all {
				table.Add(a.AcctID, a.Name, yes(a.Enabled), date(a.CreatedAt), strings.Join(mine[a.AcctID], " "), a.Description)
			}
			return table.Write(w, "No accounts.")
		})
	})
}

type showAccount struct {
	AccountID string `help:"UUID of the account." name:"account-id" placeholder:"UUID" required:""`
}

// Run shows an account.
func (s showAccount) Run(ctx context.Context, t *tool) error {
	return t.use(ctx, manages, func(ctx context.Context, c *dsmclient.Client) error {
		a, err := c.Account(ctx, s.AccountID)
		if err != nil {
			return err
		}
		return t.show(a, func(w io.Writer) error {
			p := &render.Properties{}
			p.Add("account_id", a.AcctID)
			p.Add("name", a.Name)
			p.Add("description", a.Description)
			p.Add("enabled", yes(a.Enabled))
			p.Add("created", date(a.CreatedAt))
			return p.Write(w)
		})
	})
}

type createAccount struct {
	Name        string `help:"Name of the account." placeholder:"NAME" required:""`
	Description string `help:"A description." placeholder:"TEXT"`
}

// Run makes an account.
func (a createAccount) Run(ctx context.Context, t *tool) error {
	return t.use(ctx, asUser, func(ctx context.Context, c *dsmclient.Client) error {
		made, err := c.CreateAccount(ctx, dsmwire.AccountRequest{Name: &a.Name, Description: given(a.Description)})
		if err != nil {
			return err
		}
		return t.showID(made.AcctID, made)
	})
}

type listUsers struct{}

// Run lists the users of the account.
func (listUsers) Run(ctx context.Context, t *tool) error {
	return t.use(ctx, manages, func(ctx context.Context, c *dsmclient.Client) error {
		all, err := c.Users(ctx)
		if err != nil {
			return err
		}
		return t.show(all, func(w io.Writer) error {
			table := render.Table{Head: []string{"USER ID", "E-MAIL", "NAME", "ROLE"}}
			for _, u := range all {
				table.Add(u.UserID, u.UserEmail, strings.TrimSpace(u.FirstName+" "+u.LastName), strings.Join(u.AccountRole, " "))
			}
			return table.Write(w, "No users.")
		})
	})
}

// oneUser names a user.
type oneUser struct {
	UserID   string `help:"UUID of the user." name:"user-id" placeholder:"UUID" required:"" xor:"user"`
	Username string `help:"E-mail address of the user." placeholder:"EMAIL" required:"" xor:"user"`
}

// onUser makes calls about a user.
func (t *tool) onUser(ctx context.Context, u oneUser, do func(context.Context, *dsmclient.Client, string) error) error {
	return t.use(ctx, manages, func(ctx context.Context, c *dsmclient.Client) error {
		if u.UserID != "" {
			return do(ctx, c, u.UserID)
		}
		all, err := c.Users(ctx)
		if err != nil {
			return err
		}
		for _, found := range all {
			if strings.EqualFold(found.UserEmail, u.Username) {
				return do(ctx, c, found.UserID)
			}
		}
		return fault.New(fault.NotFound, "there is no user of this name")
	})
}

type showUser struct{ oneUser }

// Run shows a user.
func (s showUser) Run(ctx context.Context, t *tool) error {
	return t.onUser(ctx, s.oneUser, func(ctx context.Context, c *dsmclient.Client, id string) error {
		u, err := c.User(ctx, id)
		if err != nil {
			return err
		}
		return t.show(u, func(w io.Writer) error {
			p := &render.Properties{}
			p.Add("user_id", u.UserID)
			p.Add("e-mail", u.UserEmail)
			p.Add("name", strings.TrimSpace(u.FirstName+" "+u.LastName))
			p.Add("description", u.Description)
			p.Add("role", strings.Join(u.AccountRole, " "))
			p.Add("created", date(u.CreatedAt))
			p.Add("last login", date(u.LastLoggedInAt))
			for _, g := range sorted(u.Groups) {
				p.Add("group "+g, strings.Join(u.Groups[g], " "))
			}
			return p.Write(w)
		})
	})
}

type createUser struct {
	Username     string `help:"E-mail address of the user." placeholder:"EMAIL" required:""`
	FirstName    string `help:"First name." name:"first-name" placeholder:"NAME"`
	LastName     string `help:"Last name." name:"last-name" placeholder:"NAME"`
	PasswordFile string `help:"File that holds the user's password; - is the standard input. Asked for unless given." name:"password-file" placeholder:"FILE"`
}

// Run makes a user.
func (u createUser) Run(ctx context.Context, t *tool) error {
	password, err := t.secret(secretFlag{}, u.PasswordFile, "password", "Password of the user")
	if err != nil {
		return err
	}
	return t.use(ctx, manages, func(ctx context.Context, c *dsmclient.Client) error {
		made, err := c.CreateUser(ctx, dsmwire.SignupRequest{
			UserEmail: u.Username, UserPassword: dsmwire.NewSecretText(password), FirstName: given(u.FirstName), LastName: given(u.LastName),
		})
		if err != nil {
			return err
		}
		return t.showID(made.UserID, made)
	})
}

type deleteUser struct{ oneUser }

// Run removes a user from the account.
func (d deleteUser) Run(ctx context.Context, t *tool) error {
	return t.onUser(ctx, d.oneUser, func(ctx context.Context, c *dsmclient.Client, id string) error { return c.DeleteUser(ctx, id) })
}

type changePassword struct {
	PasswordFile    string `help:"File that holds the present password. Asked for unless given." name:"password-file" placeholder:"FILE"`
	NewPasswordFile string `help:"File that holds the new password. Asked for unless given." name:"new-password-file" placeholder:"FILE"`
}

// Run gives the user that is logged in a new password.
func (p changePassword) Run(ctx context.Context, t *tool) error {
	current, err := t.secret(secretFlag{}, p.PasswordFile, "password", "Present password")
	if err != nil {
		return err
	}
	next, err := t.secret(secretFlag{}, p.NewPasswordFile, "new-password", "New password")
	if err != nil {
		return err
	}
	if p.NewPasswordFile == "" {
		again, err := t.Ask("New password again: ")
		if err != nil {
			return err
		}
		if !again.Equal(next) {
			return fault.New(fault.Invalid, "the two new passwords differ; nothing was changed")
		}
	}
	return t.use(ctx, asUser, func(ctx context.Context, c *dsmclient.Client) error { return c.ChangePassword(ctx, current, next) })
}
