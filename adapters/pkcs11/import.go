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
		class hsm.Class
		tries [][]attributes // each the templates of all halves, that of the material first
		err   error
	)
	switch {
	case !tpl.Type.Asymmetric():
		class = hsm.SecretKey
		tries, err = secretImport(tpl, value)
	case tpl.Private:
		class = hsm.PrivateKey
		p, perr := der.ParsePrivate(value)
		if perr != nil {
			return hsm.Object{}, fault.Wrap(fault.Invalid, perr, "value is not a private key in PKCS#8 form")
		}
		defer p.Wipe()
		tries, err = privateImport(tpl, p)
	default:
		class = hsm.PublicKey
		p, perr := der.ParsePublic(value)
		if perr != nil {
			return hsm.Object{}, fault.Wrap(fault.Invalid, perr, "value is not a public key in SubjectPublicKeyInfo form")
		}
		tries, err = publicImport(tpl, p)
	}
	if err != nil {
		return hsm.Object{}, err
	}
	ways := make([]way, len(tries))
	for i, templates := range tries {
		ways[i] = func(s *session) ([]cryptoki.Object, error) { return t.put(s, templates) }
	}
	o, err := t.create(ctx, tpl, class, ways)
	return o, unexplained(translate("importing a key", err))
}

// put makes an object of each template.
func (t *Token) put(s *session, templates []attributes) (made []cryptoki.Object, err error) {
	for _, as := range templates {
		err := relaxing(func(as []attributes) error {
			o, err := t.m.lib.Create(s.handle, as[0])
			if err == nil {
				made = append(made, o)
			}
			return err
		}, as)
		if err != nil {
			return made, err
		}
	}
	return made, nil
}

func errNotAsSaid() error {
	return fault.New(fault.Invalid, "value is not a key of the type, size or curve that was said")
}

// secretKinds are the key types that secret keys are imported as.
var secretKinds = map[keys.Type]uint{
	keys.AES: pkcs11.CKK_AES, keys.DES3: pkcs11.CKK_DES3,
	keys.HMAC: pkcs11.CKK_GENERIC_SECRET, keys.Secret: pkcs11.CKK_GENERIC_SECRET,
}

func secretImport(tpl hsm.Template, value []byte) ([][]attributes, error) {
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
	return [][]attributes{{as}}, nil
}

// keyTypesOf returns what CKA_KEY_TYPE of a pair may be, the standard's first.
func keyTypesOf(p der.Public) []uint {
	switch {
	case p.Type == keys.RSA:
		return []uint{pkcs11.CKK_RSA}
	case p.Curve == keys.Ed25519:
		return []uint{ckkECEdwards}
	case p.Curve == keys.X25519:
		return []uint{ckkECMontgomery, ckkECEdwards}
	default:
		return []uint{pkcs11.CKK_EC}
	}
}

func checkPublic(tpl hsm.Template, p der.Public) error {
	if tpl.Type != p.Type || tpl.Curve != "" && tpl.Curve != p.Curve || tpl.Size != 0 && tpl.Size != p.Size {
		return errNotAsSaid()
	}
	return nil
}

func publicImport(tpl hsm.Template, p der.Public) (tries [][]attributes, err error) {
	if err := checkPublic(tpl, p); err != nil {
		return nil, err
	}
	for _, keyType := range keyTypesOf(p) {
		tries = append(tries, []attributes{publicTemplate(tpl, keyType, p)})
	}
	return tries, nil
}

func privateImport(tpl hsm.Template, p der.Private) (tries [][]attributes, err error) {
	if err := checkPublic(tpl, p.Public); err != nil {
		return nil, err
	}
	for _, keyType := range keyTypesOf(p.Public) {
		tries = append(tries, []attributes{privateTemplate(tpl, keyType, p), publicTemplate(tpl, keyType, p.Public)})
	}
	return tries, nil
}

func publicTemplate(tpl hsm.Template, keyType uint, p der.Public) attributes {
	as := common(hsm.PublicKey, keyType, tpl)
	if p.Type == keys.RSA {
		as.put(pkcs11.CKA_MODULUS, p.Modulus)
		as.put(pkcs11.CKA_PUBLIC_EXPONENT, p.Exponent)
		return as
	}
	as.put(pkcs11.CKA_EC_PARAMS, der.Params(p.Curve)[0])
	as.put(pkcs11.CKA_EC_POINT, p.ECPoint())
	return as
}

func privateTemplate(tpl hsm.Template, keyType uint, p der.Private) attributes {
	as := common(hsm.PrivateKey, keyType, tpl)
	if p.Public.Type == keys.EC {
		as.put(pkcs11.CKA_EC_PARAMS, der.Params(p.Public.Curve)[0])
		as.put(pkcs11.CKA_VALUE, p.Value)
		return as
	}
	as.put(pkcs11.CKA_MODULUS, p.Public.Modulus)
	as.put(pkcs11.CKA_PUBLIC_EXPONENT, p.Public.Exponent)
	as.put(pkcs11.CKA_PRIVATE_EXPONENT, p.RSA.Private)
	as.put(pkcs11.CKA_PRIME_1, p.RSA.Prime1)
	as.put(pkcs11.CKA_PRIME_2, p.RSA.Prime2)
	as.put(pkcs11.CKA_EXPONENT_1, p.RSA.Exponent1)
	as.put(pkcs11.CKA_EXPONENT_2, p.RSA.Exponent2)
	as.put(pkcs11.CKA_COEFFICIENT, p.RSA.Coefficient)
	return as
}
