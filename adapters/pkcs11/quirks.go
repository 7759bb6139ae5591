package pkcs11

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/core/hsm"
)

// Quirks finds out by trying what no list tells, with objects that live as long
// as their session and are destroyed before it ends. Whatever it meets is a
// finding; it fails only when the token cannot be reached.
func (t *Token) Quirks(ctx context.Context) ([]hsm.Quirk, error) {
	var found []hsm.Quirk
	for _, look := range []func(*quirks) []hsm.Quirk{lyingSizes, wrapAlgorithm, handleReuse, laterChanges, checkValues} {
		// Each in a session of its own: one that upsets its session upsets no other.
		q, err := withSession(ctx, t, write, func(s *session) ([]hsm.Quirk, error) {
			q := &quirks{t: t, s: pkcs11.SessionHandle(s.handle)}
			defer q.clean()
			found := look(q)
			if q.spoilt != nil {
				t.drop(s)
			}
			return found, nil
		})
		if err != nil {
			return found, translate("looking for quirks", err)
		}
		found = append(found, q...)
	}
	return found, nil
}

// quirks is a session in which quirks are looked for.
type quirks struct {
	t      *Token
	s      pkcs11.SessionHandle
	made   []pkcs11.ObjectHandle
	spoilt error // an error after which the session must be dropped
}

func (q *quirks) clean() {
	for _, o := range q.made {
		_ = q.t.m.lib.DestroyObject(q.s, o) // the session's end would do it too
	}
}

func (q *quirks) note(err error) error {
	if spoils(err) {
		q.spoilt = err
	}
	return err
}

// aes makes an AES key of the session.
func (q *quirks) aes(more ...*pkcs11.Attribute) (pkcs11.ObjectHandle, error) {
	h, err := q.t.m.lib.GenerateKey(q.s, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_KEY_GEN, nil)},
		append([]*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES),
			pkcs11.NewAttribute(pkcs11.CKA_TOKEN, false), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true),
			pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32), pkcs11.NewAttribute(pkcs11.CKA_LABEL, "gatehouse-doctor"),
		}, more...))
	if q.note(err) == nil {
		q.made = append(q.made, h)
	}
	return h, err
}

// unknown is the finding when it could not be looked for.
func unknown(name string, err error) []hsm.Quirk {
	return []hsm.Quirk{{Name: name, Finds: "not found out: " + err.Error(), Good: true}}
}

// lyingSizes asks for the size of an AES-GCM output and gives exactly that.
func lyingSizes(q *quirks) []hsm.Quirk {
	const name = "size queries"
	lib := q.t.m.lib
	key, err := q.aes(pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, true), pkcs11.NewAttribute(pkcs11.CKA_DECRYPT, true))
	if err != nil {
		return unknown(name, err)
	}
	p := pkcs11.NewGCMParams(make([]byte, 12), nil, 128)
	defer p.Free()
	if err := q.note(lib.EncryptInit(q.s, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_GCM, p)}, key)); err != nil {
		return unknown(name, err)
	}
	out, err := lib.Encrypt(q.s, make([]byte, 33))
	switch err = q.note(err); {
	case code(err) == pkcs11.CKR_BUFFER_TOO_SMALL:
		q.spoilt = err // the operation is still active
		return []hsm.Quirk{{Name: name, Finds: "the size query of AES-GCM leaves something out; Gatehouse asks for no sizes"}}
	case err != nil:
		return unknown(name, err)
	case len(out) != 33+16:
		return []hsm.Quirk{{Name: name, Finds: fmt.Sprintf("AES-GCM of 33 bytes gives %d, not 49", len(out))}}
	}
	return []hsm.Quirk{{Name: name, Finds: "true for AES-GCM", Good: true}}
}

// wrapAlgorithm finds out what mechanism 0x210A is.
func wrapAlgorithm(q *quirks) []hsm.Quirk {
	const name = "mechanism 0x210A"
	if _, err := q.t.m.lib.GetMechanismInfo(q.t.slot, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_KEY_WRAP_PAD, nil)}); err != nil {
		return []hsm.Quirk{{Name: name, Finds: "not in the list", Good: true}}
	}
	kind, err := q.t.padKind(cryptoki.Session(q.s))
	if q.note(err) != nil {
		return unknown(name, err)
	}
	return []hsm.Quirk{{Name: name, Finds: "is " + string(kind), Good: kind == padRFC5649}}
}

// handleReuse destroys an object and makes another.
func handleReuse(q *quirks) []hsm.Quirk {
	const name = "object handles"
	first, err := q.aes(pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, true))
	if err == nil {
		q.made = nil
		err = q.note(q.t.m.lib.DestroyObject(q.s, first))
	}
	if err != nil {
		return unknown(name, err)
	}
	second, err := q.aes(pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, true))
	if err != nil {
		return unknown(name, err)
	}
	if first == second {
		return []hsm.Quirk{{Name: name, Finds: "a new object takes the handle of one that was destroyed"}}
	}
	return []hsm.Quirk{{Name: name, Finds: "are not used again at once", Good: true}}
}

// laterChanges tries which attributes of a key can be changed.
func laterChanges(q *quirks) []hsm.Quirk {
	const name = "changes of a key"
	key, err := q.aes(pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, true), pkcs11.NewAttribute(pkcs11.CKA_DECRYPT, true),
		pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true), pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false),
		pkcs11.NewAttribute(pkcs11.CKA_ID, []byte{1}))
	if err != nil {
		return unknown(name, err)
	}
	var can, cannot []string
	good := true
	for _, c := range []struct {
		name   string
		change *pkcs11.Attribute
		wanted bool
	}{
		{"CKA_LABEL", pkcs11.NewAttribute(pkcs11.CKA_LABEL, "gatehouse-doctor-2"), true},
		{"CKA_ID", pkcs11.NewAttribute(pkcs11.CKA_ID, []byte{2}), true},
		{"CKA_ENCRYPT", pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, false), true},
		{"CKA_EXTRACTABLE (to true)", pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, true), false},
		{"CKA_SENSITIVE (to false)", pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, false), false},
	} {
		err := q.t.m.lib.SetAttributeValue(q.s, key, []*pkcs11.Attribute{c.change})
		if err == nil {
			can = append(can, c.name)
		} else {
			cannot = append(cannot, c.name)
		}
		good = good && (err == nil) == c.wanted
	}
	finds := "allowed: " + orNone(can) + "; refused: " + orNone(cannot)
	return []hsm.Quirk{{Name: name, Finds: finds, Good: good}}
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// checkValues asks for what tells a symmetric key from another.
func checkValues(q *quirks) []hsm.Quirk {
	const name = "check values"
	key, err := q.aes(pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, true))
	if err != nil {
		return unknown(name, err)
	}
	found := ""
	for _, a := range []struct {
		name   string
		number uint
	}{{"CKA_CHECK_VALUE", pkcs11.CKA_CHECK_VALUE}, {"CKA_UNIQUE_ID", 0x4}} {
		v, err := q.t.m.lib.GetAttributeValue(q.s, key, []*pkcs11.Attribute{pkcs11.NewAttribute(a.number, nil)})
		if err == nil && len(v) == 1 && len(bytes.Trim(v[0].Value, "\x00")) > 0 {
			found += " " + a.name
		}
	}
	if found == "" {
		return []hsm.Quirk{{Name: name, Finds: "a symmetric key has neither CKA_CHECK_VALUE nor CKA_UNIQUE_ID: an exchanged one is noticed by label and id only"}}
	}
	return []hsm.Quirk{{Name: name, Finds: "symmetric keys have" + found, Good: true}}
}
