package cli

import (
	"context"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
)

type (
	activateObject struct{ storedKey }
	destroyObject  struct {
		storedKey

		Force bool `help:"Do not ask." short:"f"`
	}
	removePrivate struct {
		storedKey

		Force bool `help:"Do not ask." short:"f"`
	}
	deleteKey struct {
		storedKey

		Force bool `help:"Do not ask." short:"f"`
	}
)

// onKey makes a call about a stored key that answers nothing.
func (t *tool) onKey(ctx context.Context, k storedKey, do func(context.Context, *dsmclient.Client, string) error) error {
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		kid, err := k.id(ctx, c)
		if err != nil {
			return err
		}
		return do(ctx, c, kid)
	})
}

// Run activates a key.
func (a activateObject) Run(ctx context.Context, t *tool) error {
	return t.onKey(ctx, a.storedKey, func(ctx context.Context, c *dsmclient.Client, kid string) error { return c.Activate(ctx, kid) })
}

type revokeObject struct {
	storedKey

	Code    string `enum:"Unspecified,KeyCompromise,CACompromise,AffiliationChanged,Superseded,CessationOfOperation,PrivilegeWithdrawn" help:"Why: Unspecified, KeyCompromise, CACompromise, AffiliationChanged, Superseded, CessationOfOperation or PrivilegeWithdrawn." placeholder:"CODE" required:""`
	Message string `help:"What else is to be known." placeholder:"TEXT"`
}

// Run revokes a key.
func (r revokeObject) Run(ctx context.Context, t *tool) error {
	return t.onKey(ctx, r.storedKey, func(ctx context.Context, c *dsmclient.Client, kid string) error {
		return c.Revoke(ctx, kid, dsmwire.RevocationReason{Code: r.Code, Message: r.Message})
	})
}

// Run destroys a key's material.
func (d destroyObject) Run(ctx context.Context, t *tool) error {
	if !d.Force {
		if err := t.confirm("What was encrypted with the key is lost. Destroy it?"); err != nil {
			return err
		}
	}
	return t.onKey(ctx, d.storedKey, func(ctx context.Context, c *dsmclient.Client, kid string) error { return c.Destroy(ctx, kid) })
}

// Run removes the private half of a key.
func (r removePrivate) Run(ctx context.Context, t *tool) error {
	if !r.Force {
		if err := t.confirm("The key will never sign or decrypt again. Remove its private half?"); err != nil {
			return err
		}
	}
	return t.onKey(ctx, r.storedKey, func(ctx context.Context, c *dsmclient.Client, kid string) error { return c.RemovePrivate(ctx, kid) })
}

// Run deletes a key.
func (d deleteKey) Run(ctx context.Context, t *tool) error {
	if !d.Force {
		if err := t.confirm("Delete the key? Where changes are applied to the HSM, it is gone there too."); err != nil {
			return err
		}
	}
	return t.onKey(ctx, d.storedKey, func(ctx context.Context, c *dsmclient.Client, kid string) error { return c.DeleteKey(ctx, kid) })
}

type replaceKey struct {
	storedKey

	ReplacementKID  string `help:"UUID of the key that takes its place." name:"replacement-kid" placeholder:"UUID" required:"" xor:"replacement"`
	ReplacementName string `help:"Name of the key that takes its place." name:"replacement-name" placeholder:"NAME" required:"" xor:"replacement"`
	ReplacedNewName string `help:"What the replaced key is called from now on." name:"replaced-new-name" placeholder:"NAME" required:""`
}

// Run puts an existing key in the place of another.
func (r replaceKey) Run(ctx context.Context, t *tool) error {
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		return c.Replace(ctx, dsmwire.SobjectReplaceRequest{
			Replaced: r.descriptor(), ReplacedNewName: r.ReplacedNewName,
			Replacement: dsmwire.SobjectDescriptor{KID: r.ReplacementKID, Name: r.ReplacementName},
		})
	})
}
