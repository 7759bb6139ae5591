package restapi

import (
	"time"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/id"
	"gatehouse/core/keys"
)

// shown tells which parts of a key a caller wants to see.
type shown struct{ publicKey, kcv bool }

// everything is what a single key shows.
var everything = shown{publicKey: true, kcv: true}

// sobject is key k as the API shows it.
//
// A virtual key carries external, whose id holds CKA_ID and CKA_LABEL to the
// byte: these are its PKCS#11 attributes. They are not repeated in
// custom_metadata, which belongs to the users alone: a client that reads the
// map, adds to it and sends it back would make stale copies of them.
func sobject(k keys.Key, show shown) dsmwire.Sobject {
	o := dsmwire.Sobject{
		KID: string(k.ID), Name: k.Name, Description: k.Description, AcctID: string(k.Account), GroupID: string(k.Group),
		ObjType: string(k.Type), KeySize: keySize(k), EllipticCurve: string(k.Curve), KeyOps: k.Ops.Names(),
		State: string(k.State), Enabled: k.Enabled, Origin: string(k.Origin), PublicOnly: k.PublicOnly,
		Creator: creator(k.Creator), CreatedAt: dsmwire.NewTime(k.CreatedAt),
		ActivationDate:   dsmwire.NewTime(k.ActivationDate),
		DeactivationDate: dsmwire.NewTime(k.DeactivationDate),
		CompromiseDate:   dsmwire.NewTime(k.CompromiseDate),
		DestructionDate:  dsmwire.NewTime(k.DestructionDate),
		DeletionDate:     dsmwire.NewTime(k.DeletionDate),
		RevocationReason: revocation(k.RevocationReason),
		RotationPolicy:   rotationPolicy(k.Rotation), ScheduledRotation: dsmwire.NewTime(k.ScheduledRotation), History: historyOf(k.History),
		CustomMetadata: k.Metadata, Links: links(k.Links), External: external(k), Gatehouse: virtualState(k),
	}
	if show.publicKey {
		o.PubKey = k.PublicKey
	}
	if show.kcv {
		o.KCV, o.KCVCMAC = k.KCV, k.KCVCMAC
	}
	o.ExportPolicy = showExportPolicy(k.Export)
	showOptions(&o, k)
	return o
}

// sobjects are keys as a list shows them.
func sobjects(list []keys.Key, show shown) []dsmwire.Sobject {
	os := make([]dsmwire.Sobject, len(list))
	for i, k := range list {
		os[i] = sobject(k, show)
	}
	return os
}

// keySize is the size in bits; a key whose HSM does not tell it has none.
func keySize(k keys.Key) *uint32 {
	if k.Size <= 0 {
		return nil
	}
	n := uint32(k.Size)
	return &n
}

// creator is p in the API's union. That knows no groups: a key that a sync
// found was made by nobody it could name, and its group is in external.
func creator(p id.Principal) dsmwire.Principal {
	switch p.Kind {
	case id.UserPrincipal:
		return dsmwire.Principal{User: p.ID}
	case id.AppPrincipal:
		return dsmwire.Principal{App: p.ID}
	case id.GroupPrincipal, id.SystemPrincipal:
		return dsmwire.Principal{System: true}
	default:
		return dsmwire.Principal{System: true}
	}
}

func external(k keys.Key) *dsmwire.External {
	if k.Virtual == nil {
		return nil
	}
	e := &dsmwire.External{
		ID:         dsmwire.ExternalID{ID: present(k.Virtual.ID), Label: present(k.Virtual.Label)},
		HSMGroupID: string(k.Group),
	}
	if kid, is := k.Virtual.Remote(); is {
		e.ID = dsmwire.ExternalID{KID: kid}
	}
	return e
}

func virtualState(k keys.Key) *dsmwire.VirtualKeyState {
	if k.Virtual == nil {
		return nil
	}
	return &dsmwire.VirtualKeyState{
		Own: k.Virtual.Own, Ambiguous: k.Virtual.Ambiguous, MissingSince: dsmwire.NewTime(k.Virtual.MissingSince),
	}
}

func revocation(r *keys.RevocationReason) *dsmwire.RevocationReason {
	if r == nil {
		return nil
	}
	return &dsmwire.RevocationReason{Code: r.Code, Message: r.Message, CompromiseAt: dsmwire.NewTime(r.CompromiseAt)}
}

func links(l keys.Links) *dsmwire.KeyLinks {
	w := dsmwire.KeyLinks{
		Replacement: string(l.Replacement), Replaced: string(l.Replaced), CopiedFrom: string(l.CopiedFrom),
		CopiedTo: texts(l.CopiedTo), Subkeys: texts(l.Subkeys), Parent: string(l.Parent), WrappingKey: string(l.WrappingKey),
	}
	if w.Replacement == "" && w.Replaced == "" && w.CopiedFrom == "" && w.CopiedTo == nil && w.Subkeys == nil &&
		w.Parent == "" && w.WrappingKey == "" {
		return nil
	}
	return &w
}

func texts[T ~string](list []T) []string {
	if len(list) == 0 {
		return nil
	}
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

// present makes of no bytes an empty string where JSON would say null.
func present(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// timeOf returns the time that a request gives; zero when it gives none.
func timeOf(t *dsmwire.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time()
}
