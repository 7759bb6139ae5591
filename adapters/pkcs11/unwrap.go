package pkcs11

import (
	"context"
	"errors"
	"slices"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/adapters/pkcs11/internal/der"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// Unwrap makes a key of a wrapped one.
func (t *Token) Unwrap(ctx context.Context, with hsm.Ref, tpl hsm.Template, u operations.Unwrap) (hsm.Object, error) {
	if err := checkMade(tpl); err != nil {
		return hsm.Object{}, err
	}
	o, err := following(ctx, t, []hsm.Ref{with}, func(ctx context.Context) (hsm.Object, error) { return t.unwrap(ctx, with, tpl, u) })
	if unopened(err, tpl) {
		return hsm.Object{}, operations.DecryptRefused(err)
	}
	return o, translate("unwrapping a key", err)
}

// checkMade refuses a template of a key that is made of another one, and whose
// size may be left to that.
func checkMade(tpl hsm.Template) error {
	switch tpl.Type {
	case keys.AES, keys.DES3, keys.HMAC, keys.Secret, keys.RSA, keys.EC:
	default:
		return fault.New(fault.Unsupported, "objects of this type cannot be put into an HSM")
	}
	switch {
	case len(tpl.ID) == 0:
		return fault.New(fault.Invalid, "a key in an HSM needs a CKA_ID")
	case tpl.Size == 0, tpl.Type == keys.EC && tpl.Curve == "":
		return nil
	default:
		return checkTemplate(tpl)
	}
}

// unopened reports whether err is the token's refusal of what is wrapped, as far
// as it can be told from a refusal of the key or of the mechanism.
func unopened(err error, tpl hsm.Template) bool {
	if errors.Is(err, errNotAsWrapped) {
		return true
	}
	if !refusedInput(err) {
		return false
	}
	v, _ := meaning(err)
	switch v.Code {
	case pkcs11.CKR_MECHANISM_INVALID, pkcs11.CKR_MECHANISM_PARAM_INVALID, pkcs11.CKR_FUNCTION_NOT_SUPPORTED,
		pkcs11.CKR_UNWRAPPING_KEY_SIZE_RANGE, pkcs11.CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, pkcs11.CKR_KEY_TYPE_INCONSISTENT,
		pkcs11.CKR_ATTRIBUTE_TYPE_INVALID, pkcs11.CKR_ATTRIBUTE_READ_ONLY:
		return false
	case pkcs11.CKR_TEMPLATE_INCOMPLETE: // some want the public key told of an EC key
		return tpl.Type != keys.EC
	}
	return v.Kind != fault.Denied && v.Kind != fault.NotFound
}

// errNotAsWrapped says that what was unwrapped is not what the template says.
var errNotAsWrapped = errors.New("the wrapped key is of another size or curve than was said")

func (t *Token) unwrap(ctx context.Context, with hsm.Ref, tpl hsm.Template, u operations.Unwrap) (hsm.Object, error) {
	k, err := t.able(ctx, with, u)
	if err != nil {
		return hsm.Object{}, err
	}
	wrapped := u.Wrapped
	least, most := unwrappedLength(k.Type, u)
	if n := valueLength(tpl.Type, tpl.Size); !tpl.Type.Asymmetric() && n != 0 && (n < least || most != 0 && n > most) {
		return hsm.Object{}, errNotAsWrapped
	}
	if !tpl.Type.Asymmetric() && tpl.Size == 0 && least == most { // not every token tells
		if tpl.Size = 8 * least; tpl.Type == keys.DES3 {
			tpl.Size = 7 * least
		}
		if checkTemplate(tpl) != nil {
			return hsm.Object{}, errNotAsWrapped
		}
	}
	var m cryptoki.Mechanism
	if k.Type == keys.RSA {
		m, err = rsaMechanism(u.Mode, u.Hash, u.Label)
	} else {
		m, err = t.keyMechanism(k.Type, u.Mode, u.IV, u.AD, len(u.Tag), len(u.Wrapped))
		wrapped = append(slices.Clip(slices.Clone(wrapped)), u.Tag...)
	}
	if err != nil {
		return hsm.Object{}, err
	}
	class := classFor(tpl)
	var ways []way
	for _, as := range unwrapped(class, tpl) {
		ways = append(ways, func(s *session) ([]cryptoki.Object, error) {
			return t.makeOf(s, k, tpl, as, func(as attributes) (cryptoki.Object, error) {
				return t.m.lib.Unwrap(s.handle, k.handle, &m, wrapped, as)
			})
		})
	}
	o, err := t.create(ctx, tpl, class, ways)
	if err == nil && o.Size == 0 {
		o.Size = tpl.Size
	}
	return o, err
}

// unwrappedLength returns how many bytes come out of a wrapped key; most is 0
// when it is not known.
func unwrappedLength(with keys.Type, u operations.Unwrap) (least, most int) {
	n, block := len(u.Wrapped), operations.BlockSize(with)
	switch {
	case with == keys.RSA:
		return 1, 0
	case u.Mode == operations.KW:
		return n - 8, n - 8
	case u.Mode == operations.KWP:
		return n - 15, n - 8
	case u.Mode == operations.CBC:
		return n - block, n - 1
	default:
		return n, n
	}
}

// unwrapped returns the templates of what is unwrapped, to be tried in their order.
// Some tokens do not let CKA_EXTRACTABLE be said: it is set afterwards, then.
func unwrapped(class hsm.Class, tpl hsm.Template) (all []attributes) {
	keyTypes := []uint{secretKinds[tpl.Type]}
	switch {
	case class == hsm.PrivateKey:
		keyTypes = keyTypesOf(der.Public{Type: tpl.Type, Curve: tpl.Curve})
	case tpl.Type == keys.DES3 && tpl.Size == 112:
		keyTypes = []uint{pkcs11.CKK_DES2}
	}
	for _, keyType := range keyTypes {
		as := common(class, keyType, tpl)
		if n := valueLength(tpl.Type, tpl.Size); n != 0 && tpl.Type != keys.DES3 {
			as.put(pkcs11.CKA_VALUE_LEN, ulong(uint(n)))
		}
		all = append(all, as)
	}
	if !tpl.Extractable {
		all = append(all, all[0].without(pkcs11.CKA_EXTRACTABLE))
	}
	return all
}

// makeOf makes a key of the key k by call, and of a private key the public half
// where the token tells it. What came out must be k's work, and what tpl says.
func (t *Token) makeOf(s *session, k *key, tpl hsm.Template, as attributes,
	call func(attributes) (cryptoki.Object, error),
) (made []cryptoki.Object, err error) {
	if k.gen != t.handles.generation() {
		return nil, errMoved
	}
	err = relaxing(func(as []attributes) error {
		o, err := call(as[0])
		if err == nil {
			made = []cryptoki.Object{o}
		}
		return err
	}, as)
	if t.m.opts.Recheck != RecheckNever && !lost(err) && !staleHandle(err) {
		if moved := t.recheck(s, k, job{object: k.handle}, nil); errors.Is(moved, errMoved) || moved != nil && err == nil {
			return made, moved
		}
	}
	if err != nil {
		return made, errInput{err}
	}
	os, err := t.read(s, made)
	if err != nil || len(os) != 1 {
		return made, err // which is looked at again
	}
	if !asSaid(os[0].Object, tpl) {
		return made, errNotAsWrapped
	}
	if os[0].Class != hsm.PrivateKey || len(os[0].PublicKey) == 0 {
		return made, nil
	}
	var half []cryptoki.Object
	if p, unknown := der.ParsePublic(os[0].PublicKey); unknown == nil { // otherwise of a curve that Gatehouse does not hold
		half, err = t.put(s, []attributes{publicTemplate(tpl, keyTypesOf(p)[0], p)})
	}
	return append(made, half...), err
}

// asSaid reports whether a key is of the size and curve that tpl says, if it does.
func asSaid(o hsm.Object, tpl hsm.Template) bool {
	switch {
	case o.Unreadable != "": // of which create says more
		return true
	case tpl.Curve != "" && o.Curve != tpl.Curve:
		return false
	case o.Size == 0: // which the token does not tell
		return true
	case o.Type == keys.AES && o.Size != 128 && o.Size != 192 && o.Size != 256:
		return false
	}
	return tpl.Size == 0 || o.Size == tpl.Size
}
