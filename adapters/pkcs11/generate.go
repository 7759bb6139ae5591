package pkcs11

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"math/big"
	"slices"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/adapters/pkcs11/internal/der"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

// Generate makes a key or a pair.
func (t *Token) Generate(ctx context.Context, tpl hsm.Template) (hsm.Object, error) {
	tries, err := generating(tpl)
	if err != nil {
		return hsm.Object{}, err
	}
	if classFor(tpl) == hsm.PrivateKey {
		// Some tokens try a new pair out, with whatever it may be asked to do. What
		// was not asked for is taken away again.
		able := tpl
		able.Ops |= keys.DefaultOps(tpl.Type, tpl.Curve)
		if more, err := generating(able); err == nil && able.Ops != tpl.Ops {
			tries = append(tries, more...)
		}
	}
	ways := make([]way, len(tries))
	for i, g := range tries {
		ways[i] = func(s *session) ([]cryptoki.Object, error) { return t.generate(s, g) }
	}
	o, err := t.create(ctx, tpl, classFor(tpl), ways)
	return o, unexplained(translate("generating a key", err))
}

// classFor returns the class of the half that holds the material.
func classFor(tpl hsm.Template) hsm.Class {
	if tpl.Type.Asymmetric() {
		return hsm.PrivateKey
	}
	return hsm.SecretKey
}

// generation is one way to ask for a key.
type generation struct {
	mechanism       uint
	public, private attributes // private alone for secret keys
}

// otherMechanism are the return values after which another way may do.
var otherMechanism = map[pkcs11.Error]bool{
	pkcs11.CKR_ATTRIBUTE_VALUE_INVALID: true,
	pkcs11.CKR_TEMPLATE_INCONSISTENT:   true,
	pkcs11.CKR_TEMPLATE_INCOMPLETE:     true,
	pkcs11.CKR_DOMAIN_PARAMS_INVALID:   true,
	pkcs11.CKR_MECHANISM_INVALID:       true,
	ckrCurveNotSupported:               true,
	pkcs11.CKR_GENERAL_ERROR:           true,
	pkcs11.CKR_FUNCTION_FAILED:         true,
	pkcs11.CKR_ARGUMENTS_BAD:           true,
	pkcs11.CKR_FUNCTION_NOT_SUPPORTED:  true,
	pkcs11.CKR_KEY_SIZE_RANGE:          true,
	pkcs11.CKR_KEY_TYPE_INCONSISTENT:   true,
}

// generating returns the ways to ask for the key of a template, the standard's first.
func generating(tpl hsm.Template) ([]generation, error) {
	if err := checkTemplate(tpl); err != nil {
		return nil, err
	}
	switch tpl.Type {
	case keys.AES:
		return secretGeneration(tpl, pkcs11.CKM_AES_KEY_GEN, pkcs11.CKK_AES, tpl.Size/8), nil
	case keys.DES3:
		if tpl.Size == 112 {
			return secretGeneration(tpl, pkcs11.CKM_DES2_KEY_GEN, pkcs11.CKK_DES2, 0), nil
		}
		return secretGeneration(tpl, pkcs11.CKM_DES3_KEY_GEN, pkcs11.CKK_DES3, 0), nil
	case keys.HMAC:
		return secretGeneration(tpl, pkcs11.CKM_GENERIC_SECRET_KEY_GEN, pkcs11.CKK_GENERIC_SECRET, tpl.Size/8), nil
	case keys.RSA:
		return rsaGeneration(tpl), nil
	case keys.EC:
		return ecGeneration(tpl), nil
	case keys.Secret, keys.Opaque, keys.Certificate, keys.MLDSA, keys.MLKEM:
	}
	return nil, fault.New(fault.Unsupported, "keys of this type cannot be made in an HSM")
}

// maxRSA is the largest RSA key in bits that a token is asked for.
const maxRSA = 16384

// checkTemplate refuses what is no key at all, before a token is asked.
func checkTemplate(tpl hsm.Template) error {
	wrongSize := fault.New(fault.Invalid, "size is not one that keys of this type have")
	switch {
	case len(tpl.ID) == 0:
		return fault.New(fault.Invalid, "a key in an HSM needs a CKA_ID")
	case tpl.Size < 0 || tpl.Size > 8*maxKeyBytes:
		return wrongSize
	case tpl.Type == keys.EC && der.FieldSize(tpl.Curve) == 0:
		return fault.New(fault.Unsupported, "elliptic curve is not supported")
	case tpl.Type == keys.AES && tpl.Size != 128 && tpl.Size != 192 && tpl.Size != 256,
		tpl.Type == keys.DES3 && tpl.Size != 112 && tpl.Size != 168,
		tpl.Type == keys.RSA && (tpl.Size < 1024 || tpl.Size > maxRSA || tpl.Size%8 != 0),
		tpl.Type == keys.HMAC && (tpl.Size < 8 || tpl.Size%8 != 0):
		return wrongSize
	}
	return nil
}

