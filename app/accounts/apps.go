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
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/ports/seal"
)

func errNoSuchApp() error { return fault.New(fault.NotFound, "app does not exist") }

// SecretSize is the default length of an app's secret in random bytes.
const SecretSize = 64

// NewApp is what an administrator gives of a new app.
type NewApp struct {
	Name, Description, Type, Interface string
	Role                               access.Role // CryptoApp unless AdminApp
	Default                            id.Group    // empty: the only group, if it is only one
	Groups                             map[id.Group]access.Permissions
	SecretSize                         int // bytes; 0: SecretSize
}

// CreateApp makes an app with a random secret.
func (s *Service) CreateApp(ctx context.Context, c access.Caller, n NewApp) (directory.App, error) {
	app := directory.App{
		ID: id.App(s.cfg.NewID()), Account: c.Account, Name: n.Name, Description: n.Description, Type: n.Type,
		Interface: n.Interface, Role: n.Role, DefaultGroup: n.Default, Groups: n.Groups,
		Creator: c.Principal, CreatedAt: s.cfg.Now(), Enabled: true,
	}
	err := s.ledger.Change(ctx, ledger.Entry{Caller: c, Action: "app create", Object: string(app.ID)}, func(*ledger.Entry) error {
		if err := access.Administer(c); err != nil {
			return err
		}
		if err := s.checkGroups(ctx, c, slices.Collect(maps.Keys(n.Groups))); err != nil {
			return err
		}
		if app.Role == "" {
			app.Role = access.CryptoApp
		}
		if app.DefaultGroup == "" && len(app.Groups) == 1 {
			for g := range app.Groups {
				app.DefaultGroup = g
			}
		}
		if err := checkApp(app); err != nil {
			return err
		}
		var err error
		if app.Secret, err = s.newSecret(app.ID, n.SecretSize); err != nil {
			return err
		}
		return s.cat.AddApp(ctx, app)
	})
	return app, err
}

// checkApp reports what is wrong with an app as a whole.
func checkApp(app directory.App) error {
	if app.Role != access.CryptoApp && app.Role != access.AdminApp {
		return fault.New(fault.Invalid, "role is not a role of apps")
	}
	if _, in := app.Groups[app.DefaultGroup]; app.DefaultGroup != "" && !in {
		return fault.New(fault.Invalid, "default_group must be one of the app's groups")
	}
	return keys.CheckName(app.Name)
}

func (s *Service) newSecret(a id.App, size int) (secret.Sealed, error) {
	switch {
	case size == 0:
		size = SecretSize
	case size < 16 || size > 512:
		return nil, fault.New(fault.Invalid, "secret_size must be 16 to 512 bytes")
	}
	v, err := s.random(size)
	if err != nil {
		return nil, err
	}
	return s.sealer.Seal(seal.AppCredential, string(a), v)
}

// Apps lists the apps of the caller's account: all for who administers it,
// otherwise those that share a group with the caller.
func (s *Service) Apps(ctx context.Context, c access.Caller) ([]directory.App, error) {
	if c.Account == "" {
		return nil, fault.New(fault.Denied, "select an account first")
	}
	all, err := s.cat.ListApps(ctx, c.Account)
	if err != nil {
		return nil, err
	}
	seen := []directory.App{}
	for _, app := range all {
		if s.seeApp(c, app) == nil {
			seen = append(seen, app)
		}
	}
	return seen, nil
}

func (s *Service) seeApp(c access.Caller, app directory.App) error {
	if c.Account == "" || app.Account != c.Account {
		return errNoSuchApp()
	}
	if c.Role != access.CryptoApp && c.Role != access.AccountMember || c.Principal.ID == string(app.ID) {
		return nil
	}
	for g := range app.Groups {
		if _, shared := c.Groups[g]; shared {
			return nil
		}
	}
	return errNoSuchApp()
}

// App returns an app that the caller may know of.
func (s *Service) App(ctx context.Context, c access.Caller, a id.App) (directory.App, error) {
	app, err := s.cat.App(ctx, a)
	if err != nil {
		return app, err
	}
	if err := s.seeApp(c, app); err != nil {
		return directory.App{}, err
	}
	return app, nil
}

