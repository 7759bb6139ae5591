package pkcs11

import (
	"slices"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

// attributes is a template under construction.
type attributes []cryptoki.Attribute

func (as *attributes) put(typ uint, value []byte) {
	*as = append(*as, cryptoki.Attribute{Type: typ, Value: value})
}

// common begins a template: what every key has. Defaults differ from token to
// token, so everything that matters is said.
func common(class hsm.Class, keyType uint, tpl hsm.Template) attributes {
	as := attributes{
		{Type: pkcs11.CKA_CLASS, Value: ulong(classNumber(class))},
		{Type: pkcs11.CKA_KEY_TYPE, Value: ulong(keyType)},
		{Type: pkcs11.CKA_TOKEN, Value: boolean(true)},
		{Type: pkcs11.CKA_PRIVATE, Value: boolean(class != hsm.PublicKey)},
		{Type: pkcs11.CKA_ID, Value: tpl.ID},
		{Type: pkcs11.CKA_MODIFIABLE, Value: boolean(true)},
	}
	if len(tpl.Label) != 0 {
		as.put(pkcs11.CKA_LABEL, tpl.Label)
	}
	if class != hsm.PublicKey {
		as.put(pkcs11.CKA_SENSITIVE, boolean(true))
		as.put(pkcs11.CKA_EXTRACTABLE, boolean(tpl.Extractable))
	}
	as.uses(class, tpl.Type, tpl.Ops)
	return as
}

// allUses are the attributes of use that a class can have (v2.40, 4.8, 4.9, 4.10).
var allUses = map[hsm.Class][]uint{
	hsm.SecretKey: {
		pkcs11.CKA_ENCRYPT, pkcs11.CKA_DECRYPT, pkcs11.CKA_SIGN, pkcs11.CKA_VERIFY, pkcs11.CKA_WRAP, pkcs11.CKA_UNWRAP, pkcs11.CKA_DERIVE,
	},
	hsm.PrivateKey: {pkcs11.CKA_SIGN, pkcs11.CKA_DECRYPT, pkcs11.CKA_UNWRAP, pkcs11.CKA_DERIVE, pkcs11.CKA_SIGN_RECOVER},
	hsm.PublicKey:  {pkcs11.CKA_VERIFY, pkcs11.CKA_ENCRYPT, pkcs11.CKA_WRAP, pkcs11.CKA_DERIVE, pkcs11.CKA_VERIFY_RECOVER},
}

// uses puts every attribute of use, true or false.
func (as *attributes) uses(class hsm.Class, t keys.Type, ops keys.Ops) {
	known := usesOf(class, t)
	for _, attr := range allUses[class] {
		i := slices.IndexFunc(known, func(u use) bool { return u.attr == attr })
		as.put(attr, boolean(i >= 0 && ops.Has(known[i].op)))
	}
}

// without returns the attributes but for one type.
func (as attributes) without(typ uint) attributes {
	return slices.DeleteFunc(slices.Clone(as), func(a cryptoki.Attribute) bool { return a.Type == typ })
}

func (as attributes) get(typ uint) ([]byte, bool) {
	for _, a := range as {
		if a.Type == typ {
			return a.Value, true
		}
	}
	return nil, false
}

// binding returns the attributes as the binding takes them.
func (as attributes) binding() []*pkcs11.Attribute {
	out := make([]*pkcs11.Attribute, len(as))
	for i, a := range as {
		out[i] = &pkcs11.Attribute{Type: a.Type, Value: a.Value}
	}
	return out
}

// optional are the attributes that a token may refuse to be told, in the order in
// which they are left out. A key made without one is looked at afterwards: it
// must have come out as if the attribute had been given. What guards the key
// (CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_ID) is not here.
var optional = []uint{
	pkcs11.CKA_MODIFIABLE,
	pkcs11.CKA_SIGN_RECOVER,
	pkcs11.CKA_VERIFY_RECOVER,
	pkcs11.CKA_DERIVE,
	pkcs11.CKA_WRAP,
	pkcs11.CKA_UNWRAP,
	pkcs11.CKA_ENCRYPT,
	pkcs11.CKA_DECRYPT,
	pkcs11.CKA_SIGN,
	pkcs11.CKA_VERIFY,
	pkcs11.CKA_VALUE_LEN,
	pkcs11.CKA_KEY_TYPE,
}

// mayDrop reports whether a template may do without an attribute: whatever it
// says true of must stay.
func mayDrop(as attributes, typ uint) bool {
	v, ok := as.get(typ)
	if !ok {
		return false
	}
	switch typ {
	case pkcs11.CKA_MODIFIABLE, pkcs11.CKA_VALUE_LEN, pkcs11.CKA_KEY_TYPE:
		return true
	}
	return len(v) == 1 && v[0] == 0
}

// refusedTemplate are the return values by which a token refuses an attribute.
var refusedTemplate = map[pkcs11.Error]bool{
	pkcs11.CKR_ATTRIBUTE_TYPE_INVALID:  true,
	pkcs11.CKR_ATTRIBUTE_VALUE_INVALID: true,
	pkcs11.CKR_ATTRIBUTE_READ_ONLY:     true,
	pkcs11.CKR_TEMPLATE_INCONSISTENT:   true,
}

// relaxing calls create with the templates, and when one is refused again
// without optional attributes: first each alone, then all of them.
func relaxing(create func(templates []attributes) error, templates ...attributes) error {
	first := create(templates)
	if !refusedTemplate[code(first)] {
		return first
	}
	drop := func(typs ...uint) ([]attributes, bool) {
		changed := false
		relaxed := slices.Clone(templates)
		for i, as := range relaxed {
			for _, typ := range typs {
				if mayDrop(as, typ) {
					relaxed[i], changed = relaxed[i].without(typ), true
				}
			}
		}
		return relaxed, changed
	}
	tries := make([][]uint, 0, len(optional)+1)
	for _, typ := range optional {
		tries = append(tries, []uint{typ})
	}
	for _, typs := range append(tries, optional) {
		relaxed, changed := drop(typs...)
		if !changed {
			continue
		}
		if err := create(relaxed); !refusedTemplate[code(err)] {
			return err
		}
	}
	return first
}
