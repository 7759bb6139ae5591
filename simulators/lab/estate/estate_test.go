package estate_test

import (
	"cmp"
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/simulators/lab/estate"
	"gatehouse/simulators/lab/opensc"
	"gatehouse/simulators/softtoken"
)

// TestFill reads the token back with a program that has made but a part of it.
func TestFill(t *testing.T) {
	t.Setenv("SOFTHSM2_CONF", "/somebody/elses")
	token, err := softtoken.SoftHSM(t.TempDir(), "Rechenzentrum", "1234")
	softtoken.Need(t, err)
	tool, err := opensc.New(token)
	softtoken.Need(t, err)
	m, err := estate.Fill(t.Context(), token, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}

	if got := os.Getenv("SOFTHSM2_CONF"); got != "/somebody/elses" {
		t.Errorf("SOFTHSM2_CONF after Fill: got %q, want what it was", got)
	}
	if got := len(m.Keys); got != 151 {
		t.Errorf("keys in the manifest: got %d, want 151", got)
	}
	want := map[keys.Type]int{keys.AES: 70, keys.DES3: 8, keys.EC: 42, keys.HMAC: 25, keys.RSA: 6}
	if diff := gocmp.Diff(m.Count(), want); diff != "" {
		t.Errorf("keys by type (-got +want):\n%s", diff)
	}
	objects, err := tool.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Run("the manifest is what the token holds, key by key", func(t *testing.T) {
		if diff := gocmp.Diff(listed(opensc.Keys(objects)), expected(m.Keys)); diff != "" {
			t.Errorf("keys (-token +manifest):\n%s", diff)
		}
	})
	t.Run("object by object", func(t *testing.T) {
		got, want := map[hsm.Class]int{}, map[hsm.Class]int{}
		for _, o := range objects {
			got[o.Class]++
		}
		for _, k := range slices.Concat(m.Keys, m.Others) {
			want[k.Class]++
			if k.Pair {
				want[hsm.PublicKey]++
			}
		}
		if diff := gocmp.Diff(got, want); diff != "" {
			t.Errorf("objects (-token +manifest):\n%s", diff)
		}
	})
	t.Run("a key sync counts as the manifest does", func(t *testing.T) { checkSync(t, token, m) })
	t.Run("landmarks stand alone", func(t *testing.T) {
		for _, label := range []string{
			estate.CodeSigning, estate.PaymentsSigning, estate.DocumentSigning, estate.UpdateSigning,
			estate.MailArchive, estate.Retired, estate.PartnerPublic,
		} {
			at := slices.IndexFunc(m.Keys, func(k estate.Key) bool { return string(k.Label) == label })
			if at < 0 {
				t.Errorf("%s: not in the manifest", label)
				continue
			}
			for i, k := range m.Keys {
				if i != at && (string(k.Label) == label || string(k.ID) == string(m.Keys[at].ID)) {
					t.Errorf("%s: %q shares its CKA_ID or CKA_LABEL", label, k.Label)
				}
			}
		}
	})
}

type line struct {
	Class     hsm.Class
	Type      keys.Type
	ID, Label string
}

func listed(objects []opensc.Object) []line {
	lines := make([]line, 0, len(objects))
	for _, o := range objects {
		lines = append(lines, line{o.Class, o.Type, o.ID, o.Label})
	}
	return sorted(lines)
}

func expected(ks []estate.Key) []line {
	lines := make([]line, 0, len(ks))
	for _, k := range ks {
		lines = append(lines, line{k.Class, k.Type, hex.EncodeToString(k.ID), strings.TrimRight(string(k.Label), " ")})
	}
	return sorted(lines)
}

func sorted(lines []line) []line {
	slices.SortFunc(lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.Type, b.Type), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Label, b.Label))
	})
	return lines
}
