package cli

import (
	"context"
	"fmt"
	"io"

	"gatehouse/adapters/cli/render"
	"gatehouse/adapters/dsmclient"
	"gatehouse/core/fault"
)

type (
	serverVersion struct{}
	serverHealth  struct{}
)

// Run tells what answers.
func (serverVersion) Run(ctx context.Context, t *tool) error {
	return t.use(ctx, anybody, func(ctx context.Context, c *dsmclient.Client) error {
		v, err := c.Version(ctx)
		if err != nil {
			return err
		}
		return t.show(v, func(w io.Writer) error {
			p := &render.Properties{}
			p.Add("version", v.Version)
			p.Add("API version", v.APIVersion)
			p.Add("server mode", v.ServerMode)
			if v.FIPSLevel != nil {
				p.Add("FIPS level", fmt.Sprint(*v.FIPSLevel))
			}
			return p.Write(w)
		})
	})
}

// Run tells whether the service is well; that it is not is an error.
func (serverHealth) Run(ctx context.Context, t *tool) error {
	return t.use(ctx, anybody, func(ctx context.Context, c *dsmclient.Client) error {
		if err := c.Health(ctx); err != nil {
			return fmt.Errorf("the service is not well: %w", err)
		}
		return t.show(map[string]bool{"healthy": true}, func(w io.Writer) error {
			_, err := io.WriteString(w, "The service is well.\n")
			return err
		})
	})
}

// plugin is a verb about plugins, which is refused before anything is read or asked.
type plugin struct {
	ID      string `help:"UUID of the plugin." name:"id" placeholder:"UUID"`
	Name    string `help:"Name of the plugin." placeholder:"NAME"`
	In      string `help:"File." placeholder:"FILE"`
	Out     string `help:"File." placeholder:"FILE"`
	GroupID string `help:"UUID of the group." name:"group-id" placeholder:"UUID"`
}

// Run refuses.
func (plugin) Run() error {
	return fault.New(fault.Unsupported, "Gatehouse has no plugins: it runs no code of others beside the keys. "+
		"Do it in a program that calls the service, as an app with the permissions it needs.")
}
