package pkcs11_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/asn1"
	"testing"

	"github.com/miekg/pkcs11"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/ports/token/tokentest"
	"gatehouse/simulators/softtoken"
)

var classNumbers = map[hsm.Class]uint{
	hsm.SecretKey: pkcs11.CKO_SECRET_KEY, hsm.PrivateKey: pkcs11.CKO_PRIVATE_KEY, hsm.PublicKey: pkcs11.CKO_PUBLIC_KEY,
	hsm.Certificate: pkcs11.CKO_CERTIFICATE, hsm.Data: pkcs11.CKO_DATA,
}

// foreign works on a token through a session of its own, with the bare binding.
// The library must be initialised and logged in to by the test.
func foreign(t *testing.T, st softtoken.Token) *tokentest.Foreign {
	t.Helper()
	return &tokentest.Foreign{
		Create: func(t *testing.T, objects ...tokentest.ForeignObject) {
			t.Helper()
			inSession(t, st, func(c *pkcs11.Ctx, s pkcs11.SessionHandle) {
				for _, o := range objects {
					if _, err := c.CreateObject(s, foreignTemplate(t, o)); err != nil {
						t.Fatalf("creating a %s %s: %v", o.Type, o.Class, err)
					}
				}
			})
		},
		Remove: func(t *testing.T, class hsm.Class, id []byte) {
			t.Helper()
			inSession(t, st, func(c *pkcs11.Ctx, s pkcs11.SessionHandle) {
				template := []*pkcs11.Attribute{
					pkcs11.NewAttribute(pkcs11.CKA_CLASS, classNumbers[class]), pkcs11.NewAttribute(pkcs11.CKA_ID, id),
				}
				if err := c.FindObjectsInit(s, template); err != nil {
					t.Fatal(err)
				}
				found, _, err := c.FindObjects(s, 100)
				if err != nil || len(found) == 0 {
					t.Fatalf("finding what to remove: %d objects, %v", len(found), err)
				}
				if err := c.FindObjectsFinal(s); err != nil {
					t.Fatal(err)
				}
				for _, o := range found {
					if err := c.DestroyObject(s, o); err != nil {
						t.Fatal(err)
					}
				}
			})
		},
	}
}

func inSession(tb testing.TB, st softtoken.Token, f func(c *pkcs11.Ctx, s pkcs11.SessionHandle)) {
	tb.Helper()
	c := pkcs11.New(st.Lib)
	if c == nil {
		tb.Fatalf("loading %s", st.Lib)
	}
	s, err := c.OpenSession(st.Slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() {
		if err := c.CloseSession(s); err != nil {
			tb.Error(err)
		}
	}()
	f(c, s)
}

func foreignTemplate(t *testing.T, o tokentest.ForeignObject) []*pkcs11.Attribute {
	t.Helper()
	as := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, classNumbers[o.Class]),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, o.Class == hsm.SecretKey || o.Class == hsm.PrivateKey),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, o.Label),
	}
	put := func(typ uint, v any) { as = append(as, pkcs11.NewAttribute(typ, v)) }
	if o.Class != hsm.Data {
		put(pkcs11.CKA_ID, o.ID)
	}
	uses := func(by map[uint]keys.Ops) {
		for attr, op := range by {
			put(attr, o.Ops.Has(op))
		}
	}
	switch o.Class {
	case hsm.SecretKey:
		put(pkcs11.CKA_KEY_TYPE, map[keys.Type]uint{keys.AES: pkcs11.CKK_AES, keys.HMAC: pkcs11.CKK_GENERIC_SECRET}[o.Type])
		put(pkcs11.CKA_VALUE, o.Value)
		uses(map[uint]keys.Ops{
			pkcs11.CKA_ENCRYPT: keys.OpEncrypt, pkcs11.CKA_DECRYPT: keys.OpDecrypt, pkcs11.CKA_SIGN: keys.OpMAC,
			pkcs11.CKA_VERIFY: keys.OpMACVerify, pkcs11.CKA_WRAP: keys.OpWrap, pkcs11.CKA_UNWRAP: keys.OpUnwrap,
		})
	case hsm.PrivateKey:
		key, err := x509.ParsePKCS8PrivateKey(o.Value)
		if err != nil {
			t.Fatal(err)
		}
		k, ok := key.(*ecdsa.PrivateKey)
		if !ok {
			t.Fatalf("cannot make a foreign %T", key)
		}
		put(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC)
		put(pkcs11.CKA_EC_PARAMS, p256Params(t))
		value, err := k.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		put(pkcs11.CKA_VALUE, value)
		uses(map[uint]keys.Ops{pkcs11.CKA_SIGN: keys.OpSign, pkcs11.CKA_DECRYPT: keys.OpDecrypt, pkcs11.CKA_UNWRAP: keys.OpUnwrap})
	case hsm.PublicKey:
		key, err := x509.ParsePKIXPublicKey(o.Value)
		if err != nil {
			t.Fatal(err)
		}
		point, err := key.(*ecdsa.PublicKey).Bytes()
		if err != nil {
			t.Fatal(err)
		}
		octets, err := asn1.Marshal(point)
		if err != nil {
			t.Fatal(err)
		}
		put(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC)
		put(pkcs11.CKA_EC_PARAMS, p256Params(t))
		put(pkcs11.CKA_EC_POINT, octets)
		uses(map[uint]keys.Ops{pkcs11.CKA_VERIFY: keys.OpVerify, pkcs11.CKA_ENCRYPT: keys.OpEncrypt, pkcs11.CKA_WRAP: keys.OpWrap})
	case hsm.Certificate:
		cert, err := x509.ParseCertificate(o.Value)
		if err != nil {
			t.Fatal(err)
		}
		serial, err := asn1.Marshal(cert.SerialNumber)
		if err != nil {
			t.Fatal(err)
		}
		put(pkcs11.CKA_CERTIFICATE_TYPE, pkcs11.CKC_X_509)
		put(pkcs11.CKA_SUBJECT, cert.RawSubject)
		put(pkcs11.CKA_ISSUER, cert.RawIssuer)
		put(pkcs11.CKA_SERIAL_NUMBER, serial)
		put(pkcs11.CKA_VALUE, o.Value)
	case hsm.Data:
		put(pkcs11.CKA_APPLICATION, "suite")
		put(pkcs11.CKA_VALUE, o.Value)
	case hsm.OtherClass:
		t.Fatal("cannot make an object of another class")
	}
	return as
}

func p256Params(t *testing.T) []byte {
	t.Helper()
	b, err := asn1.Marshal(asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7})
	if err != nil {
		t.Fatal(err)
	}
	return b
}