func secretGeneration(tpl hsm.Template, mechanism, keyType uint, size int) []generation {
	as := common(hsm.SecretKey, keyType, tpl)
	if size > 0 {
		as.put(pkcs11.CKA_VALUE_LEN, ulong(uint(size)))
	}
	return []generation{{mechanism: mechanism, private: as}}
}

func rsaGeneration(tpl hsm.Template) []generation {
	e := tpl.RSA.PublicExponent
	if e == 0 {
		e = 65537
	}
	public := common(hsm.PublicKey, pkcs11.CKK_RSA, tpl)
	public.put(pkcs11.CKA_MODULUS_BITS, ulong(uint(tpl.Size)))
	public.put(pkcs11.CKA_PUBLIC_EXPONENT, big.NewInt(int64(e)).Bytes())
	return []generation{{pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN, public, common(hsm.PrivateKey, pkcs11.CKK_RSA, tpl)}}
}

// ecGeneration names the curve in all the ways that tokens have been seen to want.
func ecGeneration(tpl hsm.Template) []generation {
	way := func(mechanism, keyType uint, params []byte) generation {
		public := common(hsm.PublicKey, keyType, tpl)
		public.put(pkcs11.CKA_EC_PARAMS, params)
		return generation{mechanism, public, common(hsm.PrivateKey, keyType, tpl)}
	}
	params := der.Params(tpl.Curve)
	switch tpl.Curve {
	case keys.Ed25519:
		return []generation{
			way(ckmECEdwardsKeyPairGen, ckkECEdwards, params[1]),
			way(ckmECEdwardsKeyPairGen, ckkECEdwards, params[0]),
		}
	case keys.X25519:
		return []generation{
			way(ckmECMontgomeryPairGen, ckkECMontgomery, params[1]),
			way(ckmECMontgomeryPairGen, ckkECMontgomery, params[0]),
			way(ckmECEdwardsKeyPairGen, ckkECEdwards, params[0]),
			way(pkcs11.CKM_EC_KEY_PAIR_GEN, pkcs11.CKK_EC, params[len(params)-1]),
		}
	case keys.P224, keys.P256, keys.P384, keys.P521, keys.Secp256k1:
	}
	return []generation{way(pkcs11.CKM_EC_KEY_PAIR_GEN, pkcs11.CKK_EC, params[0])}
}

func (t *Token) generate(s *session, g generation) (made []cryptoki.Object, err error) {
	m := []*pkcs11.Mechanism{pkcs11.NewMechanism(g.mechanism, nil)}
	h := pkcs11.SessionHandle(s.handle)
	if g.public == nil {
		err = relaxing(func(as []attributes) error {
			o, err := t.m.lib.GenerateKey(h, m, as[0].binding())
			made = []cryptoki.Object{cryptoki.Object(o)}
			return err
		}, g.private)
		return made, err
	}
	err = relaxing(func(as []attributes) error {
		public, private, err := t.m.lib.GenerateKeyPair(h, m, as[0].binding(), as[1].binding())
		made = []cryptoki.Object{cryptoki.Object(private), cryptoki.Object(public)}
		return err
	}, g.public, g.private)
	return made, err
}

// A way makes a key and returns its objects, the one that holds the material first.
type way func(*session) ([]cryptoki.Object, error)

// create makes a key in one of several ways, if no key of the class and the
// template's CKA_ID is there, and reads it back. Whatever a failure leaves
// behind with the CKA_ID is removed.
func (t *Token) create(ctx context.Context, tpl hsm.Template, class hsm.Class, ways []way) (hsm.Object, error) {
	return again(ctx, t, write, func(s *session) (hsm.Object, error) {
		before, err := t.withID(s, tpl.ID)
		if err == nil {
			_, err = t.present(s.handle)
		}
		if err != nil {
			return hsm.Object{}, err
		}
		for _, o := range before {
			if o.Class == class || class == hsm.PrivateKey && o.Class == hsm.PublicKey {
				return hsm.Object{}, fault.New(fault.Conflict, "a key with this CKA_ID is in the HSM already")
			}
		}
		defer t.changed(tpl.ID)
		var o hsm.Object
		for _, way := range ways {
			var objects []cryptoki.Object
			if objects, err = way(s); err == nil {
				o, err = t.made(s, tpl, class, objects)
			}
			if err == nil {
				return o, nil
			}
			another := otherMechanism[code(err)]
			if left := t.cleanUp(s, err, tpl.ID, class, objects); left != nil {
				t.log.Warn("remains of a key that could not be made are left in the token",
					slog.String("id", hex.EncodeToString(tpl.ID)), slog.Any("error", left))
				err, another = halfDone(err), false
			}
			if !another {
				break
			}
		}
		return hsm.Object{}, errBegun{noRoom(err)}
	})
}

