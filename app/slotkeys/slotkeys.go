// Package slotkeys is the key backend of HSM groups: each call takes the
// group's connections in failover order until one carries it out.
//
// It keeps one token per connection open, shares it among all callers, and
// drops it when the connection is changed. A PIN that was refused is not tried
// again until the connection is changed or somebody asks for a check. It is
// used by the keyring and by sync. Safe for concurrent use.
package slotkeys

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"gatehouse/core/access"
	"gatehouse/core/failover"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/keysync"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/backend"
	"gatehouse/ports/seal"
	"gatehouse/ports/token"
)

// Dial opens the token at the end of a connection, or gives up within a moment
// of its context's end.
type Dial func(ctx context.Context, conn groups.Connection, a Access) (token.Token, error)

// Access is what opens a connection: its secrets, unsealed; either may be empty.
type Access struct {
	PIN       secret.Value
	ClientKey secret.Value

	// Insist is set when a person asks for a test: a PIN that was refused
	// before may be tried once more.
	Insist bool
}

// Config is what a Backend needs besides its collaborators. Zero durations mean the defaults.
type Config struct {
	Shuffle func(n int, swap func(i, j int)) // as math/rand has it

	// Normalise reads imported material: it returns the spec with size and curve
	// as the material has them, the material in the form that token.Token takes,
	// and whether it holds more than a public key. fault.Invalid when it is not
	// what the spec says.
	Normalise func(keys.Spec, secret.Value) (spec keys.Spec, normal secret.Value, private bool, err error)

	ConnectWithin   time.Duration // opening a connection, with its login; 10 s
	OperateWithin   time.Duration // one use of a key; 15 s
	ChangeWithin    time.Duration // making, importing, changing, destroying a key; 90 s
	InventoryWithin time.Duration // reading all objects; 10 min
}

func (c Config) withDefaults() Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.ConnectWithin, 10*time.Second)
	def(&c.OperateWithin, 15*time.Second)
	def(&c.ChangeWithin, 90*time.Second)
	def(&c.InventoryWithin, 10*time.Minute)
	return c
}

// Backend reaches keys in HSM slots.
type Backend struct {
	links *links
	cfg   Config
}

var _ backend.Backend = (*Backend)(nil)

// New returns a backend that opens tokens with dial.
func New(dial Dial, sealer seal.Sealer, cfg Config) *Backend {
	cfg = cfg.withDefaults()
	return &Backend{links: newLinks(dial, sealer, cfg.ConnectWithin), cfg: cfg}
}

// Close closes all tokens.
func (b *Backend) Close() { b.links.close() }

// Forget closes the ways to connections that were removed, when the calls under
// way are done.
func (b *Backend) Forget(conns ...id.Connection) { b.links.forget(conns) }

// try runs do on the group's tokens in failover order. What did not reach a
// token can be tried on the next, whatever it is.
func (b *Backend) try(ctx context.Context, g groups.Group, repeatable bool, within time.Duration, do func(context.Context, token.Token) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err := error(fault.New(fault.Unavailable, "Not Connected: the group has no connection to an HSM"))
	touched := false
	for _, conn := range failover.Order(g, b.cfg.Shuffle) {
		var reached bool
		reached, err = b.links.use(ctx, conn, do)
		touched = touched || reached
		if err == nil || !failover.Next(err, repeatable || !reached) || ctx.Err() != nil {
			break
		}
	}
	if err != nil && !touched {
		err = untouched(err)
	}
	return notConnected(err)
}

// untouched adds to what made no connection that nothing was done.
func untouched(err error) error {
	message := fault.Message(err)
	if message == "" { // an internal error keeps its own to itself
		message = "reaching the HSM"
	}
	return fault.Wrap(fault.KindOf(err), errors.Join(backend.Untouched, err), "%s", message).Because(fault.ReasonOf(err))
}

// notConnected gives errors that come from the connection the words that every
// view and call uses (workflow G7).
func notConnected(err error) error {
	if fault.KindOf(err) != fault.Unavailable || strings.HasPrefix(fault.Message(err), "Not Connected") {
		return err
	}
	reason := fault.ReasonOf(err)
	if reason == fault.Unspecified {
		return fault.Wrap(fault.Unavailable, err, "Not Connected: %s", fault.Message(err))
	}
	return fault.Wrap(fault.Unavailable, err, "Not Connected: %s", string(reason)).Because(reason)
}

