package softkeys

import (
	"context"
	"crypto/hkdf"

	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/backend"
)

// Derive makes a key from another one; the caller stores the sealed material.
func (b *Backend) Derive(ctx context.Context, o backend.Order, a *access.Authorised) (backend.Made, operations.Result, error) {
	var (
		derived secret.Value
		res     operations.Result
	)
	err := b.use(ctx, o.Group, a, func(_ keys.Key, base key, op operations.Operation) error {
		n := 8
		if o.Spec.Type == keys.DES3 { // whose size leaves out the parity bits
			n = 7
		}
		raw, r, err := base.derive(op, o.Spec.Size/n)
		derived, res = secret.New(raw), r
		return err
	})
	if err != nil {
		return backend.Made{}, operations.Result{}, err
	}
	defer derived.Wipe()
	k, err := read(o.Spec, derived)
	if err != nil {
		return backend.Made{}, operations.Result{}, err
	}
	m, err := b.made(o.ID, k)
	if err != nil {
		return backend.Made{}, operations.Result{}, err
	}
	return m, res, nil
}

// noDerivation is embedded by keys that nothing is derived from.
type noDerivation struct{}

func (noDerivation) derive(op operations.Operation, _ int) ([]byte, operations.Result, error) { //nolint:unparam // as key has it
	return nil, operations.Result{}, misfit(op)
}

// agreed returns the last n bytes of the shared secret that with returns for the
// public key of the peer.
func agreed(op operations.Operation, n int, with func(peer []byte) ([]byte, error)) ([]byte, operations.Result, error) {
	a, ok := op.(operations.Agree)
	if !ok {
		return nil, operations.Result{}, misfit(op)
	}
	shared, err := with(a.PeerPublicKey)
	if err != nil {
		return nil, operations.Result{}, err
	}
	if len(shared) < n {
		return nil, operations.Result{}, yieldsLess(len(shared))
	}
	return shared[len(shared)-n:], operations.Result{}, nil
}

// first returns the first n bytes of what was derived.
func first(derived []byte, n int) ([]byte, error) {
	if len(derived) < n {
		return nil, yieldsLess(len(derived))
	}
	return derived[:n:n], nil
}

func yieldsLess(n int) error {
	return fault.New(fault.Invalid, "key_size is more than the %d bits that this yields", 8*n)
}

func notPeer(cause error) error {
	return fault.Wrap(fault.Invalid, cause, "public_key is not one on the curve of private_key")
}

// expand returns n bytes by HKDF (RFC 5869) from secret.
func expand(h operations.HKDF, secret []byte, n int) ([]byte, error) {
	hash, err := hashOf(h.Hash)
	if err != nil {
		return nil, err
	}
	if most := 255 * hash.Size(); n > most {
		return nil, yieldsLess(most)
	}
	derived, err := hkdf.Key(hash.New, secret, h.Salt, string(h.Info), n)
	return derived, refused("deriving with HKDF", err)
}

// derived is derive of a symmetric key, whose bytes are raw. Where encrypt is
// nil the key does not encrypt.
func derived(op operations.Operation, raw []byte, n int, encrypt func(operations.Encrypt) (operations.Result, error)) ([]byte, operations.Result, error) {
	d, ok := op.(operations.Derive)
	if !ok {
		return nil, operations.Result{}, misfit(op)
	}
	switch by := d.By.(type) {
	case operations.HKDF:
		k, err := expand(by, raw, n)
		return k, operations.Result{}, err
	case operations.EncryptData:
		if encrypt == nil {
			return nil, operations.Result{}, misfit(op)
		}
		e, err := encrypt(by.Encryption)
		if err != nil {
			return nil, operations.Result{}, err
		}
		k, err := first(e.Output, n)
		return k, operations.Result{}, err
	default:
		return nil, operations.Result{}, fault.New(fault.Unsupported, "this way of deriving is not supported in an ordinary group")
	}
}