// administered returns an app that the caller administers.
func (s *Service) administered(ctx context.Context, c access.Caller, a id.App) (directory.App, error) {
	app, err := s.App(ctx, c, a)
	if err != nil {
		return app, err
	}
	return app, access.Administer(c)
}

// AppChange changes an app; nil fields stay as they are.
type AppChange struct {
	Name, Description, Type, Interface *string
	Enabled                            *bool
	Role                               *access.Role
	Default                            *id.Group
	SetGroups                          map[id.Group]access.Permissions
	RemoveGroups                       []id.Group
}

// UpdateApp changes an app of the caller's account. A disabled app is refused
// from the moment on that this returns.
func (s *Service) UpdateApp(ctx context.Context, c access.Caller, a id.App, ch AppChange) (directory.App, error) {
	var changed directory.App
	err := s.ledger.Change(ctx, ledger.Entry{Caller: c, Action: "app update", Object: string(a)}, func(*ledger.Entry) error {
		if _, err := s.administered(ctx, c, a); err != nil {
			return err
		}
		if err := s.checkGroups(ctx, c, slices.Collect(maps.Keys(ch.SetGroups))); err != nil {
			return err
		}
		var err error
		changed, err = s.cat.UpdateApp(ctx, a, func(app directory.App) (directory.App, error) {
			patch.Set(&app.Name, ch.Name)
			patch.Set(&app.Description, ch.Description)
			patch.Set(&app.Type, ch.Type)
			patch.Set(&app.Interface, ch.Interface)
			patch.Set(&app.Enabled, ch.Enabled)
			patch.Set(&app.Role, ch.Role)
			for g, p := range ch.SetGroups {
				patch.Put(&app.Groups, g, p)
			}
			for _, g := range ch.RemoveGroups {
				delete(app.Groups, g)
				if app.DefaultGroup == g {
					app.DefaultGroup = ""
				}
			}
			patch.Set(&app.DefaultGroup, ch.Default)
			return app, checkApp(app)
		})
		return err
	})
	return changed, err
}

// DeleteApp removes an app and ends its sessions.
func (s *Service) DeleteApp(ctx context.Context, c access.Caller, a id.App) error {
	return s.ledger.Change(ctx, ledger.Entry{Caller: c, Action: "app delete", Object: string(a)}, func(*ledger.Entry) error {
		if _, err := s.administered(ctx, c, a); err != nil {
			return err
		}
		if err := s.cat.DeleteSessionsOf(ctx, id.Principal{Kind: id.AppPrincipal, ID: string(a)}); err != nil {
			return err
		}
		return s.cat.DeleteApp(ctx, a)
	})
}

// Credential returns an app's secret, for an administrator who hands it to the app.
func (s *Service) Credential(ctx context.Context, c access.Caller, a id.App) (secret.Value, error) {
	var v secret.Value
	err := s.ledger.Use(ctx, ledger.Entry{Caller: c, Action: "app credential read", Object: string(a)}, func(*ledger.Entry) error {
		app, err := s.administered(ctx, c, a)
		if err != nil {
			return err
		}
		v, err = s.sealer.Open(seal.AppCredential, string(a), app.Secret)
		return err
	})
	if err != nil {
		return secret.Value{}, err // also when the reading could not be recorded
	}
	return v, nil
}

// ResetSecret gives an app a new secret; the old one is worthless from then
// on, and the sessions that were opened with it end.
func (s *Service) ResetSecret(ctx context.Context, c access.Caller, a id.App, size int) (directory.App, error) {
	var changed directory.App
	err := s.ledger.Change(ctx, ledger.Entry{Caller: c, Action: "app credential reset", Object: string(a)}, func(*ledger.Entry) error {
		if _, err := s.administered(ctx, c, a); err != nil {
			return err
		}
		sealed, err := s.newSecret(a, size)
		if err != nil {
			return err
		}
		changed, err = s.cat.UpdateApp(ctx, a, func(app directory.App) (directory.App, error) {
			app.Secret = sealed
			return app, nil
		})
		if err != nil {
			return err
		}
		return s.cat.DeleteSessionsOf(ctx, id.Principal{Kind: id.AppPrincipal, ID: string(a)})
	})
	return changed, err
}