// Operate spends a in the HSM.
func (b *Backend) Operate(ctx context.Context, g groups.Group, a *access.Authorised) (operations.Result, error) {
	k, op, err := a.Spend()
	if err != nil {
		return operations.Result{}, err
	}
	ref, ok := hsm.RefOf(k)
	if !ok {
		return operations.Result{}, fault.New(fault.Internal, "key of an HSM group is not virtual")
	}
	if k.Virtual.Ambiguous {
		return operations.Result{}, fault.New(fault.Conflict, "the HSM holds several keys that cannot be told apart from this one; give each its own CKA_ID and sync again")
	}
	var res operations.Result
	err = b.try(ctx, g, true, b.cfg.OperateWithin, func(ctx context.Context, t token.Token) error {
		res, err = t.Operate(ctx, ref, op)
		return err
	})
	return res, err
}

// Generate makes a key in the HSM.
func (b *Backend) Generate(ctx context.Context, o backend.Order) (backend.Made, error) {
	return b.make(ctx, o, func(ctx context.Context, t token.Token) (hsm.Object, error) {
		return t.Generate(ctx, template(o, o.Spec.Type.Asymmetric()))
	})
}

// Import puts a key into the HSM.
func (b *Backend) Import(ctx context.Context, o backend.Order, material secret.Value) (backend.Made, error) {
	spec, material, private, err := b.cfg.Normalise(o.Spec, material)
	if err != nil {
		return backend.Made{}, err
	}
	o.Spec = spec
	return b.make(ctx, o, func(ctx context.Context, t token.Token) (hsm.Object, error) {
		return t.Import(ctx, template(o, private), material)
	})
}

func (b *Backend) make(ctx context.Context, o backend.Order, do func(context.Context, token.Token) (hsm.Object, error)) (backend.Made, error) {
	var object hsm.Object
	err := b.try(ctx, o.Group, false, b.cfg.ChangeWithin, func(ctx context.Context, t token.Token) error {
		var err error
		object, err = do(ctx, t)
		return err
	})
	if err != nil {
		return backend.Made{}, err
	}
	return backend.Made{
		Size: object.Size, Curve: object.Curve, PublicKey: object.PublicKey,
		KCV:    strings.ToUpper(hex.EncodeToString(object.CheckValue)),
		Public: object.Class == hsm.PublicKey,
		Virtual: &keys.Pointer{
			ID: object.ID, Label: object.Label, Fingerprint: object.Fingerprint(), Own: true, Extractable: object.Extractable,
		},
	}, nil
}

// CKAID returns the CKA_ID of keys that Gatehouse makes: the 16 bytes of the key's UUID.
func CKAID(k id.Key) []byte {
	raw, err := hex.DecodeString(strings.ReplaceAll(string(k), "-", ""))
	if err != nil {
		return []byte(k)
	}
	return raw
}

func template(o backend.Order, private bool) hsm.Template {
	s := o.Spec
	return hsm.Template{
		ID: CKAID(o.ID), Label: []byte(s.Name), Type: s.Type, Size: s.Size, Curve: s.Curve, Ops: s.Ops, RSA: s.RSA,
		Extractable: s.Ops.Has(keys.OpExport), Private: private,
	}
}

// Recover looks for the key that an interrupted order made.
func (b *Backend) Recover(ctx context.Context, o backend.Order) (*backend.Made, error) {
	var made *backend.Made
	err := b.try(ctx, o.Group, true, b.cfg.ChangeWithin, func(ctx context.Context, t token.Token) error {
		var objects []hsm.Object
		err := t.Inventory(ctx, hsm.Filter{ID: CKAID(o.ID)}, func(obj hsm.Object) error {
			objects = append(objects, obj)
			return nil
		})
		if err != nil || len(objects) == 0 {
			return err
		}
		if whole := wholeKey(objects, o); whole != nil {
			made = whole
			return nil
		}
		for _, obj := range objects { // half-made: nobody knows of it, and nobody can use it
			if err := t.Destroy(ctx, obj.Ref()); err != nil && fault.KindOf(err) != fault.NotFound {
				return err
			}
		}
		return nil
	})
	return made, err
}

