package dsmclient

import (
	"context"
	"encoding/json"
	"net/http"

	"gatehouse/adapters/dsmwire"
)

func post[R any](ctx context.Context, c *Client, path string, body any) (R, error) {
	return send[R](ctx, c, request{method: http.MethodPost, path: path, body: body})
}

// use makes a cryptographic call. Its reply is read quickly where it is written
// as usual.
func use[R any, P readsLean[R]](ctx context.Context, c *Client, path string, body any) (R, error) {
	return sendTo(ctx, c, request{method: http.MethodPost, path: path, body: body}, func(b []byte, reply *R) error {
		if P(reply).ReadLean(b) {
			return nil
		}
		var fresh R
		*reply = fresh
		return json.Unmarshal(b, reply)
	})
}

type readsLean[R any] interface {
	*R
	ReadLean(body []byte) bool
}

// Encrypt encrypts r.Plain.
func (c *Client) Encrypt(ctx context.Context, r dsmwire.EncryptRequest) (dsmwire.EncryptResponse, error) {
	return use[dsmwire.EncryptResponse](ctx, c, "/crypto/v1/encrypt", r)
}

// Decrypt decrypts r.Cipher.
func (c *Client) Decrypt(ctx context.Context, r dsmwire.DecryptRequest) (dsmwire.DecryptResponse, error) {
	return use[dsmwire.DecryptResponse](ctx, c, "/crypto/v1/decrypt", r)
}

// Sign signs r.Data, or r.Hash if that is not nil.
func (c *Client) Sign(ctx context.Context, r dsmwire.SignRequest) (dsmwire.SignResponse, error) {
	return use[dsmwire.SignResponse](ctx, c, "/crypto/v1/sign", r)
}

// Verify tells whether a signature is good.
func (c *Client) Verify(ctx context.Context, r dsmwire.VerifyRequest) (bool, error) {
	v, err := use[dsmwire.VerifyResponse](ctx, c, "/crypto/v1/verify", r)
	return v.Result, err
}

// MAC makes a MAC of r.Data.
func (c *Client) MAC(ctx context.Context, r dsmwire.MACRequest) (dsmwire.MACResponse, error) {
	return use[dsmwire.MACResponse](ctx, c, "/crypto/v1/mac", r)
}

// MACVerify tells whether a MAC is good.
func (c *Client) MACVerify(ctx context.Context, r dsmwire.MACVerifyRequest) (bool, error) {
	v, err := use[dsmwire.VerifyResponse](ctx, c, "/crypto/v1/macverify", r)
	return v.Result, err
}

// Digest makes a digest of data.
func (c *Client) Digest(ctx context.Context, alg string, data []byte) ([]byte, error) {
	d, err := post[dsmwire.DigestResponse](ctx, c, "/crypto/v1/digest", dsmwire.DigestRequest{Alg: alg, Data: data})
	return d.Digest, err
}

// Random returns n random bytes (a call of Gatehouse alone).
func (c *Client) Random(ctx context.Context, n int) ([]byte, error) {
	r, err := post[dsmwire.RandomResponse](ctx, c, "/gatehouse/v1/random", dsmwire.RandomRequest{Size: n})
	return r.Random, err
}

// The results of batches.
type (
	EncryptResult = dsmwire.BatchResult[dsmwire.EncryptResponse]
	DecryptResult = dsmwire.BatchResult[dsmwire.DecryptResponse]
	SignResult    = dsmwire.BatchResult[dsmwire.SignResponse]
	VerifyResult  = dsmwire.BatchResult[dsmwire.VerifyResponse]
)

// BatchEncrypt encrypts several plaintexts in one request; results are in the
// order of the items, each with its own status.
func (c *Client) BatchEncrypt(ctx context.Context, items []dsmwire.BatchItem[dsmwire.EncryptRequest]) ([]EncryptResult, error) {
	return post[[]EncryptResult](ctx, c, keysPath+"/batch/encrypt", items)
}

// BatchDecrypt is the reverse of BatchEncrypt.
func (c *Client) BatchDecrypt(ctx context.Context, items []dsmwire.BatchItem[dsmwire.DecryptRequest]) ([]DecryptResult, error) {
	return post[[]DecryptResult](ctx, c, keysPath+"/batch/decrypt", items)
}

// BatchSign signs several inputs in one request.
func (c *Client) BatchSign(ctx context.Context, items []dsmwire.SignRequest) ([]SignResult, error) {
	return post[[]SignResult](ctx, c, keysPath+"/batch/sign", items)
}

// BatchVerify verifies several signatures in one request.
func (c *Client) BatchVerify(ctx context.Context, items []dsmwire.VerifyRequest) ([]VerifyResult, error) {
	return post[[]VerifyResult](ctx, c, keysPath+"/batch/verify", items)
}
