package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"gatehouse/adapters/cli/tokenfile"
	"gatehouse/adapters/dsmclient"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
)

type appLogin struct{}

// Run opens a session as an app.
func (appLogin) Run(ctx context.Context, t *tool) error {
	key, err := t.apiKey()
	if err == nil && key.Empty() {
		key, err = t.secret(secretFlag{}, "", "api-key", "API key")
	}
	if err != nil {
		return err
	}
	return t.login(ctx, func(cfg *dsmclient.Config, _ *line) error {
		cfg.APIKey = key
		return nil
	}, func(l *line, token secret.Value) {
		l.file.AppToken, l.file.CertPath, l.file.KeyPath = token, "", ""
	}, nil)
}

type appCertificateLogin struct {
	AppID           string `help:"UUID of the app." name:"app-id" placeholder:"UUID" required:""`
	CertificatePath string `help:"PEM file of the app's certificate." name:"certificate-path" placeholder:"FILE" required:"" type:"path"`
	KeyPath         string `help:"PEM file of the certificate's private key." name:"key-path" placeholder:"FILE" required:"" type:"path"`
}

// Run opens a session as an app that shows a certificate.
func (a appCertificateLogin) Run(ctx context.Context, t *tool) error {
	if _, err := tls.LoadX509KeyPair(a.CertificatePath, a.KeyPath); err != nil {
		return fault.New(fault.Invalid, "the app's certificate: %s", err)
	}
	return t.login(ctx, func(cfg *dsmclient.Config, l *line) error {
		l.same, l.file.CertPath, l.file.KeyPath = true, a.CertificatePath, a.KeyPath
		shown, err := t.config(*l)
		cfg.Transport, cfg.User = shown.Transport, a.AppID
		return err
	}, func(l *line, token secret.Value) { l.file.AppToken = token }, nil)
}

type userLogin struct {
	Username     string     `env:"GATEHOUSE_USERNAME" help:"E-mail address of the user; asked for unless given." placeholder:"EMAIL"`
	Password     secretFlag `env:"GATEHOUSE_PASSWORD" help:"The user's password. Better at the prompt, in the variable or in a file than on the command line." placeholder:"PASSWORD"`
	PasswordFile string     `help:"File that holds the password; - is the standard input." name:"password-file" placeholder:"FILE"`
	AccountName  string     `help:"Name or UUID of the account to work in; needed by users of several." name:"account-name" placeholder:"NAME"`
}

// Run opens a session as a user and selects the account.
func (u userLogin) Run(ctx context.Context, t *tool) error {
	if u.Username == "" {
		if t.Answer == nil {
			return fault.New(fault.Invalid, "--username is missing")
		}
		name, err := t.Answer("User name (e-mail address): ")
		if err != nil {
			return err
		}
		u.Username = strings.TrimSpace(name)
	}
	password, err := t.secret(u.Password, u.PasswordFile, "password", "Password")
	if err != nil {
		return err
	}
	return t.login(ctx, func(cfg *dsmclient.Config, _ *line) error {
		cfg.User, cfg.Password = u.Username, password
		return nil
	}, func(l *line, token secret.Value) { l.file.UserToken = token },
		func(ctx context.Context, c *dsmclient.Client) error { return selectAccount(ctx, c, u.AccountName) })
}

// login opens a session with the credential that as sets, runs then in it, and
// keeps its token where keep puts it. Sessions with another service are forgotten.
func (t *tool) login(ctx context.Context, as func(*dsmclient.Config, *line) error, keep func(*line, secret.Value),
	then func(context.Context, *dsmclient.Client) error,
) error {
	l, err := t.reach()
	if err != nil {
		return err
	}
	if !l.same {
		l.file = tokenfile.File{}
	}
	cfg, err := t.config(line{endpoint: l.endpoint, caCert: l.caCert, proxy: l.proxy})
	if err != nil {
		return err
	}
	if err := as(&cfg, &l); err != nil {
		return err
	}
	c, err := dsmclient.New(cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	fmt.Fprintf(t.Stderr, "Logging in to %s\n", l.endpoint)
	if _, err := c.Login(ctx); err != nil {
		return err
	}
	if then != nil {
		if err := then(ctx, c); err != nil {
			return errors.Join(err, c.Logout(ctx))
		}
	}
	keep(&l, c.Token())
	l.file.Endpoint, l.file.CACert, l.file.Proxy = l.endpoint, l.caCert, l.proxy
	return tokenfile.Write(t.tokenPath(), l.file)
}

// selectAccount selects the only account, or the one that is named.
func selectAccount(ctx context.Context, c *dsmclient.Client, name string) error {
	mine, err := c.Memberships(ctx)
	if err != nil {
		return err
	}
	var names []string
	for id := range mine {
		a, err := c.Account(ctx, id)
		if err != nil {
			return err
		}
		if len(mine) == 1 && name == "" || name == id || name == a.Name && name != "" {
			return c.SelectAccount(ctx, id)
		}
		names = append(names, fmt.Sprintf("%s %q", id, a.Name))
	}
	switch {
	case len(names) == 0:
		return fault.New(fault.Denied, "the user belongs to no account")
	case name == "":
		return fault.New(fault.Invalid, "the user belongs to several accounts; choose one with --account-name: %s", strings.Join(names, ", "))
	default:
		return fault.New(fault.NotFound, "the user belongs to no account of this name; there are %s", strings.Join(names, ", "))
	}
}

type selectAccountVerb struct {
	AccountID string `help:"UUID or name of the account." name:"account-id" placeholder:"UUID" required:""`
}

// Run makes the user's session work in an account.
func (s selectAccountVerb) Run(ctx context.Context, t *tool) error {
	return t.use(ctx, asUser, func(ctx context.Context, c *dsmclient.Client) error { return selectAccount(ctx, c, s.AccountID) })
}

type (
	appLogout  struct{}
	userLogout struct{}
	logout     struct{}
)

// Run ends the app's session.
func (appLogout) Run(ctx context.Context, t *tool) error { return t.logout(ctx, asApp) }

// Run ends the user's session.
func (userLogout) Run(ctx context.Context, t *tool) error { return t.logout(ctx, asUser) }

// Run ends both sessions.
func (logout) Run(ctx context.Context, t *tool) error { return t.logout(ctx, either) }

// logout ends sessions and forgets them, also when the service does not answer.
func (t *tool) logout(ctx context.Context, as role) error {
	l, err := t.reach()
	if err != nil {
		return err
	}
	if l.file.UserToken.Empty() && as == asUser || l.file.AppToken.Empty() && as == asApp || l.file.Empty() {
		return errNobody
	}
	l.endpoint, l.same = l.file.Endpoint, true
	cfg, err := t.config(l)
	if err != nil {
		return err
	}
	end := func(token *secret.Value) error {
		if token.Empty() {
			return nil
		}
		cfg.Bearer = *token
		*token = secret.Value{}
		c, err := dsmclient.New(cfg)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.Logout(ctx); err != nil && !errors.Is(err, fault.Unauthenticated) { // it had ended
			return fmt.Errorf("ending the session (it is forgotten here): %w", err)
		}
		return nil
	}
	var ended []error
	if as != asApp {
		ended = append(ended, end(&l.file.UserToken))
	}
	if as != asUser {
		ended = append(ended, end(&l.file.AppToken))
		l.file.CertPath, l.file.KeyPath = "", ""
	}
	return errors.Join(append(ended, tokenfile.Write(t.tokenPath(), l.file))...)
}
