// Package softkeys is the key backend of ordinary groups: material is sealed in
// the store, opened here, and used in software by the standard library's
// cryptography. What the standard library has not is from elsewhere: CMAC and
// KWP from tink, CMAC of DES3 from aead, KW from go-jose, CCM from pion, secp256k1
// from decred, and ML-DSA from filippo.io.
//
// Guarantees: material leaves this package only sealed, or through Export; an
// operation is done only when policy has authorised it, once; every failed
// decryption is the same error; what the libraries cannot do is refused as
// unsupported, never done by hand. It is used by the keyring through the port
// backend. Safe for concurrent use.
//
// What it does not promise: Go copies memory, and neither AES key schedules nor
// parsed RSA and elliptic-curve keys can be overwritten. Wiping here shortens
// the time for which raw material lies in memory and does no more.
package softkeys

import (
	"context"

	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
	"gatehouse/core/streams"
	"gatehouse/ports/backend"
	"gatehouse/ports/seal"
)

// Config bounds what a Backend uses.
type Config struct {
	// OpenKeys is how many keys are kept opened and parsed, so that using them
	// again costs neither; 0 means 4096. A parsed RSA key takes about 10 KiB.
	OpenKeys int
}

// Backend makes, uses and exports keys of ordinary groups.
type Backend struct {
	sealer seal.Sealer
	cache  *cache
	making chan struct{} // a place for each key pair that may be made at once
}

var _ backend.Backend = (*Backend)(nil)

// New returns a backend that seals material with s.
func New(s seal.Sealer, c Config) *Backend {
	if c.OpenKeys <= 0 {
		c.OpenKeys = 4096
	}
	return &Backend{sealer: s, cache: newCache(c.OpenKeys), making: make(chan struct{}, 2)}
}

// Generate makes a key; the caller stores the sealed material. Making an RSA
// key takes from tenths of a second to minutes, cannot be stopped, and goes on
// for a while after ctx has ended; at most two are made at once.
func (b *Backend) Generate(ctx context.Context, o backend.Order) (backend.Made, error) {
	if err := ordinary(ctx, o.Group); err != nil {
		return backend.Made{}, err
	}
	k, err := b.generate(ctx, o.Spec)
	if err != nil {
		return backend.Made{}, err
	}
	return b.made(o.ID, k)
}

// Import takes a key in, in any of the forms that the port names.
func (b *Backend) Import(ctx context.Context, o backend.Order, material secret.Value) (backend.Made, error) {
	if err := ordinary(ctx, o.Group); err != nil {
		return backend.Made{}, err
	}
	k, err := read(o.Spec, material)
	if err != nil {
		return backend.Made{}, err
	}
	return b.made(o.ID, k)
}

// Normalise reads imported material for another backend: it returns the spec
// with size, curve and default operations as the material has them, the material as PKCS#8 DER,
// SubjectPublicKeyInfo DER or raw bytes, and whether it is more than a public
// key. Invalid when it is not what the spec says, Unsupported for a kind of key
// that cannot be read here.
func Normalise(s keys.Spec, material secret.Value) (keys.Spec, secret.Value, bool, error) {
	k, err := read(s, material)
	if err != nil {
		return s, secret.Value{}, false, err
	}
	defer k.wipe()
	form, err := k.form()
	if err != nil {
		return s, secret.Value{}, false, err
	}
	f := k.facts()
	s, err = s.OnCurve(f.curve)
	s.Size, s.RSA.PublicExponent, s.ParamSet = f.size, f.exponent, f.paramSet
	return s, secret.New(form), !f.publicOnly, err
}

func (b *Backend) made(kid id.Key, k key) (backend.Made, error) {
	defer k.wipe()
	form, err := k.form()
	if err != nil {
		return backend.Made{}, err
	}
	material := secret.New(form)
	defer material.Wipe()
	sealed, err := b.sealer.Seal(seal.KeyMaterial, string(kid), material)
	if err != nil {
		return backend.Made{}, err
	}
	f := k.facts()
	return backend.Made{
		Size: f.size, Curve: f.curve, ParamSet: f.paramSet, PublicKey: f.public, KCV: f.kcv, KCVCMAC: f.kcvCMAC,
		Public: f.publicOnly, Material: sealed,
	}, nil
}