// changed says that objects with a CKA_ID are not what they were.
func (t *Token) changed(id []byte) {
	t.writes.Add(1)
	t.handles.dropID(id)
}

// withID returns all objects with a CKA_ID.
func (t *Token) withID(s *session, id []byte) ([]located, error) {
	handles, err := t.lookFor(s, []cryptoki.Attribute{{Type: pkcs11.CKA_ID, Value: id}})
	if err != nil {
		return nil, err
	}
	os, err := t.read(s, handles)
	if anyHidden(os) {
		return nil, errHidden() // of what is not shown it is not known whether it is in the way
	}
	return withID(os, id), err
}

// made reads what was made, and checks that it is what was asked for: each half,
// and that its handle meant nothing else while it was read.
func (t *Token) made(s *session, tpl hsm.Template, class hsm.Class, objects []cryptoki.Object) (hsm.Object, error) {
	os, err := t.read(s, objects)
	if err != nil {
		return hsm.Object{}, err
	}
	if len(os) != len(objects) || os[0].Class != class {
		return hsm.Object{}, errNotShown()
	}
	for i := range os {
		if !bytes.Equal(os[i].ID, tpl.ID) || i > 0 && os[i].Class != hsm.PublicKey {
			return hsm.Object{}, errNotShown()
		}
		if err := t.asAsked(s, &os[i], tpl); err != nil {
			return hsm.Object{}, err
		}
	}
	for i := range os {
		if err := t.still(s, &os[i], proofOf(os[i], look)); errors.Is(err, errMoved) || staleHandle(err) {
			return hsm.Object{}, errNotShown()
		} else if err != nil {
			return hsm.Object{}, err
		}
	}
	o := os[0].Object
	if len(o.PublicKey) == 0 {
		o.PublicKey = os[len(os)-1].PublicKey
	}
	return o, nil
}

func errNotShown() error {
	return fault.New(fault.Unavailable, "the HSM made a key and does not show it").Because(fault.TokenFailed)
}

// asAsked checks that o may do what tpl says, and no more; where the token had
// its own mind, it is told again.
func (t *Token) asAsked(s *session, o *located, tpl hsm.Template) error {
	if o.Unreadable != "" {
		return fault.New(fault.Unavailable, "the HSM made a key and does not show its attributes").Because(fault.TokenFailed)
	}
	if o.Extractable && !tpl.Extractable {
		if t.set(s, o, attributes{{Type: pkcs11.CKA_EXTRACTABLE, Value: boolean(false)}}) == nil {
			o.Extractable, o.Ops = false, o.Ops&^keys.OpExport
			return t.asAsked(s, o, tpl)
		}
		return fault.New(fault.Unsupported, "the HSM makes such keys extractable only")
	}
	switch err := t.setUses(s, o, tpl.Ops); {
	case errors.Is(err, errMoved):
		return errNotShown()
	case err != nil:
		return fault.Wrap(fault.Unsupported, err, "the HSM does not make such a key with these operations")
	}
	return nil
}

// cleanUp destroys what was made before why happened: keys of the class, and
// public halves, that have the CKA_ID now and had it not before, and made that
// has none. Each is looked at right before, for a handle may mean another object.
func (t *Token) cleanUp(s *session, why error, id []byte, class hsm.Class, made []cryptoki.Object) error {
	if err := t.renew(s, why); err != nil {
		return err
	}
	found, err := t.m.lib.Find(s.handle, []cryptoki.Attribute{{Type: pkcs11.CKA_ID, Value: id}})
	errs := []error{err}
	for _, o := range made {
		if !slices.Contains(found, o) {
			found = append(found, o)
		}
	}
	for _, h := range found {
		os, err := t.read(s, []cryptoki.Object{h})
		errs = append(errs, err)
		for _, o := range os {
			if o.hidden {
				errs = append(errs, errHidden())
				continue
			}
			ours := o.Class == class || class == hsm.PrivateKey && o.Class == hsm.PublicKey
			if !ours || len(o.ID) != 0 && !bytes.Equal(o.ID, id) {
				continue
			}
			if err := t.destroyObject(s, &o); !staleHandle(err) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}
