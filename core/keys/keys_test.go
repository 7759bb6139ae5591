package keys_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
)

func TestOps(t *testing.T) {
	t.Parallel()
	t.Run("names read back as the same set", rapid.MakeCheck(func(t *rapid.T) {
		want := keys.Ops(rapid.Uint32Range(0, 1<<16-1).Draw(t, "ops"))
		got, err := keys.ParseOps(want.Names())
		if err != nil || got != want {
			t.Errorf("got %v and error %v, want %v", got.Names(), err, want.Names())
		}
	}))
	t.Run("an unknown name is refused", func(t *testing.T) {
		t.Parallel()
		if _, err := keys.ParseOps([]string{"SIGN", "sign"}); !errors.Is(err, fault.Invalid) {
			t.Errorf("got %v, want an invalid request", err)
		}
	})
	t.Run("export is never a default and always possible", func(t *testing.T) {
		t.Parallel()
		for _, typ := range keys.Types() {
			for _, c := range append(keys.Curves(), "") {
				if def := keys.DefaultOps(typ, c); def.Has(keys.OpExport) {
					t.Errorf("%s %s: got defaults %v, want none with EXPORT", typ, c, def.Names())
				}
				if !keys.PossibleOps(typ, c).Has(keys.OpExport) {
					t.Errorf("%s %s: got EXPORT impossible, want it possible", typ, c)
				}
			}
		}
	})
}

func TestStates(t *testing.T) {
	t.Parallel()
	t.Run("destroyed keys permit nothing at any time", rapid.MakeCheck(func(t *rapid.T) {
		k := keys.Key{Type: keys.AES, Ops: 1<<16 - 1, Enabled: true, State: rapid.SampledFrom([]keys.State{keys.Destroyed, keys.Deleted, ""}).Draw(t, "state")}
		k.ActivationDate = time.Unix(rapid.Int64Range(0, 1000).Draw(t, "activation"), 0)
		op := keys.Ops(1) << rapid.IntRange(0, 15).Draw(t, "op")
		if err := k.Permits(op, time.Unix(500, 0)); err == nil {
			t.Error("got an operation permitted, want it refused")
		}
	}))
}

