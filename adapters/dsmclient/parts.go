package dsmclient

import (
	"context"

	"gatehouse/adapters/dsmwire"
)

const (
	encryptPath = "/crypto/v1/encrypt"
	decryptPath = "/crypto/v1/decrypt"
)

// EncryptInit begins an encryption in parts.
func (c *Client) EncryptInit(ctx context.Context, r dsmwire.EncryptInitRequest) (dsmwire.EncryptInitResponse, error) {
	return post[dsmwire.EncryptInitResponse](ctx, c, encryptPath+"/init", r)
}

// EncryptUpdate encrypts the next part.
func (c *Client) EncryptUpdate(ctx context.Context, r dsmwire.EncryptUpdateRequest) (dsmwire.EncryptUpdateResponse, error) {
	return post[dsmwire.EncryptUpdateResponse](ctx, c, encryptPath+"/update", r)
}

// EncryptFinal ends an encryption in parts.
func (c *Client) EncryptFinal(ctx context.Context, r dsmwire.EncryptFinalRequest) (dsmwire.EncryptFinalResponse, error) {
	return post[dsmwire.EncryptFinalResponse](ctx, c, encryptPath+"/final", r)
}

// DecryptInit begins a decryption in parts.
func (c *Client) DecryptInit(ctx context.Context, r dsmwire.DecryptInitRequest) (dsmwire.DecryptInitResponse, error) {
	return post[dsmwire.DecryptInitResponse](ctx, c, decryptPath+"/init", r)
}

// DecryptUpdate decrypts the next part.
func (c *Client) DecryptUpdate(ctx context.Context, r dsmwire.DecryptUpdateRequest) (dsmwire.DecryptUpdateResponse, error) {
	return post[dsmwire.DecryptUpdateResponse](ctx, c, decryptPath+"/update", r)
}

// DecryptFinal ends a decryption in parts.
func (c *Client) DecryptFinal(ctx context.Context, r dsmwire.DecryptFinalRequest) (dsmwire.DecryptFinalResponse, error) {
	return post[dsmwire.DecryptFinalResponse](ctx, c, decryptPath+"/final", r)
}
