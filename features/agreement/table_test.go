package agreement_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/features/agreement"
	"gatehouse/features/agreement/task"
	"gatehouse/simulators/softtoken"
)

var update = flag.Bool("update", false, "write docs/agreement.md")

// ring is the keys, made once for all tests.
func ring(t *testing.T) agreement.Ring {
	t.Helper()
	r, err := newRing()
	softtoken.Need(t, err)
	return r
}

var newRing = sync.OnceValues(func() (agreement.Ring, error) { return agreement.NewRing(context.Background()) })

// TestPeers wants somebody who can contradict the service in every row, of both
// halves that it offers.
func TestPeers(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, row := range agreement.Table(ring(t)) {
		if names[row.String()] {
			t.Errorf("two rows are %s", row)
		}
		names[row.String()] = true
		for _, k := range agreement.Kinds() {
			offered, why := agreement.Offers(k, row)
			if offered == agreement.Neither && why == "" {
				t.Errorf("%s, %s: the service does not do it, and the table does not say why", k, row)
			}
			var whole agreement.Directions
			for _, p := range agreement.Peers() {
				does, _ := agreement.Does(p, k, row)
				whole |= does
			}
			if offered&agreement.Makes != 0 && whole&agreement.Opens == 0 {
				t.Errorf("%s, %s: nobody takes what the service makes", k, row)
			}
			if offered&agreement.Opens != 0 && whole&agreement.Makes == 0 {
				t.Errorf("%s, %s: nobody makes what the service takes", k, row)
			}
		}
	}
}

// acts are what the key_ops are shown by.
var acts = map[keys.Ops]task.Act{
	keys.OpSign: task.Sign, keys.OpVerify: task.Sign, keys.OpEncrypt: task.Encrypt, keys.OpDecrypt: task.Encrypt, keys.OpWrap: task.Wrap,
	keys.OpUnwrap: task.Wrap, keys.OpDerive: task.HKDF, keys.OpMAC: task.MAC, keys.OpMACVerify: task.MAC, keys.OpAgree: task.Agree,
	keys.OpEncapsulate: task.Encapsulate, keys.OpDecapsulate: task.Encapsulate,
}

// TestTable wants every type, curve, set of parameters, permitted operation and
// hash of the domain in the table.
func TestTable(t *testing.T) {
	t.Parallel()
	rows := agreement.Table(ring(t))
	wants := func(what string, is func(task.Task) bool) {
		t.Helper()
		if !slices.ContainsFunc(rows, is) {
			t.Errorf("the table has no row for %s", what)
		}
	}
	for _, typ := range keys.Types() {
		kinds := []string{""}
		switch {
		case typ == keys.EC:
			kinds = nil
			for _, c := range keys.Curves() {
				kinds = append(kinds, string(c))
			}
		case len(keys.ParamSets(typ)) > 0:
			kinds = nil
			for _, p := range keys.ParamSets(typ) {
				kinds = append(kinds, string(p))
			}
		}
		for _, kind := range kinds {
			of := func(r task.Task) bool {
				return r.Key != nil && r.Key.Type == string(typ) && (kind == "" || r.Key.Kind() == kind)
			}
			wants(fmt.Sprintf("the value of %s %s", typ, kind), func(r task.Task) bool { return of(r) && r.Act == task.Value })
			for op := keys.Ops(1); op <= keys.OpDecapsulate; op <<= 1 {
				if keys.UseOps(typ, keys.Curve(kind))&op != 0 {
					act, known := acts[op]
					if !known {
						t.Fatalf("no act shows %q", op.Names())
					}
					wants(fmt.Sprintf("%s %s, %s", typ, kind, act), func(r task.Task) bool { return of(r) && r.Act == act })
				}
			}
		}
	}
	for _, h := range operations.Hashes() {
		for _, want := range []struct {
			typ, mode string
			act       task.Act
		}{
			{"RSA", "PKCS1_V15", task.Sign},
			{"RSA", "PSS", task.Sign},
			{"RSA", "OAEP", task.Encrypt},
			{"RSA", "OAEP", task.Wrap},
			{"EC", "", task.Sign},
			{"HMAC", "", task.MAC},
			{"HMAC", "", task.HKDF},
			{"", "", task.Digest},
		} {
			wants(fmt.Sprintf("%s %s, %s, %s", want.typ, want.mode, want.act, h), func(r task.Task) bool {
				return r.Hash == string(h) && r.Mode == want.mode && r.Act == want.act && (r.Key == nil || r.Key.Type == want.typ)
			})
		}
	}
	for _, m := range []operations.Mode{
		operations.ECB, operations.CBC, operations.CBCNoPad, operations.CTR, operations.GCM, operations.CCM, operations.KW, operations.KWP,
	} {
		wants(string(m), func(r task.Task) bool { return r.Mode == string(m) && r.Key.Type == "AES" })
	}
}

// TestDocument holds docs/agreement.md to the table.
func TestDocument(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../../docs/agreement.md", "<!-- table: written by go test ./features/agreement -run TestDocument -update -->\n", "<!-- end -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(text), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the table", path)
	}
	want := head + begin + agreement.Document(agreement.Table(ring(t))) + end + tail
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("%s is not what the table says: run go test ./features/agreement -run TestDocument -update (-want +got):\n%s", path, diff)
	}
}
