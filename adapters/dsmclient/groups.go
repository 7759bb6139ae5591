package dsmclient

import (
	"context"
	"net/http"

	"gatehouse/adapters/dsmwire"
)

const groupsPath = "/sys/v1/groups"

// Groups lists the groups that the caller may know of.
func (c *Client) Groups(ctx context.Context) ([]dsmwire.Group, error) {
	return send[[]dsmwire.Group](ctx, c, request{method: http.MethodGet, path: groupsPath})
}

// Group returns a group.
func (c *Client) Group(ctx context.Context, id string) (dsmwire.Group, error) {
	return send[dsmwire.Group](ctx, c, request{method: http.MethodGet, path: below(groupsPath, id)})
}

// CreateGroup makes a group; with connections in r.AddHmg, an HSM group.
func (c *Client) CreateGroup(ctx context.Context, r dsmwire.GroupRequest) (dsmwire.Group, error) {
	return send[dsmwire.Group](ctx, c, request{method: http.MethodPost, path: groupsPath, body: r})
}

// UpdateGroup changes what r gives of a group.
func (c *Client) UpdateGroup(ctx context.Context, id string, r dsmwire.GroupRequest) (dsmwire.Group, error) {
	return send[dsmwire.Group](ctx, c, request{method: http.MethodPatch, path: below(groupsPath, id), body: r})
}

// DeleteGroup deletes a group that holds no keys.
func (c *Client) DeleteGroup(ctx context.Context, id string) error {
	_, err := send[none](ctx, c, request{method: http.MethodDelete, path: below(groupsPath, id)})
	return err
}

// CheckConnection tests a connection before it is saved. Its error tells why it
// does not work.
func (c *Client) CheckConnection(ctx context.Context, h dsmwire.HmgConfig) error {
	_, err := post[none](ctx, c, groupsPath+"/hmg/check", h)
	return err
}

// CheckGroup tests a connection of a group: the saved one that r names, with
// its stored PIN and with the changes that r gives.
func (c *Client) CheckGroup(ctx context.Context, id string, r dsmwire.CheckHmgRequest) error {
	_, err := post[none](ctx, c, below(groupsPath, id, "hmg", "check"), r)
	return err
}