func TestPermits(t *testing.T) {
	t.Parallel()
	day := func(d int) time.Time { return time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC) }
	key := func(change func(*keys.Key)) keys.Key {
		k := keys.Key{
			Type: keys.AES, Ops: keys.OpEncrypt | keys.OpDecrypt, Enabled: true, State: keys.Active,
			Virtual: &keys.Pointer{},
		}
		change(&k)
		return k
	}
	for name, tc := range map[string]struct {
		key  keys.Key
		op   keys.Ops
		want error
	}{
		"active, permitted":                {key(func(*keys.Key) {}), keys.OpEncrypt, nil},
		"not among its key_ops":            {key(func(*keys.Key) {}), keys.OpSign, fault.Denied},
		"disabled":                         {key(func(k *keys.Key) { k.Enabled = false }), keys.OpDecrypt, fault.BadState},
		"deactivated protects no more":     {key(func(k *keys.Key) { k.State = keys.Deactivated }), keys.OpEncrypt, fault.BadState},
		"deactivated still processes":      {key(func(k *keys.Key) { k.State = keys.Deactivated }), keys.OpDecrypt, nil},
		"compromised still processes":      {key(func(k *keys.Key) { k.State = keys.Compromised }), keys.OpDecrypt, nil},
		"deactivation date has come":       {key(func(k *keys.Key) { k.DeactivationDate = day(10) }), keys.OpEncrypt, fault.BadState},
		"deactivation date is to come":     {key(func(k *keys.Key) { k.DeactivationDate = day(11) }), keys.OpEncrypt, nil},
		"before activation":                {key(func(k *keys.Key) { k.State, k.ActivationDate = keys.PreActive, day(11) }), keys.OpDecrypt, fault.BadState},
		"activation date has come":         {key(func(k *keys.Key) { k.State, k.ActivationDate = keys.PreActive, day(10) }), keys.OpEncrypt, nil},
		"missing from the HSM":             {key(func(k *keys.Key) { k.Virtual.MissingSince = day(1) }), keys.OpDecrypt, fault.BadState},
		"pre-active without any date":      {key(func(k *keys.Key) { k.State = keys.PreActive }), keys.OpEncrypt, fault.BadState},
		"destroyed although it has a date": {key(func(k *keys.Key) { k.State, k.ActivationDate = keys.Destroyed, day(1) }), keys.OpDecrypt, fault.BadState},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := tc.key.Permits(tc.op, day(10)); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestSpec(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spec keys.Spec
		want error
	}{
		"aes 256":                  {keys.Spec{Name: "a", Type: keys.AES, Size: 256}, nil},
		"aes of an odd size":       {keys.Spec{Name: "a", Type: keys.AES, Size: 255}, fault.Invalid},
		"aes that signs":           {keys.Spec{Name: "a", Type: keys.AES, Size: 256, Ops: keys.OpSign}, fault.Invalid},
		"new rsa of 1024 bits":     {keys.Spec{Name: "a", Type: keys.RSA, Size: 1024}, fault.Invalid},
		"rsa with exponent 3":      {keys.Spec{Name: "a", Type: keys.RSA, Size: 2048, RSA: keys.RSAOptions{PublicExponent: 3}}, fault.Invalid},
		"ec without curve":         {keys.Spec{Name: "a", Type: keys.EC}, fault.Invalid},
		"ec with the wrong size":   {keys.Spec{Name: "a", Type: keys.EC, Curve: keys.P256, Size: 384}, fault.Invalid},
		"ec with its own size":     {keys.Spec{Name: "a", Type: keys.EC, Curve: keys.P256, Size: 256}, nil},
		"curve for another type":   {keys.Spec{Name: "a", Type: keys.AES, Size: 256, Curve: keys.P256}, fault.Invalid},
		"no name":                  {keys.Spec{Name: " ", Type: keys.AES, Size: 256}, fault.Invalid},
		"a name of two lines":      {keys.Spec{Name: "a\nb", Type: keys.AES, Size: 256}, fault.Invalid},
		"a secret is not made":     {keys.Spec{Name: "a", Type: keys.Secret, Size: 256}, fault.Invalid},
		"no type":                  {keys.Spec{Name: "a"}, fault.Invalid},
		"hmac too short":           {keys.Spec{Name: "a", Type: keys.HMAC, Size: 80}, fault.Invalid},
		"ends before it has begun": {keys.Spec{Name: "a", Type: keys.AES, Size: 256, ActivationDate: time.Unix(9, 0), Deactivation: time.Unix(8, 0)}, fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tc.spec.CheckGenerate()
			if !errors.Is(err, tc.want) {
				t.Fatalf("got %v, want %v", err, tc.want)
			}
			if err == nil && got.Ops == 0 {
				t.Error("got no operations, want the defaults of the type")
			}
		})
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	if _, err := keys.ParseType("SEED"); !errors.Is(err, fault.Unsupported) {
		t.Errorf("got %v for a type that only the API knows, want unsupported", err)
	}
	if _, err := keys.ParseType("aes"); !errors.Is(err, fault.Invalid) {
		t.Errorf("got %v for an unknown type, want invalid", err)
	}
	if _, err := keys.ParseCurve("Ed448"); !errors.Is(err, fault.Unsupported) {
		t.Errorf("got %v for a curve that only the API knows, want unsupported", err)
	}
	for _, c := range keys.Curves() {
		if got, err := keys.ParseCurve(string(c)); err != nil || got != c || c.Bits() == 0 {
			t.Errorf("got %q of %d bits and error %v, want %q of some bits", got, c.Bits(), err, c)
		}
	}
}

func TestClone(t *testing.T) {
	t.Parallel()
	k := keys.Key{
		PublicKey: []byte{1}, Material: []byte{2}, Metadata: map[string]string{"a": "b"},
		Links: keys.Links{CopiedTo: nil}, RevocationReason: &keys.RevocationReason{Code: "x"},
		Virtual: &keys.Pointer{ID: []byte{1}, Label: []byte{2}, Fingerprint: []byte{3}},
	}
	want, c := k.Clone(), k.Clone()
	c.PublicKey[0], c.Material[0], c.Metadata["a"], c.RevocationReason.Code = 9, 9, "9", "9"
	c.Virtual.ID[0], c.Virtual.Label[0], c.Virtual.Fingerprint[0] = 9, 9, 9
	if diff := cmp.Diff(want, k); diff != "" {
		t.Errorf("the original changed with its clone (-want +got):\n%s", diff)
	}
	if !slices.Equal(c.Virtual.ID, []byte{9}) {
		t.Error("got a clone that cannot be changed, want one that can")
	}
}
