package cli

import (
	"context"
	"io"
	"strings"

	"gatehouse/adapters/cli/disclose"
	"gatehouse/adapters/cli/render"
	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
)

type listApps struct {
	Detail bool `help:"Show groups and times too."`
	Offset int  `help:"Leave out so many." placeholder:"N"`
	Limit  int  `default:"100" help:"At most so many." placeholder:"N"`
}

// Run lists apps.
func (l listApps) Run(ctx context.Context, t *tool) error {
	return t.use(ctx, manages, func(ctx context.Context, c *dsmclient.Client) error {
		all, err := c.Apps(ctx)
		if err != nil {
			return err
		}
		all = all[min(max(l.Offset, 0), len(all)):]
		all = all[:min(max(l.Limit, 0), len(all))]
		names := map[string]string{}
		if l.Detail && !t.flags.JSON {
			names = groupNames(ctx, c)
		}
		return t.show(all, func(w io.Writer) error {
			table := render.Table{Head: []string{"APP ID", "NAME", "ROLE", "ENABLED"}}
			if l.Detail {
				table.Head = append(table.Head, "CREATED", "GROUPS", "DESCRIPTION")
			}
			for _, a := range all {
				table.Add(a.AppID, a.Name, a.Role, yes(a.Enabled), date(a.CreatedAt), groupsOf(a, names), a.Description)
			}
			return table.Write(w, "No apps.")
		})
	})
}

// groupsOf names the groups of an app.
func groupsOf(a dsmwire.App, names map[string]string) string {
	ids := a.Groups.IDs
	if ids == nil {
		ids = sorted(a.Groups.Permissions)
	}
	var all []string
	for _, id := range ids {
		all = append(all, orElse(names[id], id))
	}
	return strings.Join(all, ", ")
}

// oneApp names an app.
type oneApp struct {
	AppID string `help:"UUID of the app." name:"app-id" placeholder:"UUID" required:"" xor:"app"`
	Name  string `help:"Name of the app." placeholder:"NAME" required:"" xor:"app"`
}

// onApp makes calls about an app.
func (t *tool) onApp(ctx context.Context, a oneApp, do func(context.Context, *dsmclient.Client, string) error) error {
	return t.use(ctx, manages, func(ctx context.Context, c *dsmclient.Client) error {
		if a.AppID != "" {
			return do(ctx, c, a.AppID)
		}
		all, err := c.Apps(ctx)
		if err != nil {
			return err
		}
		for _, found := range all {
			if found.Name == a.Name {
				return do(ctx, c, found.AppID)
			}
		}
		return fault.New(fault.NotFound, "there is no app of this name")
	})
}

type showApp struct{ oneApp }

// Run shows an app.
func (s showApp) Run(ctx context.Context, t *tool) error {
	return t.onApp(ctx, s.oneApp, func(ctx context.Context, c *dsmclient.Client, id string) error {
		a, err := c.App(ctx, id)
		if err != nil {
			return err
		}
		return t.show(a, func(w io.Writer) error {
			p := &render.Properties{}
			p.Add("app_id", a.AppID)
			p.Add("name", a.Name)
			p.Add("description", a.Description)
			p.Add("type", a.AppType)
			p.Add("role", a.Role)
			p.Add("enabled", yes(a.Enabled))
			p.Add("logs in by", a.AuthType)
			p.Add("default group", a.DefaultGroup)
			p.Add("creator", principal(a.Creator))
			p.Add("created", date(a.CreatedAt))
			p.Add("last used", date(a.LastUsedAt))
			for _, g := range sorted(a.Groups.Permissions) {
				p.Add("group "+g, strings.Join(a.Groups.Permissions[g], " "))
			}
			return p.Write(w)
		})
	})
}

type createApp struct {
	Name         string `help:"Name of the app." placeholder:"NAME" required:""`
	Groups       string `help:"UUIDs or names of its groups, with commas." placeholder:"GROUP,..." required:""`
	DefaultGroup string `help:"UUID or name of the group of its new keys; the first of --groups unless given." name:"default-group" placeholder:"GROUP"`
	Permissions  string `help:"What it may do in its groups, with commas; unless given, what an app usually may." placeholder:"OP,..."`
	Description  string `help:"A description." placeholder:"TEXT"`
	Type         string `help:"What kind of program it is, as Apache or nginx." placeholder:"TEXT"`
	Role         string `enum:",crypto,admin" default:"" help:"crypto uses keys; admin administers and uses none." placeholder:"ROLE"`
}

// Run makes an app.
func (a createApp) Run(ctx context.Context, t *tool) error {
	return t.use(ctx, manages, func(ctx context.Context, c *dsmclient.Client) error {
		r := dsmwire.AppRequest{Name: &a.Name, Description: given(a.Description), AppType: given(a.Type), Role: given(a.Role)}
		var ids []string
		for _, g := range split(a.Groups) {
			id, err := groupID(ctx, c, g)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		if len(ids) == 0 {
			return fault.New(fault.Invalid, "--groups names no group")
		}
		r.AddGroups.IDs = ids
		if ops := split(a.Permissions); len(ops) > 0 {
			r.AddGroups = dsmwire.AppGroups{Permissions: map[string][]string{}}
			for _, id := range ids {
				r.AddGroups.Permissions[id] = ops
			}
		}
		def := ids[0]
		if a.DefaultGroup != "" {
			var err error
			if def, err = groupID(ctx, c, a.DefaultGroup); err != nil {
				return err
			}
		}
		r.DefaultGroup = &def
		made, err := c.CreateApp(ctx, r)
		if err != nil {
			return err
		}
		return t.showID(made.AppID, made)
	})
}

type deleteApp struct{ oneApp }

// Run deletes an app.
func (d deleteApp) Run(ctx context.Context, t *tool) error {
	return t.onApp(ctx, d.oneApp, func(ctx context.Context, c *dsmclient.Client, id string) error { return c.DeleteApp(ctx, id) })
}

// apiKeyTo says where an API key goes, which was asked for.
type apiKeyTo struct {
	Out string `help:"File for the API key, for its owner alone, instead of the standard output." placeholder:"FILE"`
}

func (o apiKeyTo) tell(ctx context.Context, t *tool, c *dsmclient.Client, id string) error {
	key, err := c.AppAPIKey(ctx, id)
	if err != nil {
		return err
	}
	if o.Out == "" || o.Out == "-" {
		return disclose.Write(t.Stdout, key, disclose.Text)
	}
	return fresh(o.Out, func(w io.Writer) error { return disclose.Write(w, key, disclose.Text) })
}

type getAppAPIKey struct {
	oneApp
	apiKeyTo
}

// Run tells the API key of an app.
func (g getAppAPIKey) Run(ctx context.Context, t *tool) error {
	return t.onApp(ctx, g.oneApp, func(ctx context.Context, c *dsmclient.Client, id string) error { return g.tell(ctx, t, c, id) })
}

type regenerateAppAPIKey struct {
	oneApp
	apiKeyTo

	SecretSize uint32 `help:"Length of the secret in bytes; the service's usual one unless given." name:"secret-size" placeholder:"BYTES"`
}

// Run gives an app another API key and tells it; the former works no more.
func (r regenerateAppAPIKey) Run(ctx context.Context, t *tool) error {
	return t.onApp(ctx, r.oneApp, func(ctx context.Context, c *dsmclient.Client, id string) error {
		if _, err := c.ResetSecretTo(ctx, id, r.SecretSize); err != nil {
			return err
		}
		return r.tell(ctx, t, c, id)
	})
}
