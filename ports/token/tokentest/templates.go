package tokentest

import (
	"encoding/hex"
	"fmt"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

// What keys are made to do. Operations that only the service knows
// (APPMANAGEABLE) are left out: no token keeps them.
const (
	aesOps  = keys.OpEncrypt | keys.OpDecrypt | keys.OpMAC | keys.OpMACVerify
	hmacOps = keys.OpMAC | keys.OpMACVerify
	rsaOps  = keys.OpSign | keys.OpVerify | keys.OpEncrypt | keys.OpDecrypt
	ecOps   = keys.OpSign | keys.OpVerify

	// checkedOps are the operations whose attributes the suite compares.
	checkedOps = aesOps | rsaOps | keys.OpWrap | keys.OpUnwrap | keys.OpDerive | keys.OpAgree | keys.OpExport
)

func label(id []byte) []byte { return []byte("suite " + hex.EncodeToString(id)) }

// caseOf names a kind of key: "AES 256", "RSA 2048", "EC NistP256".
func caseOf(t hsm.Template) string {
	if t.Type == keys.EC {
		return fmt.Sprintf("%s %s", t.Type, t.Curve)
	}
	return fmt.Sprintf("%s %d", t.Type, t.Size)
}

// kinds returns a template of every kind of key that the suite makes, without
// id and label.
func kinds() []hsm.Template {
	return []hsm.Template{
		{Type: keys.AES, Size: 128, Ops: aesOps},
		{Type: keys.AES, Size: 192, Ops: aesOps},
		{Type: keys.AES, Size: 256, Ops: aesOps},
		{Type: keys.DES3, Size: 168, Ops: aesOps},
		{Type: keys.HMAC, Size: 256, Ops: hmacOps},
		{Type: keys.HMAC, Size: 512, Ops: hmacOps},
		{Type: keys.RSA, Size: 2048, Ops: rsaOps, RSA: keys.RSAOptions{PublicExponent: 65537}},
		{Type: keys.EC, Curve: keys.P224, Size: 224, Ops: ecOps},
		{Type: keys.EC, Curve: keys.P256, Size: 256, Ops: ecOps},
		{Type: keys.EC, Curve: keys.P384, Size: 384, Ops: ecOps},
		{Type: keys.EC, Curve: keys.P521, Size: 521, Ops: ecOps},
		{Type: keys.EC, Curve: keys.Secp256k1, Size: 256, Ops: ecOps},
		{Type: keys.EC, Curve: keys.Ed25519, Size: 255, Ops: ecOps},
	}
}

// kind returns the template of the case with a new id.
func (s *suite) kind(name string) hsm.Template {
	for _, t := range kinds() {
		if caseOf(t) == name {
			t.ID = s.newID()
			t.Label = label(t.ID)
			return t
		}
	}
	panic("no such kind of key: " + name)
}

// classOf is the class of the half that holds the material.
func classOf(t keys.Type) hsm.Class {
	if t.Asymmetric() {
		return hsm.PrivateKey
	}
	return hsm.SecretKey
}

// opsOf is what the object of a class shows of the operations that a template names.
func opsOf(class hsm.Class, t hsm.Template) keys.Ops {
	ops := t.Ops &^ keys.OpExport
	if class == hsm.PublicKey {
		return ops & keys.PublicOps
	}
	if class == hsm.PrivateKey {
		ops &^= keys.PublicOps
	}
	if t.Extractable {
		ops |= keys.OpExport
	}
	return ops
}
