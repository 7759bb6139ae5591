package pkcs11

import (
	"encoding/hex"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
)

// padKind is what a token's mechanism 0x210A turns out to be.
type padKind string

// The kinds that have been seen.
const (
	padRFC5649 padKind = "RFC 5649 (KWP)"
	padZeros   padKind = "RFC 5649 (KWP) of the key with zeros behind it up to 8 bytes: right for keys of whole 8 bytes only"
	padPKCS7   padKind = "PKCS #7 padding under RFC 3394, not RFC 5649"
	padOther   padKind = "neither RFC 5649 nor RFC 3394"
)

// The vector of RFC 5649, 6, and what else is made of it. Anybody may know it.
const (
	vectorKey   = "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8"
	vectorValue = "c37b7e6492584340bed12207808941155068f738"
)

var padKinds = map[string]padKind{
	"138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a": padRFC5649,
	"cf1e485360e1a8126f524d01771677f9400edb4d074f14116988d71e1588e367": padZeros,
	"44bfbc91df7939f52728eb0c6287a43cb268367ead991a471290544c21f20477": padPKCS7,
}

// padding is how the token does KWP; without a mechanism it does not.
type padding struct {
	mechanism uint
	whole     bool // right for keys of whole 8 bytes only
}

// findPadding returns how the token does KWP. 0x210B is nothing else. What 0x210A
// is depends on the token: it is tried, in a session of its own, and not used
// where that cannot be.
func (t *Token) findPadding(list []uint) padding {
	listed := false
	for _, number := range list {
		switch number {
		case ckmAESKeyWrapKWP:
			return padding{mechanism: number}
		case pkcs11.CKM_AES_KEY_WRAP_PAD:
			listed = true
		}
	}
	if !listed {
		return padding{}
	}
	kind := padOther
	_, err := t.tryAlone(func(s cryptoki.Session) (bool, error) {
		var err error
		kind, err = t.padKind(s)
		return true, err
	})
	if err != nil || kind != padRFC5649 && kind != padZeros {
		return padding{}
	}
	return padding{mechanism: pkcs11.CKM_AES_KEY_WRAP_PAD, whole: kind == padZeros}
}

// padKind finds out what mechanism 0x210A is, with two throw-away keys of session s.
func (t *Token) padKind(s cryptoki.Session) (padKind, error) {
	key := testAttributes(pkcs11.CKK_AES)
	key.put(pkcs11.CKA_WRAP, boolean(true))
	key.put(pkcs11.CKA_VALUE, unhex(vectorKey))
	k, err := t.m.lib.Create(s, key)
	if err != nil {
		return padOther, err
	}
	value := testAttributes(pkcs11.CKK_GENERIC_SECRET)
	value.put(pkcs11.CKA_EXTRACTABLE, boolean(true))
	value.put(pkcs11.CKA_SENSITIVE, boolean(false))
	value.put(pkcs11.CKA_VALUE, unhex(vectorValue))
	o, err := t.m.lib.Create(s, value)
	if err != nil {
		return padOther, err
	}
	out, err := t.m.lib.Wrap(s, k, o, &cryptoki.Mechanism{Type: pkcs11.CKM_AES_KEY_WRAP_PAD}, make([]byte, 64))
	if err != nil {
		return padOther, err
	}
	if kind, ok := padKinds[hex.EncodeToString(out)]; ok {
		return kind, nil
	}
	return padOther, nil
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}
