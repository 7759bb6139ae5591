package keysync

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

// pair makes keys of objects: private halves with their public ones, secret
// keys, and public keys that stand alone. Everything else becomes a warning.
func (p *Plan) pair(inventory []hsm.Object) []Found {
	publics := map[string][]hsm.Object{} // by type and CKA_ID
	for _, o := range inventory {
		if o.Class == hsm.PublicKey && p.usable(o) {
			publics[halfKey(o)] = append(publics[halfKey(o)], o)
		}
	}
	found := make([]Found, 0, len(inventory))
	for _, o := range inventory {
		switch o.Class {
		case hsm.SecretKey:
			if p.usable(o) {
				found = append(found, newFound(o, nil))
			}
		case hsm.PrivateKey:
			if !p.usable(o) {
				continue
			}
			half, ok := takeHalf(publics, o)
			if !ok {
				p.warn(o, "private key without a public key beside it")
				found = append(found, newFound(o, nil))
				continue
			}
			found = append(found, newFound(o, &half))
		case hsm.PublicKey: // taken by its private half, or left over below
		case hsm.Certificate:
			p.warn(o, "a certificate is not a key: left alone")
		case hsm.Data:
			p.warn(o, "a data object is not a key: left alone")
		default:
			p.warn(o, "an object of this class is not a key: left alone")
		}
	}
	for _, o := range inventory { // in inventory order, so that plans are deterministic
		if o.Class != hsm.PublicKey {
			continue
		}
		rest := publics[halfKey(o)]
		if i := slices.IndexFunc(rest, func(r hsm.Object) bool { return sameObject(r, o) }); i >= 0 {
			publics[halfKey(o)] = slices.Delete(rest, i, i+1)
			found = append(found, newFound(o, nil))
		}
	}
	return found
}

// usable warns about objects that cannot become virtual keys.
func (p *Plan) usable(o hsm.Object) bool {
	switch {
	case o.Unreadable != "":
		p.warn(o, "the HSM does not show the object's attributes: "+o.Unreadable)
	case o.Type == "":
		p.warn(o, "key type is not supported: left alone")
	case o.Type == keys.EC && o.Curve == "":
		p.warn(o, "elliptic curve is not supported: left alone")
	default:
		return true
	}
	return false
}

func halfKey(o hsm.Object) string { return string(o.Type) + "\x00" + string(o.ID) }

func sameObject(a, b hsm.Object) bool {
	return bytes.Equal(a.Label, b.Label) && bytes.Equal(a.PublicKey, b.PublicKey)
}

// takeHalf finds and removes the public half of private object o: the one with
// the same public key where o tells its own, else the only one with the same
// label, else the only one at all. Halves without a CKA_ID need the same label.
func takeHalf(publics map[string][]hsm.Object, o hsm.Object) (hsm.Object, bool) {
	candidates := publics[halfKey(o)]
	only := func(match func(hsm.Object) bool) int {
		at := -1
		for i, c := range candidates {
			if match(c) {
				if at >= 0 {
					return -1
				}
				at = i
			}
		}
		return at
	}
	at := -1
	if len(o.PublicKey) != 0 {
		at = slices.IndexFunc(candidates, func(c hsm.Object) bool {
			return bytes.Equal(c.PublicKey, o.PublicKey) && bytes.Equal(c.Label, o.Label)
		})
		if at < 0 {
			at = slices.IndexFunc(candidates, func(c hsm.Object) bool { return bytes.Equal(c.PublicKey, o.PublicKey) })
		}
	} else {
		at = only(func(c hsm.Object) bool { return c.Curve == o.Curve && bytes.Equal(c.Label, o.Label) })
		if at < 0 && len(o.ID) != 0 {
			at = only(func(c hsm.Object) bool { return c.Curve == o.Curve })
		}
	}
	if at < 0 {
		return hsm.Object{}, false
	}
	half := candidates[at]
	publics[halfKey(o)] = slices.Delete(candidates, at, at+1)
	return half, true
}

// newFound makes a key of the object with the material, or of a lone public
// key, and of its public half where there is one.
func newFound(o hsm.Object, public *hsm.Object) Found {
	f := Found{
		Type: o.Type, Size: o.Size, Curve: o.Curve, Ops: o.Ops,
		PublicOnly: o.Class == hsm.PublicKey,
		PublicKey:  o.PublicKey,
		KCV:        strings.ToUpper(hex.EncodeToString(o.CheckValue)),
		Pointer:    keys.Pointer{ID: o.ID, Label: o.Label, Fingerprint: o.Fingerprint(), Extractable: o.Extractable},
	}
	if public != nil {
		f.Ops |= public.Ops
		f.PublicKey = public.PublicKey
		f.Pointer.Fingerprint = public.Fingerprint()
		if f.Size == 0 {
			f.Size = public.Size
		}
	}
	f.Ops = f.Ops&^keys.OpExport | keys.OpAppManageable
	return f
}
