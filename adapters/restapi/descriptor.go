package restapi

import (
	"gatehouse/adapters/dsmwire"
	"gatehouse/app/keyring"
	"gatehouse/core/fault"
	"gatehouse/core/id"
)

// descriptor reads which key is meant.
func descriptor(d *dsmwire.SobjectDescriptor) (keyring.Descriptor, error) {
	if d == nil {
		return keyring.Descriptor{}, fault.New(fault.Invalid, "key is required")
	}
	given := 0
	for _, is := range []bool{d.KID != "", d.Name != "", !d.TransientKey.IsZero(), d.Inline != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		return keyring.Descriptor{}, fault.New(fault.Invalid, "a key is named by exactly one of kid, name, transient_key and inline")
	}
	switch {
	case d.KID != "":
		kid, err := parseID[id.Key](d.KID, "kid")
		return keyring.Descriptor{ID: kid}, err
	case d.Name != "":
		return keyring.Descriptor{Name: d.Name}, nil
	case d.Inline != nil:
		t, err := objectType(d.Inline.ObjType)
		if err == nil && d.Inline.Value.IsZero() {
			err = missing("value of an inline key")
		}
		return keyring.Descriptor{Inline: &keyring.Inline{Type: t, Value: d.Inline.Value.Secret()}}, err
	default:
		if d.TransientKey.Secret().Empty() {
			return keyring.Descriptor{}, fault.New(fault.Invalid, "transient_key is empty")
		}
		return keyring.Descriptor{Transient: d.TransientKey.Secret()}, nil
	}
}