// Operate spends a on its key.
func (b *Backend) Operate(ctx context.Context, g groups.Group, a *access.Authorised) (operations.Result, error) {
	var res operations.Result
	err := b.use(ctx, g, a, func(record keys.Key, k key, op operations.Operation) (err error) {
		if streams.InParts(op) {
			res, err = k.inParts(record.ID, op)
		} else {
			res, err = k.operate(op)
		}
		return err
	})
	return res, err
}

// use spends a, and does do with its key opened.
func (b *Backend) use(ctx context.Context, g groups.Group, a *access.Authorised, do func(keys.Key, key, operations.Operation) error) error {
	k, op, err := a.Spend()
	if err != nil {
		return err
	}
	if err := ordinary(ctx, g); err != nil {
		return err
	}
	opened, err := b.open(k)
	if err != nil {
		return err
	}
	defer b.cache.release(opened)
	return do(k, opened.key, op)
}

// open returns k's opened key; the caller releases it.
func (b *Backend) open(k keys.Key) (*opened, error) {
	if o := b.cache.acquire(k.ID, k.Material); o != nil {
		return o, nil
	}
	material, err := b.sealer.Open(seal.KeyMaterial, string(k.ID), k.Material)
	if err != nil {
		return nil, err
	}
	defer material.Wipe()
	parsed, err := parse(k.Type, material.Reveal(reveal.Permit{}))
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "reading the material of key %s", k.ID)
	}
	return b.cache.add(k.ID, k.Material, parsed), nil
}

// Export opens k's material: PKCS#8 DER, SubjectPublicKeyInfo DER of a key that
// is only public, or raw bytes. Denied when key_ops lack EXPORT.
func (b *Backend) Export(ctx context.Context, g groups.Group, k keys.Key) (secret.Value, error) {
	if err := ordinary(ctx, g); err != nil {
		return secret.Value{}, err
	}
	if !k.Ops.Has(keys.OpExport) {
		return secret.Value{}, fault.New(fault.Denied, "operation is not permitted by the key's key_ops")
	}
	return b.sealer.Open(seal.KeyMaterial, string(k.ID), k.Material)
}

// Update does nothing: label and permissions are the caller's record.
func (b *Backend) Update(ctx context.Context, g groups.Group, _ keys.Key, _ hsm.Change) error {
	return ordinary(ctx, g)
}

// Destroy forgets the opened key; the caller forgets the sealed material.
func (b *Backend) Destroy(ctx context.Context, g groups.Group, k keys.Key) error {
	if err := ordinary(ctx, g); err != nil {
		return err
	}
	b.cache.forget(k.ID)
	return nil
}

// Present reports whether k's sealed material is there; Internal when it is
// there and does not open.
func (b *Backend) Present(ctx context.Context, g groups.Group, k keys.Key) (bool, error) {
	if err := ordinary(ctx, g); err != nil {
		return false, err
	}
	if k.Material.Empty() {
		return false, nil
	}
	material, err := b.sealer.Open(seal.KeyMaterial, string(k.ID), k.Material)
	if err != nil {
		return false, err
	}
	material.Wipe()
	return true, nil
}

// Recover finds nothing: a key that was not stored was never anywhere.
func (b *Backend) Recover(ctx context.Context, o backend.Order, _ bool) (*backend.Made, error) {
	return nil, ordinary(ctx, o.Group)
}

// ordinary refuses an ended context and a group of another kind, which only a
// mistake in the wiring can bring here.
func ordinary(ctx context.Context, g groups.Group) error {
	if err := ctx.Err(); err != nil {
		return ended(err)
	}
	if g.Kind != groups.Ordinary {
		return fault.New(fault.Internal, "a group of kind %q at the backend of ordinary groups", g.Kind)
	}
	return nil
}
