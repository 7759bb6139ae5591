package dsmclient

import (
	"context"
	"net/http"

	"gatehouse/adapters/dsmwire"
)

// Rekey makes a new key in the place of the one of its name.
func (c *Client) Rekey(ctx context.Context, r dsmwire.SobjectRekeyRequest) (dsmwire.Sobject, error) {
	return post[dsmwire.Sobject](ctx, c, keysPath+"/rekey", r)
}

// Copy makes a copy of a key with other properties.
func (c *Client) Copy(ctx context.Context, r dsmwire.CopySobjectRequest) (dsmwire.Sobject, error) {
	return post[dsmwire.Sobject](ctx, c, keysPath+"/copy", r)
}

// Replace puts an existing key in the place of another.
func (c *Client) Replace(ctx context.Context, r dsmwire.SobjectReplaceRequest) error {
	_, err := post[none](ctx, c, keysPath+"/replace", r)
	return err
}

// Persist makes a stored key of a transient one.
func (c *Client) Persist(ctx context.Context, r dsmwire.PersistTransientKeyRequest) (dsmwire.Sobject, error) {
	return post[dsmwire.Sobject](ctx, c, keysPath+"/persist", r)
}

// Activate activates a key.
func (c *Client) Activate(ctx context.Context, kid string) error {
	_, err := post[none](ctx, c, below(keysPath, kid, "activate"), nil)
	return err
}

// Revoke ends the protecting use of a key, for a reason.
func (c *Client) Revoke(ctx context.Context, kid string, r dsmwire.RevocationReason) error {
	_, err := post[none](ctx, c, below(keysPath, kid, "revoke"), r)
	return err
}

// Destroy destroys a key's material; what is known about the key stays.
func (c *Client) Destroy(ctx context.Context, kid string) error {
	_, err := post[none](ctx, c, below(keysPath, kid, "destroy"), nil)
	return err
}

// RemovePrivate destroys the private half of a key; the public half stays.
func (c *Client) RemovePrivate(ctx context.Context, kid string) error {
	_, err := send[none](ctx, c, request{method: http.MethodDelete, path: below(keysPath, kid, "private")})
	return err
}

// Revert undoes changes of a key, by their ids in its history.
func (c *Client) Revert(ctx context.Context, kid string, ids ...string) error {
	_, err := send[none](ctx, c, request{method: http.MethodPut, path: below(keysPath, kid, "revert"), body: dsmwire.RevertRequest{IDs: ids}})
	return err
}
