package dsmtoken

import (
	"context"
	"encoding/hex"
	"errors"
	"sync"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
)

// Generate makes a key in the default group of the app.
func (t *Token) Generate(ctx context.Context, tpl hsm.Template) (hsm.Object, error) {
	return t.make(ctx, tpl, making, func(r dsmwire.SobjectRequest) (dsmwire.Sobject, error) {
		if _, err := specOf(tpl).CheckGenerate(); err != nil {
			return dsmwire.Sobject{}, err
		}
		return t.client.Generate(ctx, r)
	})
}

// Import puts a key into the default group of the app.
func (t *Token) Import(ctx context.Context, tpl hsm.Template, material secret.Value) (hsm.Object, error) {
	return t.make(ctx, tpl, making, func(r dsmwire.SobjectRequest) (dsmwire.Sobject, error) {
		if _, err := specOf(tpl).CheckImport(material.Len()); err != nil {
			return dsmwire.Sobject{}, err
		}
		r.Value, r.PubExponent = dsmwire.NewSecretBytes(material), nil
		s, err := t.client.Import(ctx, r)
		if err == nil && tpl.Type.Asymmetric() && s.PublicOnly == tpl.Private {
			err = errors.Join(fault.New(fault.Invalid, "the material is not the half of a pair that it is said to be"), t.client.DeleteKey(ctx, s.KID))
		}
		return s, err
	})
}

// make makes a key with do, whose errors are the client's or those of a request
// that is wrong.
func (t *Token) make(ctx context.Context, tpl hsm.Template, d doing, do func(dsmwire.SobjectRequest) (dsmwire.Sobject, error)) (hsm.Object, error) {
	done, err := t.beginOwn(ctx)
	if err != nil {
		return hsm.Object{}, err
	}
	defer done()
	if len(tpl.ID) == 0 {
		return hsm.Object{}, fault.New(fault.Invalid, "a new key needs a CKA_ID")
	}
	release, err := t.making.claim(ctx, string(tpl.ID))
	if err != nil {
		return hsm.Object{}, err
	}
	defer release()
	if err := t.free(ctx, tpl); err != nil {
		return hsm.Object{}, err
	}
	s, err := do(newRequest(tpl))
	var refused *dsmclient.Error
	if err != nil && !errors.As(err, &refused) && fault.KindOf(err) != fault.Unavailable {
		return hsm.Object{}, err // nothing was sent
	}
	if err != nil {
		return hsm.Object{}, translate(ctx, d, err)
	}
	return objects(&s)[0], nil
}

// free makes sure that there is no key of the template's class and CKA_ID, nor
// for a pair one of either half.
func (t *Token) free(ctx context.Context, tpl hsm.Template) error {
	taken := false
	err := t.withID(ctx, tpl.ID, func(s dsmwire.Sobject) error {
		for _, o := range objects(&s) {
			asymmetric := o.Class == hsm.PrivateKey || o.Class == hsm.PublicKey
			taken = taken || (o.Class == hsm.SecretKey || asymmetric) && asymmetric == tpl.Type.Asymmetric()
		}
		return nil
	})
	if err != nil {
		return translate(ctx, asking, err)
	}
	if taken {
		return fault.New(fault.Conflict, "the other service has a key of this class and CKA_ID already")
	}
	return nil
}

// specOf is a template as somebody who asks for a key would have it.
func specOf(tpl hsm.Template) keys.Spec {
	return keys.Spec{Name: string(tpl.Label), Type: tpl.Type, Size: tpl.Size, Curve: tpl.Curve, Ops: wanted(tpl), RSA: tpl.RSA}
}

// wanted are the operations of a new key. It can always be managed by the app,
// which could not destroy it otherwise.
func wanted(tpl hsm.Template) keys.Ops {
	ops := tpl.Ops&^(keys.OpExport|keys.OpHighVolume) | keys.OpAppManageable
	if tpl.Extractable {
		ops |= keys.OpExport
	}
	return ops
}

func newRequest(tpl hsm.Template) dsmwire.SobjectRequest {
	name, enabled, ops := string(tpl.Label), true, wanted(tpl).Names()
	metadata := map[string]string{idMetadata: hex.EncodeToString(tpl.ID)}
	r := dsmwire.SobjectRequest{Name: &name, ObjType: string(tpl.Type), KeyOps: &ops, Enabled: &enabled, CustomMetadata: &metadata}
	if tpl.Type == keys.EC {
		r.EllipticCurve = string(tpl.Curve)
	} else if tpl.Size > 0 {
		size := uint32(tpl.Size)
		r.KeySize = &size
	}
	if e := tpl.RSA.PublicExponent; tpl.Type == keys.RSA && e != 0 {
		exponent := uint32(e)
		r.PubExponent = &exponent
	}
	return r
}

// claims let one caller at a time make a key of one CKA_ID.
type claims struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed when it is given back
}

func newClaims() *claims { return &claims{held: map[string]chan struct{}{}} }

func (c *claims) claim(ctx context.Context, id string) (release func(), err error) {
	for {
		c.mu.Lock()
		other := c.held[id]
		if other == nil {
			mine := make(chan struct{})
			c.held[id] = mine
			c.mu.Unlock()
			return func() {
				c.mu.Lock()
				defer c.mu.Unlock()
				delete(c.held, id)
				close(mine)
			}, nil
		}
		c.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ended(ctx)
		}
	}
}