// wholeKey returns the key that the objects make up, nil when something is
// missing: half of a pair is no key, unless a public key was imported alone.
func wholeKey(objects []hsm.Object, o backend.Order) *backend.Made {
	plan := keysync.Make(objects, nil, groups.Policy{})
	if len(plan.New) != 1 {
		return nil
	}
	f := plan.New[0]
	if f.Type != o.Spec.Type || !bytes.Equal(f.Pointer.Label, []byte(o.Spec.Name)) {
		return nil
	}
	if !f.Type.Asymmetric() && o.Spec.Size != 0 && f.Size != o.Spec.Size {
		return nil // cut off between the object and its value
	}
	if f.PublicOnly && !o.Imported || f.Type.Asymmetric() && !slices.ContainsFunc(objects, isPublicKey) {
		return nil
	}
	p := f.Pointer
	p.Own = true
	return &backend.Made{Size: f.Size, Curve: f.Curve, PublicKey: f.PublicKey, KCV: f.KCV, Public: f.PublicOnly, Virtual: &p}
}

func isPublicKey(o hsm.Object) bool { return o.Class == hsm.PublicKey }

// Export is refused: the value of a key in an HSM stays there.
func (b *Backend) Export(context.Context, groups.Group, keys.Key) (secret.Value, error) {
	return secret.Value{}, fault.New(fault.Unsupported, "the value of a key in an HSM cannot be exported; wrap it with another key of the HSM")
}

// Update changes the HSM key's label and permissions.
func (b *Backend) Update(ctx context.Context, g groups.Group, k keys.Key, c hsm.Change) error {
	ref, ok := hsm.RefOf(k)
	if !ok {
		return fault.New(fault.Internal, "key of an HSM group is not virtual")
	}
	return b.try(ctx, g, false, b.cfg.ChangeWithin, func(ctx context.Context, t token.Token) error {
		return t.Update(ctx, ref, c)
	})
}

// Destroy removes the HSM key.
func (b *Backend) Destroy(ctx context.Context, g groups.Group, k keys.Key) error {
	ref, ok := hsm.RefOf(k)
	if !ok {
		return fault.New(fault.Internal, "key of an HSM group is not virtual")
	}
	err := b.try(ctx, g, false, b.cfg.ChangeWithin, func(ctx context.Context, t token.Token) error {
		return t.Destroy(ctx, ref)
	})
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	return err
}

// Inventory yields every object of the group's slot. It does not go on with
// another connection in the middle: that one would begin anew.
func (b *Backend) Inventory(ctx context.Context, g groups.Group, yield func(hsm.Object) error) error {
	var cutOff error
	return b.try(ctx, g, true, b.cfg.InventoryWithin, func(ctx context.Context, t token.Token) error {
		if cutOff != nil {
			return cutOff
		}
		begun := false
		err := t.Inventory(ctx, hsm.Filter{}, func(o hsm.Object) error {
			begun = true
			return yield(o)
		})
		if begun {
			cutOff = err
		}
		return err
	})
}

// Present reports whether the HSM holds the key of k's pointer.
func (b *Backend) Present(ctx context.Context, g groups.Group, k keys.Key) (bool, error) {
	ref, ok := hsm.RefOf(k)
	if !ok {
		return false, fault.New(fault.Internal, "key of an HSM group is not virtual")
	}
	found := false
	err := b.try(ctx, g, true, b.cfg.OperateWithin, func(ctx context.Context, t token.Token) error {
		return t.Inventory(ctx, hsm.Filter{ID: ref.ID}, func(o hsm.Object) error {
			found = found || names(ref, o)
			return nil
		})
	})
	return found, err
}

// names reports whether o may be the object that ref names. A generic secret is
// a HMAC key or a secret by what it may do, which can change.
func names(ref hsm.Ref, o hsm.Object) bool {
	generic := func(t keys.Type) bool { return t == keys.HMAC || t == keys.Secret }
	fingerprint := o.Fingerprint()
	return o.Class == ref.Class && (o.Type == ref.Type || generic(o.Type) && generic(ref.Type)) &&
		bytes.Equal(o.ID, ref.ID) && bytes.Equal(o.Label, ref.Label) &&
		(len(fingerprint) == 0 || len(ref.Fingerprint) == 0 || bytes.Equal(fingerprint, ref.Fingerprint))
}
