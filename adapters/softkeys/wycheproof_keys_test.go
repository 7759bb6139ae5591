package softkeys_test

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"math/big"
	"slices"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/backend"
)

// wrap authorises w and does it.
func (d *desk) wrap(t *testing.T, k keys.Key, w operations.Wrap, subject keys.Key, value []byte) (operations.Result, error) {
	t.Helper()
	a, err := authorise(k, w)
	if err != nil {
		return operations.Result{}, err
	}
	return d.b.Wrap(t.Context(), ordinary, a, backend.Subject{Key: subject, Material: secret.New(value)})
}

// unwrap authorises u and returns the key that it makes.
func (d *desk) unwrap(t *testing.T, k keys.Key, u operations.Unwrap, s keys.Spec) (keys.Key, error) {
	t.Helper()
	a, err := authorise(k, u)
	if err != nil {
		return keys.Key{}, err
	}
	o := d.order(s)
	m, err := d.b.Unwrap(t.Context(), o, a)
	return record(o, m), err
}

// derive authorises op and returns the value of the secret of n bytes that it makes.
func (d *desk) derive(t *testing.T, k keys.Key, op operations.Operation, n int) ([]byte, operations.Result, error) {
	t.Helper()
	a, err := authorise(k, op)
	if err != nil {
		return nil, operations.Result{}, err
	}
	o := d.order(keys.Spec{Type: keys.Secret, Size: 8 * n})
	m, res, err := d.b.Derive(t.Context(), o, a)
	if err != nil {
		return nil, res, err
	}
	return d.export(t, record(o, m)), res, nil
}

func TestWycheproofKeyWrapping(t *testing.T) {
	d := newDesk(t)
	for name, c := range map[string]struct {
		mode    operations.Mode
		atLeast int
	}{"aes_wrap": {operations.KW, 150}, "aes_kwp": {operations.KWP, 140}} {
		each(t, name, c.atLeast, func(t *testing.T, _ group, v vector) bool {
			t.Helper()
			k := d.take(t, keys.Spec{Type: keys.AES}, unhex(t, v.Key))
			got, err := d.unwrap(t, k, operations.Unwrap{Mode: c.mode, Wrapped: unhex(t, v.CT)}, keys.Spec{Type: keys.Secret})
			if errors.Is(err, fault.Unsupported) {
				return false
			}
			if v.Result == "invalid" {
				if err == nil {
					t.Errorf("%d (%s): unwraps", v.ID, v.Comment)
				}
				return true
			}
			if v.Result == "acceptable" || c.mode == operations.KWP && len(v.Msg)/2 < 16 {
				return false // shorter than any key that is wrapped here
			}
			if err != nil {
				t.Errorf("%d (%s): %v", v.ID, v.Comment, err)
				return true
			}
			if value := d.export(t, got); !bytes.Equal(value, unhex(t, v.Msg)) {
				t.Errorf("%d (%s): got %x", v.ID, v.Comment, value)
			}
			res, err := d.wrap(t, k, operations.Wrap{Mode: c.mode}, got, unhex(t, v.Msg))
			if err != nil || !bytes.Equal(res.Output, unhex(t, v.CT)) {
				t.Errorf("%d (%s): wrapped %x, error %v", v.ID, v.Comment, res.Output, err)
			}
			return true
		})
	}
}

func TestWycheproofHKDF(t *testing.T) {
	d := newDesk(t)
	for name, hash := range map[string]operations.Hash{
		"hkdf_sha1": operations.SHA1, "hkdf_sha256": operations.SHA256, "hkdf_sha384": operations.SHA384, "hkdf_sha512": operations.SHA512,
	} {
		each(t, name, 80, func(t *testing.T, _ group, v vector) bool {
			t.Helper()
			k := d.take(t, keys.Spec{Type: keys.Secret}, unhex(t, v.IKM))
			op := operations.Derive{By: operations.HKDF{Hash: hash, Salt: unhex(t, v.Salt), Info: unhex(t, v.Info)}}
			got, _, err := d.derive(t, k, op, v.Size)
			if (err == nil) != (v.Result == "valid") || !bytes.Equal(got, unhex(t, v.OKM)) {
				t.Errorf("%d (%s): got %x, error %v", v.ID, v.Comment, got, err)
			}
			return true
		})
	}
}

