package restapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
)

func TestDetailOfAKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	must(t, w.hsm.Add(hsm.Object{
		Class: hsm.SecretKey, Type: keys.AES, ID: []byte{1, 2}, Label: []byte("pay"), Ops: keys.OpEncrypt,
	}, secret.New([]byte("sixteen bytes ok"))))
	_, err := w.admin.Scan(ctx, w.slot)
	must(t, err)

	t.Run("found in an hsm", func(t *testing.T) {
		t.Parallel()
		found, err := w.app.Key(ctx, dsmwire.SobjectDescriptor{Name: "pay"})
		must(t, err)
		d, err := w.app.KeyDetail(ctx, found.KID)
		must(t, err)
		if d.Key.Name != "pay" || d.Key.External == nil {
			t.Errorf("got the key %+v", d.Key)
		}
		if diff := cmp.Diff(dsmwire.KeyGroup{GroupID: w.slot, Name: "hsm", HSM: true, Kind: "Softhsm", State: "Connected"}, d.Group); diff != "" {
			t.Errorf("group (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(dsmwire.KeyCreator{Kind: "group", ID: w.slot, Name: "hsm"}, d.CreatedBy); diff != "" {
			t.Errorf("creator (-want +got):\n%s", diff)
		}
		a := d.Attributes.PKCS11
		if a["CKA_ID"] != "AQI=" || a["CKA_LABEL"] != "pay" || a["CKA_KEY_TYPE"] != "CKK_AES" || a["CKA_DECRYPT"] != "false" || len(d.Attributes.Custom) != 0 {
			t.Errorf("got the attributes %v", d.Attributes)
		}
	})
	t.Run("made in an ordinary group", func(t *testing.T) {
		t.Parallel()
		k := w.generate(dsmwire.SobjectRequest{
			Name: ptr("own"), ObjType: "RSA", KeySize: ptr(uint32(2048)), CustomMetadata: &map[string]string{"team": "x", "cng.Key Type": "machine"},
		})
		d, err := w.app.KeyDetail(ctx, k.KID)
		must(t, err)
		if diff := cmp.Diff(dsmwire.KeyGroup{GroupID: w.local, Name: "ordinary"}, d.Group); diff != "" {
			t.Errorf("group (-want +got):\n%s", diff)
		}
		if d.CreatedBy.Kind != "app" || d.CreatedBy.Name != "app" {
			t.Errorf("got the creator %+v", d.CreatedBy)
		}
		if d.Attributes.CNG["Key Type"] != "machine" || d.Attributes.CNG["Algorithm Name"] != "RSA" || d.Attributes.Custom["team"] != "x" || d.Attributes.PKCS11["CKA_ID"] != "" {
			t.Errorf("got the attributes %v", d.Attributes)
		}
	})
	t.Run("outside the caller's groups it is not there", func(t *testing.T) {
		t.Parallel()
		k := w.generate(dsmwire.SobjectRequest{Name: ptr("hidden"), ObjType: "AES", KeySize: ptr(uint32(128))})
		other := w.newApp("other", map[string][]string{w.slot: everyPermission})
		status, reply := askAs(t, other, http.MethodGet, "/gatehouse/v1/keys/"+k.KID, "")
		if status != http.StatusNotFound || !strings.Contains(reply, "sobject does not exist") {
			t.Errorf("got %d %s", status, reply)
		}
		if status, _ := askAs(t, other, http.MethodGet, "/gatehouse/v1/keys/marker", ""); status != http.StatusBadRequest {
			t.Errorf("got %d for what is no id", status)
		}
	})
}
