package restapi_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
)

// dataKey makes a transient AES key that may leave, as key stores do for their data keys.
func (w *world) dataKey() dsmwire.Sobject {
	w.tb.Helper()
	return w.generate(dsmwire.SobjectRequest{
		ObjType: "AES", KeySize: ptr(uint32(256)), Transient: ptr(true), KeyOps: ptr([]string{"ENCRYPT", "DECRYPT", "EXPORT"}),
	})
}

func TestTransientKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	k := w.dataKey()
	if k.KID != "" || k.TransientKey.IsZero() || k.Name != "" || k.GroupID != "" || k.Origin != "FortanixHSM" {
		t.Errorf("got %+v, want a key without id, name and group", k)
	}
	d := dsmwire.SobjectDescriptor{TransientKey: k.TransientKey}
	gcm := &dsmwire.Mode{Name: "GCM"}

	t.Run("is used as any other", func(t *testing.T) {
		sealed, err := w.app.Encrypt(ctx, dsmwire.EncryptRequest{Key: &d, Alg: "AES", Mode: gcm, Plain: message})
		must(t, err)
		opened, err := w.app.Decrypt(ctx, dsmwire.DecryptRequest{Key: &d, Mode: gcm, Cipher: sealed.Cipher, IV: sealed.IV, Tag: sealed.Tag})
		must(t, err)
		if !bytes.Equal(opened.Plain, message) || sealed.KID != "" || opened.KID != "" {
			t.Errorf("got %q, and ids %q and %q", opened.Plain, sealed.KID, opened.KID)
		}
	})
	t.Run("is exported, and is the key that encrypts", func(t *testing.T) {
		exported, err := w.app.Export(ctx, d)
		must(t, err)
		inline := dsmwire.SobjectDescriptor{Inline: &dsmwire.InlineDescriptor{Value: exported.Value, ObjType: "AES"}}
		sealed, err := w.app.Encrypt(ctx, dsmwire.EncryptRequest{Key: &d, Alg: "AES", Mode: gcm, Plain: message})
		must(t, err)
		opened, err := w.app.Decrypt(ctx, dsmwire.DecryptRequest{Key: &inline, Mode: gcm, Cipher: sealed.Cipher, IV: sealed.IV, Tag: sealed.Tag})
		must(t, err)
		if !bytes.Equal(opened.Plain, message) {
			t.Errorf("got %q", opened.Plain)
		}
	})
	t.Run("is its maker's alone", func(t *testing.T) {
		other := w.newApp("another", map[string][]string{w.local: everyPermission})
		_, err := other.Export(ctx, d)
		if err == nil || !strings.Contains(err.Error(), "transient key does not exist") {
			t.Errorf("got error %v, want it not to exist", err)
		}
	})
	t.Run("does what its key_ops say", func(t *testing.T) {
		closed := w.generate(dsmwire.SobjectRequest{ObjType: "AES", KeySize: ptr(uint32(256)), Transient: ptr(true)})
		status, reply := w.ask(http.MethodPost, "/crypto/v1/keys/export", descriptorOf(t, closed))
		if status != 403 {
			t.Errorf("got %d %s, want 403", status, reply)
		}
	})
	t.Run("is governed by the group that it names", func(t *testing.T) {
		few := w.newApp("few", map[string][]string{w.local: {"ENCRYPT"}})
		r := dsmwire.SobjectRequest{ObjType: "AES", KeySize: ptr(uint32(256)), Transient: ptr(true), GroupID: &w.local, KeyOps: ptr([]string{"ENCRYPT", "EXPORT"})}
		k, err := few.Generate(ctx, r)
		must(t, err)
		if _, err := few.Export(ctx, dsmwire.SobjectDescriptor{TransientKey: k.TransientKey}); err == nil {
			t.Error("it was exported without the permission to export")
		}
		r.GroupID = &w.slot
		if _, err := w.app.Generate(ctx, r); err == nil || !strings.Contains(err.Error(), "not supported") {
			t.Errorf("got error %v, want HSM groups to have none", err)
		}
	})
	t.Run("is made by applications alone", func(t *testing.T) {
		status, reply := askAs(t, w.admin, http.MethodPost, "/crypto/v1/keys", `{"obj_type":"AES","key_size":256,"transient":true}`)
		if status != 403 {
			t.Errorf("got %d %s, want 403", status, reply)
		}
	})
	t.Run("is not managed", func(t *testing.T) {
		status, reply := w.ask(http.MethodPost, "/crypto/v1/keys/info", descriptorOf(t, k))
		if status != 200 || strings.Contains(reply, `"kid"`) {
			t.Errorf("got %d %s", status, reply)
		}
		page, err := w.app.Keys(ctx, dsmclient.KeyQuery{})
		must(t, err)
		if len(page) != 0 {
			t.Errorf("got %d stored keys, want none", len(page))
		}
	})
}

func descriptorOf(t *testing.T, k dsmwire.Sobject) string {
	t.Helper()
	raw, err := k.TransientKey.MarshalJSON()
	must(t, err)
	return `{"transient_key":` + string(raw) + `}`
}