func TestWycheproofAgreement(t *testing.T) {
	d := newDesk(t)
	for name, c := range map[string]struct {
		oid     asn1.ObjectIdentifier // nil: the vectors have PKCS#8
		size    int                   // bytes
		every   int                   // the large curves are slow
		atLeast int
	}{
		"ecdh_secp224r1": {asn1.ObjectIdentifier{1, 3, 132, 0, 33}, 28, 2, 340},
		"ecdh_secp256r1": {asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}, 32, 1, 580},
		"ecdh_secp384r1": {asn1.ObjectIdentifier{1, 3, 132, 0, 34}, 48, 8, 120},
		"ecdh_secp521r1": {asn1.ObjectIdentifier{1, 3, 132, 0, 35}, 66, 16, 50},
		"ecdh_secp256k1": {asn1.ObjectIdentifier{1, 3, 132, 0, 10}, 32, 2, 360},
		"x25519_asn":     {nil, 32, 1, 500},
	} {
		each(t, name, c.atLeast, func(t *testing.T, _ group, v vector) bool {
			t.Helper()
			if v.ID%c.every != 0 {
				return false
			}
			private := unhex(t, v.Private)
			if c.oid != nil {
				private = sec1(t, c.oid, private, c.size)
			}
			k, err := d.try(t, keys.Spec{Type: keys.EC}, private)
			if err != nil {
				if v.Result == "valid" {
					t.Errorf("%d (%s): %v", v.ID, v.Comment, err)
				}
				return true
			}
			got, _, err := d.derive(t, k, operations.Agree{PeerPublicKey: unhex(t, v.Public)}, c.size)
			switch {
			case err != nil && fault.KindOf(err) != fault.Invalid:
				t.Errorf("%d (%s): got error %v", v.ID, v.Comment, err)
			case err != nil:
				if v.Result == "valid" && !slices.Contains(v.Flags, "CompressedPoint") {
					t.Errorf("%d (%s): got error %v", v.ID, v.Comment, err)
				}
			case v.Result == "invalid" || !bytes.Equal(got, unhex(t, v.Shared)):
				t.Errorf("%d (%s): agreed on %x", v.ID, v.Comment, got)
			}
			return true
		})
	}
}

// sec1 returns the private key of a number as RFC 5915 has it.
func sec1(t *testing.T, curve asn1.ObjectIdentifier, number []byte, size int) []byte {
	t.Helper()
	der, err := asn1.Marshal(struct {
		Version int
		Key     []byte
		Curve   asn1.ObjectIdentifier `asn1:"explicit,tag:0"`
	}{1, new(big.Int).SetBytes(number).FillBytes(make([]byte, size)), curve})
	if err != nil {
		t.Fatalf("encoding a private key: %v", err)
	}
	return der
}

func TestWycheproofMLKEM(t *testing.T) {
	d := newDesk(t)
	for _, name := range []string{"mlkem_768", "mlkem_1024"} {
		each(t, name, 140, func(t *testing.T, g group, v vector) bool {
			t.Helper()
			k, err := d.try(t, keys.Spec{Type: keys.MLKEM}, mlkemSeed(t, g.ParameterSet, unhex(t, v.Seed)))
			if err != nil {
				if v.Result == "valid" {
					t.Errorf("%d (%s): %v", v.ID, v.Comment, err)
				}
				return true
			}
			got, _, err := d.derive(t, k, operations.Decapsulate{Cipher: unhex(t, v.C)}, 32)
			if v.Result == "valid" && (err != nil || !bytes.Equal(got, unhex(t, v.K))) {
				t.Errorf("%d (%s): got %x, error %v", v.ID, v.Comment, got, err)
			}
			if v.Result == "invalid" && err == nil {
				t.Errorf("%d (%s): decapsulates", v.ID, v.Comment)
			}
			return true
		})
	}
}

// mlkemSeed returns the private key of a seed as RFC 9935 has it.
func mlkemSeed(t *testing.T, set string, seed []byte) []byte {
	t.Helper()
	last := map[string]int{"ML-KEM-512": 1, "ML-KEM-768": 2, "ML-KEM-1024": 3}[set]
	inner, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, Bytes: seed})
	if err != nil {
		t.Fatalf("encoding a seed: %v", err)
	}
	return pkcs8Of(t, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, last}, inner)
}

func pkcs8Of(t *testing.T, oid asn1.ObjectIdentifier, inner []byte) []byte {
	t.Helper()
	der, err := asn1.Marshal(struct {
		Version   int
		Algorithm struct{ OID asn1.ObjectIdentifier }
		Key       []byte
	}{0, struct{ OID asn1.ObjectIdentifier }{oid}, inner})
	if err != nil {
		t.Fatalf("encoding a private key: %v", err)
	}
	return der
}

func (d *desk) try(t *testing.T, s keys.Spec, material []byte) (keys.Key, error) {
	t.Helper()
	o := d.order(s)
	m, err := d.b.Import(t.Context(), o, secret.New(bytes.Clone(material)))
	return record(o, m), err
}
