package tokentest

import (
	"testing"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

// Foreign works on the token as another application would: through a session
// or a process of its own, past the Token under test.
type Foreign struct {
	// Create makes objects exactly as described, one by one.
	Create func(t *testing.T, objects ...ForeignObject)
	// Cannot gives the reason for each class that the token does not hold at all.
	Cannot map[hsm.Class]string
	// OnePerID gives the reason why the token holds one key of a class under one
	// CKA_ID, so that the next one replaces it; empty where it holds several.
	OnePerID string
	// OnlyWhole gives the reason why the token holds no key without an id and a
	// label of its own, and no half of a pair but a public key that stands alone;
	// empty where it does.
	OnlyWhole string
	// Remove destroys all objects of a class with this CKA_ID.
	Remove func(t *testing.T, class hsm.Class, id []byte)
}

// ForeignObject describes an object that another application makes.
type ForeignObject struct {
	Class hsm.Class  // any but OtherClass
	Type  keys.Type  // keys only: AES, HMAC (CKK_GENERIC_SECRET), RSA, EC
	Curve keys.Curve // EC: P256
	ID    []byte     // may be empty
	Label []byte     // may be empty
	Ops   keys.Ops   // keys only; every other attribute of use is false

	// Value is the raw key for secret keys, PKCS#8 DER for private keys (of
	// which only the private object is made), SubjectPublicKeyInfo DER for public
	// ones, X.509 DER for certificates, CKA_VALUE for data.
	Value []byte
}
