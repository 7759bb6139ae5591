package dsmclient

import (
	"context"

	"gatehouse/adapters/dsmwire"
)

// Wrap wraps a key with another.
func (c *Client) Wrap(ctx context.Context, r dsmwire.WrapKeyRequest) (dsmwire.WrapKeyResponse, error) {
	return post[dsmwire.WrapKeyResponse](ctx, c, "/crypto/v1/wrapkey", r)
}

// Unwrap makes a key of a wrapped one.
func (c *Client) Unwrap(ctx context.Context, r dsmwire.UnwrapKeyRequest) (dsmwire.Sobject, error) {
	return post[dsmwire.Sobject](ctx, c, "/crypto/v1/unwrapkey", r)
}

// Derive makes a key from another.
func (c *Client) Derive(ctx context.Context, r dsmwire.DeriveKeyRequest) (dsmwire.Sobject, error) {
	return post[dsmwire.Sobject](ctx, c, "/crypto/v1/derive", r)
}

// Agree makes a key from a private and a public one.
func (c *Client) Agree(ctx context.Context, r dsmwire.AgreeKeyRequest) (dsmwire.Sobject, error) {
	return post[dsmwire.Sobject](ctx, c, "/crypto/v1/agree", r)
}

// Encapsulate makes a key, and the ciphertext of it for who has the private key.
func (c *Client) Encapsulate(ctx context.Context, r dsmwire.EncapsulateKeyRequest) (dsmwire.EncapsulateKeyResponse, error) {
	return post[dsmwire.EncapsulateKeyResponse](ctx, c, "/crypto/v1/encapsulate", r)
}

// Decapsulate makes the key that was encapsulated.
func (c *Client) Decapsulate(ctx context.Context, r dsmwire.DecapsulateKeyRequest) (dsmwire.Sobject, error) {
	return post[dsmwire.Sobject](ctx, c, "/crypto/v1/decapsulate", r)
}
