package keys_test

import (
	"errors"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
)

func TestDES3DefaultsAreLegacy(t *testing.T) {
	t.Parallel()
	got := keys.DefaultOps(keys.DES3, "")
	if want := keys.OpDecrypt | keys.OpUnwrap | keys.OpMACVerify | keys.OpAppManageable; got != want {
		t.Errorf("got %v, want %v", got.Names(), want.Names())
	}
}

func TestParamSets(t *testing.T) {
	t.Parallel()
	for _, typ := range keys.Types() {
		for _, p := range keys.ParamSets(typ) {
			if got, err := keys.ParseParamSet(typ, string(p)); err != nil || got != p {
				t.Errorf("%s: got %q and error %v, want %q", typ, got, err, p)
			}
			spec := keys.Spec{Name: "key", Type: typ, ParamSet: p}
			if _, err := spec.CheckGenerate(); err != nil {
				t.Errorf("%s: got %v, want it possible", p, err)
			}
			spec.ParamSet = ""
			if _, err := spec.CheckImport(64); err != nil {
				t.Errorf("import of a %s key: got %v, want it possible without a param_set", typ, err)
			}
			if _, err := spec.CheckGenerate(); !errors.Is(err, fault.Invalid) {
				t.Errorf("%s without a param_set: got %v, want an invalid request", typ, err)
			}
			spec.ParamSet, spec.Size = p, 768
			if _, err := spec.CheckGenerate(); !errors.Is(err, fault.Invalid) {
				t.Errorf("%s with a key_size: got %v, want an invalid request", p, err)
			}
		}
	}
	if _, err := keys.ParseParamSet(keys.MLKEM, "MlKem512"); !errors.Is(err, fault.Unsupported) {
		t.Errorf("got %v, want what only the API knows unsupported", err)
	}
	for _, wrong := range []string{"", "MlDsa44", "MlKem2048"} {
		if _, err := keys.ParseParamSet(keys.MLKEM, wrong); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: got %v, want an invalid request", wrong, err)
		}
	}
	if _, err := (keys.Spec{Name: "key", Type: keys.AES, Size: 128, ParamSet: keys.MLKEM768}).CheckGenerate(); !errors.Is(err, fault.Invalid) {
		t.Errorf("an AES key with a param_set: got %v, want an invalid request", err)
	}
}
