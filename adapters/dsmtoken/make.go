package dsmtoken

import (
	"context"
	"encoding/hex"
	"errors"
	"sync"
	"unicode/utf8"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
)

// Generate makes a key in the default group of the app.
func (t *Token) Generate(ctx context.Context, tpl hsm.Template) (hsm.Object, error) {
	tpl.Private = tpl.Type.Asymmetric()
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
		return t.client.Import(ctx, r)
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
	if !held[tpl.Type] {
		return hsm.Object{}, fault.New(fault.Unsupported, "keys of this type are not made in another service")
	}
	if !utf8.Valid(tpl.Label) {
		return hsm.Object{}, errName()
	}
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
	o := objects(&s)[0]
	if !fits(tpl, o) {
		return hsm.Object{}, t.unfit(ctx, d, s.KID)
	}
	return o, nil
}

// errName is the answer to a label that would not be the same as a name.
func errName() error {
	return fault.New(fault.Unsupported, "a key of the other service has one line of text for a name")
}

// fits reports whether o is what tpl asks for.
func fits(tpl hsm.Template, o hsm.Object) bool {
	class := hsm.SecretKey
	switch {
	case tpl.Type.Asymmetric() && tpl.Private:
		class = hsm.PrivateKey
	case tpl.Type.Asymmetric():
		class = hsm.PublicKey
	}
	return o.Class == class && o.Type == tpl.Type && (tpl.Size == 0 || o.Size == tpl.Size) && (tpl.Curve == "" || o.Curve == tpl.Curve)
}

// unfit destroys a key that is not what was asked for, which the material tells
// only once it was read.
func (t *Token) unfit(ctx context.Context, d doing, kid string) error {
	if err := t.client.DeleteKey(ctx, kid); err != nil {
		return translate(ctx, changing, err)
	}
	if d == unwrapping {
		return operations.DecryptRefused(nil)
	}
	return fault.New(fault.Invalid, "the material is not that of the key that it is said to be")
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
	if tpl.Type == keys.RSA {
		r.RSA = everyPadding()
	}
	return r
}

// everyPadding says that the other service is to forbid no padding: this one
// does, by the policy of the virtual key.
func everyPadding() *dsmwire.RSAOptions {
	every := dsmwire.RSAPolicies{{}}
	return &dsmwire.RSAOptions{EncryptionPolicy: every, SignaturePolicy: every}
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
