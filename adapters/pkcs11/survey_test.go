package pkcs11_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/adapters/pkcs11"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
)

// TestSurvey compares what the libraries of two vendors tell with what they are
// known to be.
func TestSurvey(t *testing.T) {
	st := softHSM(t)
	m := load(t, st, pkcs11.Options{})
	s, err := m.Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(hsm.Library{Description: "Implementation of PKCS11", Manufacturer: "SoftHSM", Version: "2.6", Cryptoki: "2.40"}, s.Library); diff != "" {
		t.Errorf("library (-want +got):\n%s", diff)
	}
	if len(s.Slots) != 2 {
		t.Fatalf("got %d slots, want the token's and the free one", len(s.Slots))
	}
	if slot := s.Slots[1]; slot.Token.Flags.Has(hsm.FlagTokenInitialised) || !slot.TokenPresent {
		t.Errorf("the free slot: got %+v", slot)
	}
	slot := s.Slots[0]
	flags := hsm.FlagLoginRequired | hsm.FlagRNG | hsm.FlagTokenInitialised | hsm.FlagUserPINInitialised
	if slot.ID != st.Slot || slot.Token.Label != st.Label || !slot.Token.Flags.Has(flags) || slot.Token.PINMax != 255 {
		t.Errorf("got slot %d with %+v", slot.ID, slot.Token)
	}
	if len(slot.Offers) != len(hsm.Tasks()) {
		t.Errorf("got %d offers for %d tasks", len(slot.Offers), len(hsm.Tasks()))
	}
	wantOffers(t, slot, []hsm.Offer{
		{Task: hsm.Task{Does: hsm.TaskGenerate, Type: keys.RSA, Size: 4096}, Mechanism: "CKM_RSA_PKCS_KEY_PAIR_GEN", Listed: true},
		{Task: hsm.Task{Does: hsm.TaskImport, Type: keys.AES}, Listed: true},
		{Task: hsm.Task{Does: hsm.TaskEncrypt, Type: keys.AES, Mode: operations.GCM}, Mechanism: "CKM_AES_GCM", Listed: true},
		{Task: hsm.Task{Does: hsm.TaskEncrypt, Type: keys.AES, Mode: operations.CCM}, Mechanism: "CKM_AES_CCM", Why: "not in the list"},
		{Task: hsm.Task{Does: hsm.TaskWrap, Type: keys.AES, Mode: operations.KWP}, Mechanism: "CKM_AES_KEY_WRAP_PAD", Listed: true},
	})
}

func wantOffers(t *testing.T, slot hsm.Slot, want []hsm.Offer) {
	t.Helper()
	for _, w := range want {
		var got hsm.Offer
		for _, o := range slot.Offers {
			if o.Task == w.Task {
				got = o
			}
		}
		if diff := cmp.Diff(w, got); diff != "" {
			t.Errorf("offer (-want +got):\n%s", diff)
		}
	}
}

// TestQuirks: two libraries that differ in most of what no list tells.
func TestQuirks(t *testing.T) {
	for _, c := range []struct {
		name string
		good map[string]bool
		find func(*testing.T) (*pkcs11.Module, uint, string)
	}{
		{
			"SoftHSM2",
			map[string]bool{"size queries": true, "mechanism 0x210A": false, "object handles": true, "changes of a key": true, "check values": true},
			func(t *testing.T) (*pkcs11.Module, uint, string) {
				t.Helper()
				st := softHSM(t)
				return load(t, st, pkcs11.Options{}), st.Slot, st.PIN
			},
		},
		{
			"NSS",
			map[string]bool{"size queries": false, "mechanism 0x210A": false, "object handles": true, "changes of a key": true, "check values": false},
			func(t *testing.T) (*pkcs11.Module, uint, string) {
				t.Helper()
				st := nss(t)
				return load(t, st, pkcs11.Options{}), st.Slot, st.PIN
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, slot, pin := c.find(t)
			tok, err := m.Open(t.Context(), slot, secret.FromString(pin))
			if err != nil {
				t.Fatal(err)
			}
			found, err := tok.Quirks(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]bool{}
			for _, q := range found {
				got[q.Name] = q.Good
				t.Logf("%s: %s", q.Name, q.Finds)
			}
			if diff := cmp.Diff(c.good, got); diff != "" {
				t.Errorf("quirks that are good (-want +got):\n%s", diff)
			}
			err = tok.Inventory(t.Context(), hsm.Filter{}, func(o hsm.Object) error {
				t.Errorf("a %s labelled %q is left", o.Class, o.Label)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			if err := tok.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
