package dsmtoken

import (
	"encoding/hex"
	"strings"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

// idMetadata is the name in a key's custom metadata under which the CKA_ID is
// kept that this service gave the key, in hex: by it a key is found again whose
// maker never got the answer.
const idMetadata = "gatehouse_cka_id"

// held are the types of keys that pass through the Token port.
var held = map[keys.Type]bool{keys.AES: true, keys.DES3: true, keys.RSA: true, keys.EC: true, keys.HMAC: true, keys.Secret: true}

// ckaID is the CKA_ID of a key of the other service.
func ckaID(s *dsmwire.Sobject) []byte {
	if b, err := hex.DecodeString(s.CustomMetadata[idMetadata]); err == nil && len(b) > 0 {
		return b
	}
	return rawID(s.KID)
}

// rawID is the 16 bytes of a UUID.
func rawID(kid string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(kid, "-", ""))
	if err != nil {
		return []byte(kid)
	}
	return b
}

// kidOf is the UUID of 16 bytes; empty for others.
func kidOf(raw []byte) string {
	if len(raw) != 16 {
		return ""
	}
	h := hex.EncodeToString(raw)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// objects are the objects that a key of the other service is here: both halves
// of a pair, the one with the material first.
func objects(s *dsmwire.Sobject) []hsm.Object {
	o := hsm.Object{
		Class: hsm.SecretKey, ID: ckaID(s), Label: []byte(s.Name), UniqueID: []byte(s.KID), Ops: permitted(s.KeyOps), PublicKey: s.PubKey,
		Unreadable: unusable(s),
	}
	if s.KeySize != nil {
		o.Size = int(*s.KeySize)
	}
	typ, err := keys.ParseType(s.ObjType)
	switch {
	case err != nil: // none that is held
	case typ == keys.Certificate:
		o.Class = hsm.Certificate
	case typ == keys.Opaque:
		o.Class = hsm.Data
	case held[typ]:
		o.Type = typ
	}
	if kcv, err := hex.DecodeString(s.KCV); err == nil && len(kcv) > 0 {
		o.CheckValue = kcv
	}
	o.Extractable = o.Ops.Has(keys.OpExport)
	if !o.Type.Asymmetric() {
		return []hsm.Object{o}
	}
	o.CheckValue = nil
	if curve, err := keys.ParseCurve(s.EllipticCurve); err == nil && typ == keys.EC {
		o.Curve = curve
		o.Size = curve.Bits()
	}
	public, private := o, o
	public.Class, public.Extractable, public.Ops = hsm.PublicKey, false, o.Ops&keys.PublicOps
	if s.PublicOnly {
		return []hsm.Object{public}
	}
	private.Class, private.Ops = hsm.PrivateKey, o.Ops&^keys.PublicOps
	return []hsm.Object{private, public}
}

// unusable tells why a key of the other service is not used from here. A key
// that the other service has from a third one would be a way on from there, and
// round in a circle where the third one is this service.
func unusable(s *dsmwire.Sobject) string {
	if s.External != nil && s.External.ID.KID != "" {
		return "the other service has it from a third one"
	}
	return ""
}

// permitted reads key_ops; what nobody here knows is left out.
func permitted(names []string) keys.Ops {
	var ops keys.Ops
	for _, n := range names {
		if one, err := keys.ParseOps([]string{n}); err == nil {
			ops |= one
		}
	}
	return ops
}
