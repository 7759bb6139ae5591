package restapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
)

var update = flag.Bool("update", false, "write golden files anew")

// Sobjects in full, as they go over the wire, compared with files. Keys with
// random public halves are in TestSobjectFields.
func TestGoldenSobjects(t *testing.T) {
	w := newWorld(t)
	aes := secret.New([]byte("0123456789abcdef"))

	must(t, w.hsm.Add(hsm.Object{
		Class: hsm.SecretKey, Type: keys.AES, ID: []byte{0xff, 0}, Label: []byte("Schlüssel der Bank"),
		Ops: keys.OpEncrypt | keys.OpDecrypt, Extractable: true,
	}, aes))
	added, err := w.admin.Scan(t.Context(), w.slot)
	must(t, err)
	if len(added) != 1 {
		t.Fatalf("sync found %d keys, want 1", len(added))
	}
	imported, err := w.app.Import(t.Context(), dsmwire.SobjectRequest{
		Name: ptr("imported"), Description: ptr("a key"), ObjType: "AES", Value: dsmwire.NewSecretBytes(aes),
		KeyOps: &[]string{"EXPORT", "ENCRYPT", "HIGHVOLUME"}, CustomMetadata: &map[string]string{"owner": "payments"},
		DeactivationDate: ptr(dsmwire.NewTime(beginning.AddDate(1, 0, 0))), Enabled: ptr(false),
	})
	must(t, err)

	for _, c := range []struct{ golden, method, target, body string }{
		{"ordinary.json", http.MethodPost, "/crypto/v1/keys/info", `{"name":"imported"}`},
		{"virtual.json", http.MethodPost, "/crypto/v1/keys/info", `{"kid":"` + added[0].KID + `"}`},
		{"listed.json", http.MethodGet, "/crypto/v1/keys?show_kcv=false&with_metadata=true&sort=name:desc", ""},
	} {
		t.Run(c.golden, func(t *testing.T) {
			status, reply := w.ask(c.method, c.target, c.body)
			if status != http.StatusOK {
				t.Fatalf("got %d %s", status, reply)
			}
			golden(t, c.golden, reply)
		})
	}
	t.Run("a missing key tells so", func(t *testing.T) {
		w.hsm.Remove(hsm.SecretKey, []byte{0xff, 0})
		w.move(5 * time.Minute)
		_, err := w.admin.Scan(t.Context(), w.slot)
		must(t, err)
		status, reply := w.ask(http.MethodPost, "/crypto/v1/keys/info", `{"kid":"`+added[0].KID+`"}`)
		got := decoded[dsmwire.Sobject](t, reply)
		if status != http.StatusOK || got.Gatehouse == nil || got.Gatehouse.MissingSince.String() != "20261121T213500Z" {
			t.Errorf("got %d %s", status, reply)
		}
	})
	if _, err := w.app.Export(t.Context(), dsmwire.SobjectDescriptor{KID: imported.KID}); err == nil {
		t.Error("a key that is not enabled was exported")
	}
}

// golden compares a reply with a file of testdata.
func golden(t *testing.T, name, reply string) {
	t.Helper()
	var b bytes.Buffer
	must(t, json.Indent(&b, []byte(reply), "", "  "))
	path := filepath.Join("testdata", name)
	if *update {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(path, b.Bytes(), 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("differs from %s (-want +got); -update writes it anew:\n%s", path, diff)
	}
}

// What depends on the type of a key, in both kinds of groups.
func TestSobjectFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, group := range []struct{ name, id string }{{"ordinary", w.local}, {"virtual", w.slot}} {
		for _, c := range []struct {
			name    string
			request dsmwire.SobjectRequest
			size    uint32
			public  bool
			kcv     bool
		}{
			{"AES", dsmwire.SobjectRequest{ObjType: "AES", KeySize: ptr(uint32(192))}, 192, false, true},
			{"RSA", dsmwire.SobjectRequest{ObjType: "RSA", KeySize: ptr(uint32(2048))}, 2048, true, false},
			{"RSA by its options", dsmwire.SobjectRequest{ObjType: "RSA", RSA: &dsmwire.RSAOptions{KeySize: ptr(uint32(2048)), PublicExponent: ptr(uint32(65537))}}, 2048, true, false},
			{"EC", dsmwire.SobjectRequest{ObjType: "EC", EllipticCurve: "NistP384"}, 384, true, false},
			{"HMAC", dsmwire.SobjectRequest{ObjType: "HMAC", KeySize: ptr(uint32(256))}, 256, false, true},
		} {
			t.Run(group.name+" "+c.name, func(t *testing.T) {
				t.Parallel()
				r := c.request
				r.Name, r.GroupID = ptr(group.name+" "+c.name), ptr(group.id)
				body, err := json.Marshal(r)
				must(t, err)
				status, reply := w.ask(http.MethodPost, "/crypto/v1/keys", string(body))
				if status != http.StatusCreated {
					t.Fatalf("got %d %s, want 201", status, reply)
				}
				k := decoded[dsmwire.Sobject](t, reply)
				if k.KeySize == nil || *k.KeySize != c.size || len(k.PubKey) > 0 != c.public || k.KCV != "" != c.kcv && group.id == w.local {
					t.Errorf("got %s", reply)
				}
				if virtual := group.id == w.slot; (k.External != nil) != virtual || (k.Gatehouse != nil) != virtual {
					t.Errorf("external and gatehouse are for virtual keys: %s", reply)
				}
				if k.Creator.App == "" || k.Origin != "FortanixHSM" || k.State != "Active" || !k.Enabled {
					t.Errorf("got %s", reply)
				}
				if (k.RSA != nil) != (k.ObjType == "RSA") {
					t.Errorf("rsa is for RSA keys: %s", reply)
				}
			})
		}
	}
}
