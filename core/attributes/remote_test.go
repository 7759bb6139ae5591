package attributes_test

import (
	"testing"

	"gatehouse/core/attributes"
	"gatehouse/core/keys"
)

// A key of another service is known by its id there, which nobody can change.
func TestAKeyOfAnotherServiceShowsItsID(t *testing.T) {
	t.Parallel()
	const kid = "11111111-2222-4333-8444-555555555555"
	remote := keys.Key{Type: keys.AES, Size: 256, Virtual: &keys.Pointer{ID: []byte{1}, Label: []byte("k"), Fingerprint: []byte(kid)}}
	if got := attributes.PKCS11(remote)["CKA_UNIQUE_ID"]; got != kid {
		t.Errorf("got %q, want %q", got, kid)
	}
	inToken := keys.Key{Type: keys.AES, Size: 256, Virtual: &keys.Pointer{ID: []byte{1}, Label: []byte("k"), Fingerprint: []byte{1, 2, 3}}}
	if got, has := attributes.PKCS11(inToken)["CKA_UNIQUE_ID"]; has {
		t.Errorf("got %q of a key in a token, want none", got)
	}
}
