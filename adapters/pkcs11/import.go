package pkcs11

import (
	"context"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/adapters/pkcs11/internal/der"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

// Import puts a key into the token.
func (t *Token) Import(ctx context.Context, tpl hsm.Template, material secret.Value) (hsm.Object, error) {
	value := material.Reveal(reveal.Permit{})
	if len(tpl.ID) == 0 {
		return hsm.Object{}, fault.New(fault.Invalid, "a key in an HSM needs a CKA_ID")
	}
	var (
		class     hsm.Class
		templates []attributes // the one that holds the material first
		err       error
	)
	switch {
	case !tpl.Type.Asymmetric():
		class = hsm.SecretKey
		templates, err = secretImport(tpl, value)
	case tpl.Private:
		class = hsm.PrivateKey
		p, perr := der.ParsePrivate(value)
		if perr != nil {
			return hsm.Object{}, fault.Wrap(fault.Invalid, perr, "value is not a private key in PKCS#8 form")
		}
		defer p.Wipe()
		templates, err = privateImport(tpl, p)
	default:
		class = hsm.PublicKey
		p, perr := der.ParsePublic(value)
		if perr != nil {
			return hsm.Object{}, fault.Wrap(fault.Invalid, perr, "value is not a public key in SubjectPublicKeyInfo form")
		}
		var as attributes
		as, err = publicImport(tpl, p, p.ECPoint())
		templates = []attributes{as}
	}
	if err != nil {
		return hsm.Object{}, err
	}
	o, err := t.create(ctx, tpl, class, []way{func(s *session) (made []cryptoki.Object, err error) {
		for _, as := range templates {
			err := relaxing(func(as []attributes) error {
				o, err := t.m.lib.Create(s.handle, as[0])
				if err == nil {
					made = append(made, o)
				}
				return err
			}, as)
			if err != nil {
				return nil, err
			}
		}
		return made, nil
	}})
	return o, translate("importing a key", err)
}

func errNotAsSaid() error {
	return fault.New(fault.Invalid, "value is not a key of the type, size or curve that was said")
}

// secretKinds are the key types that secret keys are imported as.
var secretKinds = map[keys.Type]uint{
	keys.AES: pkcs11.CKK_AES, keys.DES3: pkcs11.CKK_DES3,
	keys.HMAC: pkcs11.CKK_GENERIC_SECRET, keys.Secret: pkcs11.CKK_GENERIC_SECRET,
}

func secretImport(tpl hsm.Template, value []byte) ([]attributes, error) {
	keyType, ok := secretKinds[tpl.Type]
	if !ok {
		return nil, fault.New(fault.Unsupported, "objects of this type cannot be put into an HSM")
	}
	bits := 8 * len(value)
	switch {
	case tpl.Type == keys.AES && bits != 128 && bits != 192 && bits != 256:
		return nil, errNotAsSaid()
	case tpl.Type == keys.DES3:
		if bits != 128 && bits != 192 {
			return nil, errNotAsSaid()
		}
		if bits == 128 {
			keyType = pkcs11.CKK_DES2
		}
		bits -= len(value) // parity bits do not count
	case len(value) == 0 || len(value) > keys.MaxMaterial:
		return nil, errNotAsSaid()
	}
	if tpl.Size != 0 && tpl.Size != bits {
		return nil, errNotAsSaid()
	}
	as := common(hsm.SecretKey, keyType, tpl)
	as.put(pkcs11.CKA_VALUE, value)
	return []attributes{as}, nil
}

// keyTypeOf returns the CKA_KEY_TYPE of a pair.
func keyTypeOf(p der.Public) uint {
	switch {
	case p.Type == keys.RSA:
		return pkcs11.CKK_RSA
	case p.Curve == keys.Ed25519:
		return ckkECEdwards
	case p.Curve == keys.X25519:
		return ckkECMontgomery
	default:
		return pkcs11.CKK_EC
	}
}

func checkPublic(tpl hsm.Template, p der.Public) error {
	if tpl.Type != p.Type || tpl.Curve != "" && tpl.Curve != p.Curve || tpl.Size != 0 && tpl.Size != p.Size {
		return errNotAsSaid()
	}
	return nil
}

func publicImport(tpl hsm.Template, p der.Public, point []byte) (attributes, error) {
	if err := checkPublic(tpl, p); err != nil {
		return nil, err
	}
	as := common(hsm.PublicKey, keyTypeOf(p), tpl)
	if p.Type == keys.RSA {
		as.put(pkcs11.CKA_MODULUS, p.Modulus)
		as.put(pkcs11.CKA_PUBLIC_EXPONENT, p.Exponent)
		return as, nil
	}
	as.put(pkcs11.CKA_EC_PARAMS, der.Params(p.Curve)[0])
	as.put(pkcs11.CKA_EC_POINT, point)
	return as, nil
}

func privateImport(tpl hsm.Template, p der.Private) ([]attributes, error) {
	public, err := publicImport(tpl, p.Public, p.Public.ECPoint())
	if err != nil {
		return nil, err
	}
	as := common(hsm.PrivateKey, keyTypeOf(p.Public), tpl)
	if p.Public.Type == keys.EC {
		as.put(pkcs11.CKA_EC_PARAMS, der.Params(p.Public.Curve)[0])
		as.put(pkcs11.CKA_VALUE, p.Value)
		return []attributes{as, public}, nil
	}
	for _, a := range []cryptoki.Attribute{
		{Type: pkcs11.CKA_MODULUS, Value: p.Public.Modulus},
		{Type: pkcs11.CKA_PUBLIC_EXPONENT, Value: p.Public.Exponent},
		{Type: pkcs11.CKA_PRIVATE_EXPONENT, Value: p.RSA.Private},
		{Type: pkcs11.CKA_PRIME_1, Value: p.RSA.Prime1},
		{Type: pkcs11.CKA_PRIME_2, Value: p.RSA.Prime2},
		{Type: pkcs11.CKA_EXPONENT_1, Value: p.RSA.Exponent1},
		{Type: pkcs11.CKA_EXPONENT_2, Value: p.RSA.Exponent2},
		{Type: pkcs11.CKA_COEFFICIENT, Value: p.RSA.Coefficient},
	} {
		as.put(a.Type, a.Value)
	}
	return []attributes{as, public}, nil
}
