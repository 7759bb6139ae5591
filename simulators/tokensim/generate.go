package tokensim

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
)

// Generate makes a key.
func (t *Token) Generate(ctx context.Context, tpl hsm.Template) (hsm.Object, error) {
	return t.create(ctx, Generate, tpl, func() (material, error) {
		spec, err := keys.Spec{Name: "key", Type: tpl.Type, Size: tpl.Size, Curve: tpl.Curve, RSA: tpl.RSA}.CheckGenerate()
		switch {
		case err != nil:
			return material{}, err
		case !t.slot.caps.Makes(spec.Type, spec.Size):
			return material{}, unsupported()
		}
		return generate(spec)
	})
}

// Import puts a key into the token.
func (t *Token) Import(ctx context.Context, tpl hsm.Template, value secret.Value) (hsm.Object, error) {
	return t.create(ctx, Import, tpl, func() (material, error) { return parse(tpl, value) })
}

func unsupported() error { return fault.New(fault.Unsupported, "the HSM cannot do this") }

// create makes a key of what obtain returns. As obtaining may take long and
// cannot be stopped, it goes on behind the back of a caller whose context has
// ended, as a real token does.
func (t *Token) create(ctx context.Context, c Call, tpl hsm.Template, obtain func() (material, error)) (hsm.Object, error) {
	return t.createIn(ctx, c, tpl, func(*card) (material, error) { return obtain() })
}

// createIn is create for what is obtained from the token itself.
func (t *Token) createIn(ctx context.Context, c Call, tpl hsm.Template, obtain func(*card) (material, error)) (hsm.Object, error) {
	var made hsm.Object
	err := t.do(ctx, c, tpl.ID, func(in *card) error {
		if len(tpl.ID) == 0 {
			return fault.New(fault.Invalid, "a key in an HSM needs a CKA_ID")
		}
		type outcome struct {
			made hsm.Object
			err  error
		}
		done := make(chan outcome, 1)
		t.calls.Go(func() {
			o, err := t.slot.create(in, tpl, func() (material, error) { return obtain(in) })
			done <- outcome{o, err}
		})
		select {
		case r := <-done:
			made = r.made
			return r.err
		case <-ctx.Done():
			return timedOut(ctx.Err())
		}
	})
	if err != nil {
		return hsm.Object{}, err
	}
	return made, nil
}

func (s *Slot) create(in *card, tpl hsm.Template, obtain func() (material, error)) (hsm.Object, error) {
	if err := s.free(in, tpl); err != nil {
		return hsm.Object{}, err
	}
	m, err := obtain()
	if err != nil {
		return hsm.Object{}, err
	}
	objects := s.assemble(tpl, m)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inside != in {
		return hsm.Object{}, tokenGone()
	}
	if err := in.free(tpl); err != nil {
		return hsm.Object{}, err
	}
	in.objects = append(in.objects, objects...)
	made := clone(objects[0].Object)
	made.PublicKey = bytes.Clone(objects[len(objects)-1].PublicKey)
	return made, nil
}

func (s *Slot) free(in *card, tpl hsm.Template) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return in.free(tpl)
}

// free refuses a template whose CKA_ID a key of one of its classes has. The
// caller holds the slot's lock.
func (c *card) free(tpl hsm.Template) error {
	for _, o := range c.objects {
		taken := o.Class == hsm.SecretKey
		if tpl.Type.Asymmetric() {
			taken = o.Class == hsm.PrivateKey || o.Class == hsm.PublicKey
		}
		if taken && bytes.Equal(o.ID, tpl.ID) {
			return fault.New(fault.Conflict, "a key with this CKA_ID is in the HSM already")
		}
	}
	return nil
}

// assemble makes the objects of a key, the one that holds the material first.
func (s *Slot) assemble(tpl hsm.Template, m material) []*object {
	classes := []hsm.Class{hsm.SecretKey}
	switch {
	case m.private != nil || m.agree != nil:
		classes = []hsm.Class{hsm.PrivateKey, hsm.PublicKey}
	case m.public != nil:
		classes = []hsm.Class{hsm.PublicKey}
	}
	var all []*object
	for _, class := range classes {
		o := &object{material: m, Object: hsm.Object{
			Class: class, Type: tpl.Type, ID: bytes.Clone(tpl.ID), Label: bytes.Clone(tpl.Label),
			Curve: tpl.Curve, Extractable: tpl.Extractable && class != hsm.PublicKey,
		}}
		if class == hsm.PublicKey {
			o.private, o.agree = nil, nil
		}
		o.Ops = kept(o, tpl.Ops)
		s.describe(o)
		o.KeyType = keyType(o.Type, o.Curve, o.Size)
		all = append(all, o)
	}
	return all
}

// kept returns what of ops the attributes of an object hold.
func kept(o *object, ops keys.Ops) keys.Ops {
	switch o.Class {
	case hsm.SecretKey:
		ops &= keys.OpEncrypt | keys.OpDecrypt | keys.OpWrap | keys.OpUnwrap | keys.OpDerive | keys.OpMAC | keys.OpMACVerify
	case hsm.PrivateKey:
		ops &= keys.OpSign | keys.OpDecrypt | keys.OpUnwrap | keys.OpAgree
	case hsm.PublicKey:
		ops &= keys.OpVerify | keys.OpEncrypt | keys.OpWrap
	default:
		return 0
	}
	if o.Extractable {
		ops |= keys.OpExport
	}
	return ops
}

func generate(spec keys.Spec) (material, error) {
	switch spec.Type {
	case keys.AES, keys.HMAC:
		return material{secret: random(spec.Size / 8)}, nil
	case keys.DES3:
		return material{secret: random(spec.Size / 7)}, nil // 112 or 168 bits without parity
	case keys.RSA:
		if spec.RSA.PublicExponent != 65537 {
			return material{}, unsupported()
		}
		k, err := rsa.GenerateKey(rand.Reader, spec.Size)
		if err != nil {
			return material{}, fault.Wrap(fault.Internal, err, "generating an RSA key")
		}
		return material{private: k, public: k.Public()}, nil
	case keys.EC:
		return generateEC(spec.Curve)
	default:
		return material{}, unsupported()
	}
}

func generateEC(c keys.Curve) (material, error) {
	if c == keys.Ed25519 {
		_, k, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return material{}, fault.Wrap(fault.Internal, err, "generating an Ed25519 key")
		}
		return material{private: k, public: k.Public()}, nil
	}
	if c == keys.X25519 {
		k, err := ecdh.X25519().GenerateKey(rand.Reader)
		if err != nil {
			return material{}, fault.Wrap(fault.Internal, err, "generating an X25519 key")
		}
		return material{agree: k, public: k.PublicKey()}, nil
	}
	curve := goCurve(c)
	if curve == nil {
		return material{}, unsupported()
	}
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		return material{}, fault.Wrap(fault.Internal, err, "generating an EC key")
	}
	return material{private: k, public: k.Public()}, nil
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}
