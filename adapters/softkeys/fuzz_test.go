package softkeys_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"testing"

	"gatehouse/adapters/softkeys"
	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

// FuzzImport: whatever is imported is refused as the caller's mistake, or has a
// normal form that reads back as itself.
func FuzzImport(f *testing.F) {
	types := keys.Types()
	for kind, der := range seeds(f) {
		f.Add(uint8(kind%len(types)), der)
	}
	f.Fuzz(func(t *testing.T, kind uint8, value []byte) {
		spec := keys.Spec{Type: types[int(kind)%len(types)]}
		first, form, whole, err := softkeys.Normalise(spec, secret.New(bytes.Clone(value)))
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.Unsupported {
				t.Fatalf("got error %v of kind %q", err, k)
			}
			return
		}
		raw := bytes.Clone(form.Reveal(reveal.Permit{}))
		again, second, wholeAgain, err := softkeys.Normalise(first, form)
		if err != nil || wholeAgain != whole || again.Size != first.Size || again.Curve != first.Curve {
			t.Fatalf("the normal form reads as %+v, error %v; want %+v", again, err, first)
		}
		if !bytes.Equal(second.Reveal(reveal.Permit{}), raw) {
			t.Fatal("the normal form of the normal form is another one")
		}
	})
}

// seeds returns material by the number of its type.
func seeds(f *testing.F) map[int][]byte {
	f.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		f.Fatal(err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	n := len(keys.Types())
	const aes, des3, rsaKey, ec = 0, 1, 2, 3
	s := map[int][]byte{
		aes: make([]byte, 16), des3: []byte("0123456789abcdefghijklmn"),
		rsaKey: x509.MarshalPKCS1PrivateKey(r), ec: must(f, func() ([]byte, error) { return x509.MarshalECPrivateKey(e) }),
		rsaKey + n:   must(f, func() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(r) }),
		rsaKey + 2*n: must(f, func() ([]byte, error) { return x509.MarshalPKIXPublicKey(&r.PublicKey) }),
		ec + n:       must(f, func() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(ed) }),
		ec + 2*n:     must(f, func() ([]byte, error) { return x509.MarshalPKIXPublicKey(&e.PublicKey) }),
		4:            []byte("a key for HMAC"),
		slices.Index(keys.Types(), keys.Certificate): {0x30, 0},
		ec + 3*n: must(f, func() ([]byte, error) { return hex.DecodeString(secp256k1) }),
	}
	for _, kind := range []keys.Spec{
		{Type: keys.MLDSA, ParamSet: keys.MLDSA44}, {Type: keys.MLKEM, ParamSet: keys.MLKEM768}, {Type: keys.EC, Curve: keys.Secp256k1},
	} {
		d, i := newDesk(f), slices.Index(keys.Types(), kind.Type)
		k := d.generate(f, kind)
		s[i+4*n], s[i+5*n] = d.export(f, k), k.PublicKey
	}
	return s
}

func must(f *testing.F, make func() ([]byte, error)) []byte {
	f.Helper()
	b, err := make()
	if err != nil {
		f.Fatal(err)
	}
	return b
}
