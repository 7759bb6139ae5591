package softkeys_test

import (
	"bytes"
	"crypto/mlkem"
	"encoding/asn1"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

var oidMLKEM768 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, 2}

// TestMLKEMForms: the three forms of a private key of RFC 9935.
func TestMLKEMForms(t *testing.T) {
	d := newDesk(t)
	pair, err := mlkem.GenerateKey768()
	if err != nil {
		t.Fatal(err)
	}
	seed, public := pair.Bytes(), pair.EncapsulationKey().Bytes()
	// FIPS 203, algorithm 16, with a rest that the seed would tell.
	expanded := append(append(make([]byte, 1152), public...), append(make([]byte, 32), seed[32:]...)...)
	encode := func(v any) []byte {
		t.Helper()
		inner, err := asn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return pkcs8Of(t, oidMLKEM768, inner)
	}
	type both struct{ Seed, Expanded []byte }
	other := bytes.Clone(expanded)
	other[1200] ^= 1
	for name, c := range map[string]struct {
		value []byte
		want  fault.Kind
	}{
		"the seed":                    {mlkemSeed(t, "ML-KEM-768", seed), ""},
		"both":                        {encode(both{seed, expanded}), ""},
		"both, of two keys":           {encode(both{seed, other}), fault.Invalid},
		"both, too short":             {encode(both{seed, expanded[1100:]}), fault.Invalid},
		"the expanded key":            {encode(expanded), fault.Unsupported},
		"a seed too short":            {mlkemSeed(t, "ML-KEM-768", seed[1:]), fault.Invalid},
		"parameters that are no more": {mlkemSeed(t, "ML-KEM-512", seed), fault.Unsupported},
		"a number":                    {encode(7), fault.Invalid},
		"nothing":                     {pkcs8Of(t, oidMLKEM768, nil), fault.Invalid},
	} {
		k, err := d.try(t, keys.Spec{Type: keys.MLKEM}, c.value)
		if c.want != "" {
			if err == nil || fault.KindOf(err) != c.want {
				t.Errorf("%s: got error %v, want kind %q", name, err, c.want)
			}
			continue
		}
		if err != nil || k.ParamSet != keys.MLKEM768 || !bytes.HasSuffix(k.PublicKey, public) {
			t.Errorf("%s: got a key with the parameters %q, error %v", name, k.ParamSet, err)
			continue
		}
		if !bytes.Equal(d.export(t, k), mlkemSeed(t, "ML-KEM-768", seed)) {
			t.Errorf("%s: is exported in another form than the seed", name)
		}
		shared, sealed := pair.EncapsulationKey().Encapsulate()
		got, _, err := d.derive(t, k, operations.Decapsulate{Cipher: sealed}, 32)
		if err != nil || !bytes.Equal(got, shared) {
			t.Errorf("%s: got %x, error %v; want %x", name, got, err, shared)
		}
	}
}
