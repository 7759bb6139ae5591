package restapi

import (
	"context"
	"net/http"

	"gatehouse/adapters/dsmwire"
	"gatehouse/app/keyring"
	"gatehouse/core/access"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

const tagCrypto = "Cryptography"

// use is a cryptographic call with a key: body B, reply R. Each is registered
// under its own path; old clients find some below the key's; batches make
// several in one request.
type use[B, R any] struct {
	id, path, summary string

	decode func([]byte, *B) error
	encode func([]byte, R) ([]byte, error)

	// key is the part of the body that names the key.
	key func(*B) *dsmwire.SobjectDescriptor
	// operation reads the operation out of the body, once the key is known.
	operation func(*B, keys.Key) (operations.Operation, error)
	// reply makes the reply of what came out.
	reply func(kid string, res operations.Result) R
}

// do makes the call with the key that d names.
func (u use[B, R]) do(ctx context.Context, s *server, c access.Caller, d keyring.Descriptor, body *B) (R, error) {
	k, res, err := s.Keyring.Use(ctx, c, d, func(k keys.Key) (operations.Operation, error) { return u.operation(body, k) })
	if err != nil {
		var nothing R
		return nothing, err
	}
	return u.reply(string(k.ID), res), nil
}

// plain makes the call with the key that the body names.
func (u use[B, R]) plain(ctx context.Context, s *server, c access.Caller, body *B) (R, error) {
	d, err := descriptor(u.key(body))
	if err != nil {
		var nothing R
		return nothing, err
	}
	return u.do(ctx, s, c, d, body)
}

// register adds the call under its path.
func (u use[B, R]) register(s *server) {
	register(s, endpoint[B, R]{
		ID: u.id, Method: http.MethodPost, Path: u.path, Tag: tagCrypto, Summary: u.summary, Quiet: true,
		Decode: u.decode, Encode: u.encode,
		Do: func(ctx context.Context, c *call[B]) (R, error) { return u.plain(ctx, s, c.Caller, &c.Body) },
	})
}

// registerBelowKey adds the call under the path of the key that it uses, where
// old clients look for it.
func (u use[B, R]) registerBelowKey(s *server, name string) {
	register(s, endpoint[B, R]{
		ID: u.id + "ByID", Method: http.MethodPost, Path: "/crypto/v1/keys/{kid}/" + name, Tag: tagCrypto,
		Summary: u.summary + " (of the API before 3.0)", Quiet: true,
		Decode: u.decode, Encode: u.encode,
		Do: func(ctx context.Context, c *call[B]) (R, error) {
			kid, err := pathID[id.Key](&c.request, "kid")
			if err != nil {
				var nothing R
				return nothing, err
			}
			return u.do(ctx, s, c.Caller, keyring.Descriptor{ID: kid}, &c.Body)
		},
	})
}

// crypto registers the cryptographic calls under /crypto/v1.
func (s *server) crypto() {
	encrypting.register(s)
	encrypting.registerBelowKey(s, "encrypt")
	decrypting.register(s)
	decrypting.registerBelowKey(s, "decrypt")
	signing.register(s)
	verifying.register(s)
	macing.register(s)
	macing.registerBelowKey(s, "mac")
	macVerifying.register(s)
	macVerifying.registerBelowKey(s, "macverify")

	registerBatch(s, encrypting, "encrypt", keyBeside[dsmwire.EncryptRequest])
	registerBatch(s, decrypting, "decrypt", keyBeside[dsmwire.DecryptRequest])
	registerBatch(s, signing, "sign", keyWithin(signing.key))
	registerBatch(s, verifying, "verify", keyWithin(verifying.key))

	register(s, endpoint[dsmwire.DigestRequest, dsmwire.DigestResponse]{
		ID: "Digest", Method: http.MethodPost, Path: "/crypto/v1/digest", Tag: tagCrypto,
		Summary: "Make a digest", Quiet: true, Do: digest,
	})
	register(s, endpoint[dsmwire.RandomRequest, dsmwire.RandomResponse]{
		ID: "Random", Method: http.MethodPost, Path: "/gatehouse/v1/random", Tag: tagCrypto,
		Summary: "Make random bytes", Quiet: true, Do: random,
	})
	s.wrapping()
	s.deriving()
	s.parts()
	s.batchAny()
	s.notYet()
}
