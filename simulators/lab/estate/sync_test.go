package estate_test

import (
	"path/filepath"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"gatehouse/adapters/pkcs11"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/keysync"
	"gatehouse/core/secret"
	"gatehouse/simulators/lab/estate"
	"gatehouse/simulators/softtoken"
)

// checkSync fails unless a key sync of the token counts as the manifest does.
func checkSync(t *testing.T, token softtoken.Token, m estate.Manifest) {
	t.Helper()
	copied, err := token.CopyLib(filepath.Join(t.TempDir(), "library.so"))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", "")
	if err := copied.Setenv(); err != nil {
		t.Fatal(err)
	}
	module, err := pkcs11.Load(copied.Lib, pkcs11.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = module.Close() })
	slot, err := module.Open(t.Context(), token.Slot, secret.FromString(token.PIN))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slot.Close() })
	var inventory []hsm.Object
	if err := slot.Inventory(t.Context(), hsm.Filter{}, func(o hsm.Object) error {
		inventory = append(inventory, o)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	plan := keysync.Make(inventory, nil, groups.Policy{})
	got, curves, want, wantCurves := map[keys.Type]int{}, map[keys.Curve]int{}, m.Count(), map[keys.Curve]int{}
	ambiguous := 0
	for _, f := range plan.New {
		got[f.Type]++
		curves[f.Curve]++
		if f.Pointer.Ambiguous {
			ambiguous++
		}
	}
	for _, k := range m.Keys {
		wantCurves[k.Curve]++
	}
	if diff := gocmp.Diff(got, want); diff != "" {
		t.Errorf("keys by type (-sync +manifest):\n%s", diff)
	}
	if diff := gocmp.Diff(curves, wantCurves); diff != "" {
		t.Errorf("keys by curve (-sync +manifest):\n%s", diff)
	}
	// The private key alone, two certificates, a data object, a key of an unknown type.
	if got := len(plan.Warnings); got != 5 || ambiguous != 0 {
		t.Errorf("warnings and ambiguous keys: got %d and %d, want 5 and 0: %+v", got, ambiguous, plan.Warnings)
	}
}
