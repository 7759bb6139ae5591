package dsmclient

import (
	"context"
	"net/http"

	"gatehouse/adapters/dsmwire"
)

// KeyDetail returns a key with its group, its maker and its attributes: a call
// of Gatehouse's own.
func (c *Client) KeyDetail(ctx context.Context, kid string) (dsmwire.KeyDetail, error) {
	return send[dsmwire.KeyDetail](ctx, c, request{method: http.MethodGet, path: below("/gatehouse/v1/keys", kid)})
}
