package slotkeys

import (
	"context"
	"encoding/hex"
	"strings"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/ports/backend"
	"gatehouse/ports/token"
)

// Generate makes a key in the HSM.
func (b *Backend) Generate(ctx context.Context, o backend.Order) (backend.Made, error) {
	if err := inTokens(o.Spec.Type); err != nil {
		return backend.Made{}, err
	}
	return b.make(ctx, o, func(ctx context.Context, t token.Token) (hsm.Object, error) {
		return t.Generate(ctx, template(o, o.Spec.Type.Asymmetric()))
	})
}

// Import puts a key into the HSM.
func (b *Backend) Import(ctx context.Context, o backend.Order, material secret.Value) (backend.Made, error) {
	if err := inTokens(o.Spec.Type); err != nil {
		return backend.Made{}, err
	}
	spec, material, private, err := b.cfg.Normalise(o.Spec, material)
	if err != nil {
		return backend.Made{}, err
	}
	o.Spec = spec
	return b.make(ctx, o, func(ctx context.Context, t token.Token) (hsm.Object, error) {
		return t.Import(ctx, template(o, private), material)
	})
}

// inTokens refuses types of keys that the port of tokens has no word for.
func inTokens(t keys.Type) error {
	if len(keys.ParamSets(t)) != 0 {
		return fault.New(fault.Unsupported, "keys of type %s are not supported in an HSM", t)
	}
	return nil
}

func (b *Backend) make(ctx context.Context, o backend.Order, do func(context.Context, token.Token) (hsm.Object, error)) (backend.Made, error) {
	return b.making(ctx, o, call{within: b.cfg.ChangeWithin}, do)
}

// making does c, by do, which makes a key.
func (b *Backend) making(ctx context.Context, o backend.Order, c call, do func(context.Context, token.Token) (hsm.Object, error)) (backend.Made, error) {
	var object hsm.Object
	c.do = func(ctx context.Context, t token.Token) (err error) {
		object, err = do(ctx, t)
		return err
	}
	err := b.try(ctx, o.Group, c)
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
