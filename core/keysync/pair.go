package keysync

import (
	"encoding/hex"
	"strings"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

// pair makes keys of objects: private halves with their public ones, secret
// keys, and public keys that stand alone. Everything else becomes a warning.
func (p *Plan) pair(inventory []hsm.Object) []Found {
	halves := map[string]*bucket{} // by type and CKA_ID
	usable := make([]bool, len(inventory))
	for i, o := range inventory {
		if usable[i] = p.usable(o); !usable[i] || o.Class != hsm.PrivateKey && o.Class != hsm.PublicKey {
			continue
		}
		key := string(o.Type) + "\x00" + string(o.ID)
		if halves[key] == nil {
			halves[key] = &bucket{objects: inventory}
		}
		halves[key].add(i)
	}
	publicOf, taken := map[int]int{}, map[int]bool{}
	for _, b := range halves {
		for private, public := range b.pairs() {
			publicOf[private], taken[public] = public, true
		}
	}
	found := make([]Found, 0, len(inventory))
	for i, o := range inventory {
		switch {
		case !usable[i] || taken[i]:
		case o.Class != hsm.PrivateKey:
			found = append(found, newFound(o, nil))
		default:
			public, ok := publicOf[i]
			if !ok {
				p.warn(o, "private key without a public key beside it")
				found = append(found, newFound(o, nil))
				continue
			}
			found = append(found, newFound(o, &inventory[public]))
		}
	}
	return found
}

// usable warns about objects that cannot become virtual keys.
func (p *Plan) usable(o hsm.Object) bool {
	switch o.Class {
	case hsm.SecretKey, hsm.PrivateKey, hsm.PublicKey:
	case hsm.Certificate:
		p.warn(o, "a certificate is not a key: left alone")
		return false
	case hsm.Data:
		p.warn(o, "a data object is not a key: left alone")
		return false
	default:
		p.warn(o, "an object of this class is not a key: left alone")
		return false
	}
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