func TestPersist(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	k := w.dataKey()
	before, err := w.app.Export(ctx, dsmwire.SobjectDescriptor{TransientKey: k.TransientKey})
	must(t, err)
	for _, group := range []string{w.local, w.slot} {
		stored, err := w.app.Persist(ctx, dsmwire.PersistTransientKeyRequest{TransientKey: k.TransientKey, Name: "kept in " + group, GroupID: ptr(group)})
		must(t, err)
		if stored.KID == "" || stored.Origin != "Transient" || !stored.TransientKey.IsZero() || stored.KCV != k.KCV || stored.GroupID != group {
			t.Errorf("got %+v", stored)
		}
		if group == w.slot { // whose keys are not exported
			continue
		}
		after, err := w.app.Export(ctx, dsmwire.SobjectDescriptor{KID: stored.KID})
		must(t, err)
		if !after.Value.Secret().Equal(before.Value.Secret()) {
			t.Error("the stored key has another value")
		}
	}
	imported, err := w.app.Import(ctx, dsmwire.SobjectRequest{ObjType: "AES", Transient: ptr(true), Value: secretBytes(make([]byte, 32))})
	must(t, err)
	stored, err := w.app.Persist(ctx, dsmwire.PersistTransientKeyRequest{TransientKey: imported.TransientKey, Name: "imported"})
	must(t, err)
	if stored.Origin != "External" || stored.GroupID != w.local {
		t.Errorf("got %+v", stored)
	}
	if _, err := w.app.Persist(ctx, dsmwire.PersistTransientKeyRequest{TransientKey: imported.TransientKey, Name: "closed", GroupID: &w.slot}); err == nil {
		t.Error("a key that may not leave went into an HSM")
	}
	for body, want := range map[string]int{
		`{}`: 400, `{"transient_key":"AAAA"}`: 404, `{"transient_key":"AAAA","name":"x","state":"Destroyed"}`: 400,
		`{"transient_key":"","name":"x"}`: 400, `{"transient_key":"AAAA","name":"x","group_id":"y"}`: 400,
	} {
		if status, reply := w.ask(http.MethodPost, "/crypto/v1/keys/persist", body); status != want {
			t.Errorf("%s: got %d %s, want %d", body, status, reply, want)
		}
	}
	t.Run("an expired one does not exist", func(t *testing.T) {
		w.move(time.Hour)
		_, err := w.app.Login(ctx)
		must(t, err)
		_, err = w.app.Export(ctx, dsmwire.SobjectDescriptor{TransientKey: k.TransientKey})
		if err == nil || !strings.Contains(err.Error(), "does not exist") {
			t.Errorf("got error %v, want it not to exist", err)
		}
	})
}

func TestKeyDigestAndCheckValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	value := []byte("sixteen bytes ok")
	k, err := w.app.Import(t.Context(), dsmwire.SobjectRequest{
		Name: ptr("known"), ObjType: "AES", Value: secretBytes(value), KeyOps: ptr([]string{"ENCRYPT", "EXPORT"}),
	})
	must(t, err)
	closed := w.generate(dsmwire.SobjectRequest{Name: ptr("closed"), ObjType: "AES", KeySize: ptr(uint32(128))})
	encoded := base64.StdEncoding.EncodeToString(value)
	for _, c := range []struct {
		name, path, body string
		status           int
		says             string
	}{
		{"digest", "digest", `{"key":{"kid":"` + k.KID + `"},"alg":"SHA256"}`, 200, `{"kid":"` + k.KID + `","digest":"`},
		{"digest of an inline key", "digest", `{"key":{"inline":{"value":"` + encoded + `","obj_type":"AES"}},"alg":"SHA256"}`, 200, `{"digest":"`},
		{"digest of a key that may not leave", "digest", `{"key":{"kid":"` + closed.KID + `"},"alg":"SHA256"}`, 403, "key_ops"},
		{"digest without alg", "digest", `{"key":{"kid":"` + k.KID + `"}}`, 400, "alg is required"},
		{"digest of nobody", "digest", `{"alg":"SHA256"}`, 400, "key is required"},
		{"the right value", "kcv/verify", fmt.Sprintf(`{"kcv":%q,"value":%q,"obj_type":"AES"}`, strings.ToLower(k.KCV), encoded), 200, `{"verified":true}`},
		{"the wrong value", "kcv/verify", fmt.Sprintf(`{"kcv":"000000","value":%q,"obj_type":"AES","kcv_method":"Encrypt"}`, encoded), 200, `{"verified":false}`},
		{"a method of nobody", "kcv/verify", fmt.Sprintf(`{"kcv":"000000","value":%q,"obj_type":"AES","kcv_method":"marker"}`, encoded), 400, "kcv_method"},
		{"no value", "kcv/verify", `{"kcv":"000000","obj_type":"AES"}`, 400, "value"},
		{"no kcv", "kcv/verify", fmt.Sprintf(`{"value":%q,"obj_type":"AES"}`, encoded), 400, "kcv is required"},
		{"a type that has none", "kcv/verify", fmt.Sprintf(`{"kcv":"000000","value":%q,"obj_type":"SECRET"}`, encoded), 501, "check value"},
		{"kcv of an inline key", "kcv", fmt.Sprintf(`{"inline":{"value":%q,"obj_type":"AES"}}`, encoded), 200, `{"kcv":"` + k.KCV},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			status, reply := w.ask(http.MethodPost, "/crypto/v1/keys/"+c.path, c.body)
			if status != c.status || !strings.Contains(reply, c.says) || strings.Contains(reply, "marker") {
				t.Errorf("got %d %s, want %d with %q", status, reply, c.status, c.says)
			}
		})
	}
}
