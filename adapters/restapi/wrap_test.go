package restapi_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gatehouse/adapters/dsmwire"
)

var (
	symmetricOps = []string{"ENCRYPT", "DECRYPT", "WRAPKEY", "UNWRAPKEY", "EXPORT"}
	kwp          = &dsmwire.Mode{Name: "KWP"}
)

// wrapper makes a key that wraps in a group.
func (w *world) wrapper(name, group string) dsmwire.Sobject {
	w.tb.Helper()
	return w.generate(dsmwire.SobjectRequest{Name: &name, ObjType: "AES", KeySize: ptr(uint32(256)), GroupID: &group, KeyOps: &symmetricOps})
}

// What is wrapped in a group is unwrapped there again, and is the same key.
func TestWrapInBothKindsOfGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, group := range []struct{ name, id string }{{"ordinary", w.local}, {"HSM", w.slot}} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			named := func(n string) string { return n + " of " + group.name }
			kek := w.wrapper(named("kek"), group.id)
			rsaKey := w.generate(dsmwire.SobjectRequest{
				Name: ptr(named("rsa")), ObjType: "RSA", KeySize: ptr(uint32(2048)), GroupID: ptr(group.id),
				RSA:    &dsmwire.RSAOptions{EncryptionPolicy: dsmwire.RSAPolicies{{}}},
				KeyOps: ptr([]string{"WRAPKEY", "UNWRAPKEY", "SIGN", "VERIFY", "EXPORT"}),
			})
			subject := w.wrapper(named("subject"), group.id)
			for i, c := range []struct {
				with, subject dsmwire.Sobject
				mode          *dsmwire.Mode
				iv            bool
			}{
				{kek, subject, &dsmwire.Mode{Name: "KW"}, false},
				{kek, subject, kwp, false},
				{kek, subject, &dsmwire.Mode{Name: "CBC"}, true},
				{kek, subject, &dsmwire.Mode{Name: "GCM"}, true},
				{kek, rsaKey, kwp, false},
				{kek, rsaKey, &dsmwire.Mode{Name: "CBC"}, true},
				{rsaKey, subject, &dsmwire.Mode{Name: dsmwire.OAEP, Hash: "SHA1"}, false},
				{rsaKey, subject, &dsmwire.Mode{Name: dsmwire.PKCS1v15}, false},
			} {
				t.Run(fmt.Sprintf("%s with %s %s", c.subject.ObjType, c.with.ObjType, c.mode.Name), func(t *testing.T) {
					wrapped, err := w.app.Wrap(ctx, dsmwire.WrapKeyRequest{Key: byID(c.with), Subject: byID(c.subject), Alg: c.with.ObjType, Mode: c.mode})
					must(t, err)
					if (len(wrapped.IV) != 0) != c.iv {
						t.Errorf("got an iv of %d bytes", len(wrapped.IV))
					}
					again, err := w.app.Unwrap(ctx, dsmwire.UnwrapKeyRequest{
						Key: byID(c.with), Alg: c.with.ObjType, Mode: c.mode, ObjType: c.subject.ObjType, WrappedKey: wrapped.WrappedKey, IV: wrapped.IV, Tag: wrapped.Tag,
						Name: ptr(fmt.Sprintf("%s again %d", named("subject"), i)), GroupID: ptr(group.id),
					})
					must(t, err)
					if again.KCV != c.subject.KCV || !bytes.Equal(again.PubKey, c.subject.PubKey) || again.Origin != "External" || again.GroupID != group.id {
						t.Errorf("got %+v, want the key that was wrapped", again)
					}
				})
			}
			t.Run("a key that may not leave", func(t *testing.T) {
				closed := w.generate(dsmwire.SobjectRequest{Name: ptr(named("closed")), ObjType: "AES", KeySize: ptr(uint32(256)), GroupID: ptr(group.id)})
				_, err := w.app.Wrap(ctx, dsmwire.WrapKeyRequest{Key: byID(kek), Subject: byID(closed), Alg: "AES", Mode: kwp})
				if err == nil || !strings.Contains(err.Error(), "403") {
					t.Errorf("got error %v, want 403", err)
				}
			})
			t.Run("an asymmetric key with an asymmetric key", func(t *testing.T) {
				_, err := w.app.Wrap(ctx, dsmwire.WrapKeyRequest{Key: byID(rsaKey), Subject: byID(rsaKey), Alg: "RSA"})
				if err == nil || !strings.Contains(err.Error(), "400") || !strings.Contains(err.Error(), "asymmetric") {
					t.Errorf("got error %v, want 400", err)
				}
			})
			t.Run("what was changed does not unwrap, whatever is wrong with it", func(t *testing.T) {
				wrapped, err := w.app.Wrap(ctx, dsmwire.WrapKeyRequest{Key: byID(kek), Subject: byID(subject), Alg: "AES", Mode: kwp})
				must(t, err)
				changed := slices.Clone(wrapped.WrappedKey)
				changed[3] ^= 1
				for name, r := range map[string]dsmwire.UnwrapKeyRequest{
					"another wrapping": {ObjType: "AES", WrappedKey: changed},
					"another type":     {ObjType: "RSA", WrappedKey: wrapped.WrappedKey},
				} {
					r.Key, r.Alg, r.Mode, r.Name, r.GroupID = byID(kek), "AES", kwp, ptr(named("never")), ptr(group.id)
					if _, err := w.app.Unwrap(ctx, r); err == nil || !strings.Contains(err.Error(), "decryption refused") {
						t.Errorf("%s: got error %v, want the one refusal", name, err)
					}
				}
			})
		})
	}
}

// Keys go from group to group as far as HSMs let them.
func TestWrapAcrossGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	here, there := w.wrapper("here", w.local), w.wrapper("there", w.slot)
	subject, inside := w.wrapper("subject", w.local), w.wrapper("inside", w.slot)
	wrapped, err := w.app.Wrap(ctx, dsmwire.WrapKeyRequest{Key: byID(here), Subject: byID(subject), Alg: "AES", Mode: kwp})
	must(t, err)

	t.Run("unwrapped by an ordinary key into an HSM", func(t *testing.T) {
		k, err := w.app.Unwrap(ctx, dsmwire.UnwrapKeyRequest{
			Key: byID(here), Alg: "AES", Mode: kwp, ObjType: "AES", WrappedKey: wrapped.WrappedKey, Name: ptr("moved in"), GroupID: &w.slot, KCV: subject.KCV,
		})
		must(t, err)
		if k.External == nil || k.KCV != subject.KCV {
			t.Errorf("got %+v, want a virtual key of the same value", k)
		}
	})
	t.Run("a key of another check value is not taken in", func(t *testing.T) {
		for _, group := range []string{w.local, w.slot} {
			_, err := w.app.Unwrap(ctx, dsmwire.UnwrapKeyRequest{
				Key: byID(here), Alg: "AES", Mode: kwp, ObjType: "AES", WrappedKey: wrapped.WrappedKey, Name: ptr("never"), GroupID: ptr(group), KCV: "000000",
			})
			if err == nil || !strings.Contains(err.Error(), "kcv") {
				t.Errorf("got error %v, want it refused", err)
			}
		}
		if _, err := w.app.Key(ctx, dsmwire.SobjectDescriptor{Name: "never"}); err == nil {
			t.Error("the key is there all the same")
		}
	})
	t.Run("as a transient key", func(t *testing.T) {
		k, err := w.app.Unwrap(ctx, dsmwire.UnwrapKeyRequest{
			Key: byID(here), Alg: "AES", Mode: kwp, ObjType: "AES", WrappedKey: wrapped.WrappedKey, Transient: ptr(true), KeyOps: &symmetricOps,
		})
		must(t, err)
		if k.KID != "" || k.TransientKey.IsZero() || k.GroupID != w.local || k.KCV != subject.KCV {
			t.Errorf("got %+v, want a transient key of the wrapping key's group", k)
		}
		d := dsmwire.SobjectDescriptor{TransientKey: k.TransientKey}
		_, err = w.app.Wrap(ctx, dsmwire.WrapKeyRequest{Key: &d, Subject: byID(here), Alg: "AES", Mode: kwp})
		must(t, err)
		_, err = w.app.Wrap(ctx, dsmwire.WrapKeyRequest{Key: byID(here), Subject: &d, Alg: "AES", Mode: kwp})
		must(t, err)
	})
	t.Run("an ordinary key wrapped by an HSM", func(t *testing.T) {
		cbc := &dsmwire.Mode{Name: "CBC"}
		inHSM, err := w.app.Wrap(ctx, dsmwire.WrapKeyRequest{Key: byID(there), Subject: byID(subject), Alg: "AES", Mode: cbc})
		must(t, err)
		k, err := w.app.Unwrap(ctx, dsmwire.UnwrapKeyRequest{
			Key: byID(there), Alg: "AES", Mode: cbc, ObjType: "AES", WrappedKey: inHSM.WrappedKey, IV: inHSM.IV, Name: ptr("back"), GroupID: &w.slot,
		})
		must(t, err)
		if k.KCV != subject.KCV {
			t.Errorf("got check value %s, want %s", k.KCV, subject.KCV)
		}
	})
	for name, c := range map[string]struct {
		path, body, says string
	}{
		"an ordinary key wrapped by an HSM in a mode for keys alone": {
			"wrapkey", fmt.Sprintf(`{"key":{"kid":%q},"subject":{"kid":%q},"alg":"AES","mode":"KWP"}`, there.KID, subject.KID), "only in modes that encrypt",
		},
		"a key in an HSM wrapped outside": {"wrapkey", fmt.Sprintf(`{"key":{"kid":%q},"subject":{"kid":%q},"alg":"AES","mode":"KWP"}`, here.KID, inside.KID), "outside of its group"},
		"unwrapped by an HSM elsewhere": {
			"unwrapkey", fmt.Sprintf(`{"key":{"kid":%q},"alg":"AES","mode":"KWP","obj_type":"AES","wrapped_key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","name":"x","group_id":%q}`, there.KID, w.local),
			"outside of the HSM group",
		},
		"unwrapped by an HSM as transient": {
			"unwrapkey", fmt.Sprintf(`{"key":{"kid":%q},"alg":"AES","mode":"KWP","obj_type":"AES","wrapped_key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","transient":true}`, there.KID),
			"transient",
		},
	} {
		t.Run(name, func(t *testing.T) {
			status, reply := w.ask(http.MethodPost, "/crypto/v1/"+c.path, c.body)
			if status != 501 || !strings.Contains(reply, c.says) {
				t.Errorf("got %d %s, want 501 with %q", status, reply, c.says)
			}
		})
	}
}

// RFC 3394, 4.6, with keys that travel with the request.
func TestKnownWrappings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct{ mode, kek, subject, objType, wrapped string }{
		{"KW", "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F", "AES", "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"},
	} {
		t.Run(c.mode, func(t *testing.T) {
			status, reply := w.ask(http.MethodPost, "/crypto/v1/wrapkey", fmt.Sprintf(`{"key":%s,"subject":%s,"alg":"AES","mode":%q}`, inline(t, c.kek, "AES"), inline(t, c.subject, c.objType), c.mode))
			want, err := hex.DecodeString(c.wrapped)
			must(t, err)
			if got := decoded[dsmwire.WrapKeyResponse](t, reply); status != 200 || !bytes.Equal(got.WrappedKey, want) {
				t.Errorf("got %d %s, want %x", status, reply, want)
			}
		})
	}
}

func inline(t *testing.T, value, objType string) string {
	t.Helper()
	b, err := hex.DecodeString(value)
	must(t, err)
	return fmt.Sprintf(`{"inline":{"value":%q,"obj_type":%q}}`, base64.StdEncoding.EncodeToString(b), objType)
}

// The bodies of the command line's flow with a cluster master key, and mistakes.
func TestWrapOnTheWire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	transfer := w.generate(dsmwire.SobjectRequest{Name: ptr("transfer-key"), ObjType: "RSA", KeySize: ptr(uint32(2048)), KeyOps: ptr([]string{"WRAPKEY", "UNWRAPKEY"})})
	cmk := w.wrapper("cluster-master-key", w.local)
	status, reply := w.ask(http.MethodPost, "/crypto/v1/wrapkey",
		`{"subject":{"name":"cluster-master-key"},"key":{"name":"transfer-key"},"alg":"RSA","mode":null,"iv":null,"ad":null,"tag_len":null,"key_format":null,"out":null}`)
	if status != 200 || strings.Contains(reply, "null") || strings.Contains(reply, `"iv"`) || strings.Contains(reply, `"tag"`) {
		t.Fatalf("got %d %s, want a wrapped key and nothing else", status, reply)
	}
	wrapped := base64.StdEncoding.EncodeToString(decoded[dsmwire.WrapKeyResponse](t, reply).WrappedKey)
	status, reply = w.ask(http.MethodPost, "/crypto/v1/unwrapkey", `{"key":{"kid":"`+transfer.KID+`"},"alg":"RSA","obj_type":"AES","rsa":null,"wrapped_key":"`+wrapped+
		`","mode":null,"iv":null,"ad":null,"tag":null,"name":"cluster-master-key again","group_id":null,"enabled":null,"description":null,"custom_metadata":null,`+
		`"key_ops":["ENCRYPT","DECRYPT","WRAPKEY","UNWRAPKEY","DERIVEKEY","APPMANAGEABLE","EXPORT"],"transient":null,"out":null}`)
	if again := decoded[dsmwire.Sobject](t, reply); status != 201 || again.KCV != cmk.KCV || again.GroupID != w.local {
		t.Errorf("got %d %s, want the key in the app's group", status, reply)
	}
	key := `"key":{"kid":"` + cmk.KID + `"}`
	for name, c := range map[string]struct {
		path, body string
		status     int
		says       string
	}{
		"legacy kid":         {"wrapkey", `{` + key + `,"kid":"` + cmk.KID + `","alg":"AES","mode":"KWP"}`, 200, "wrapped_key"},
		"two subjects":       {"wrapkey", `{` + key + `,"kid":"` + cmk.KID + `","subject":{"name":"x"},"alg":"AES"}`, 400, "exactly one of subject and kid"},
		"no subject":         {"wrapkey", `{` + key + `,"alg":"AES"}`, 400, "subject is required"},
		"no key":             {"wrapkey", `{"subject":{"name":"x"},"alg":"AES"}`, 400, "key is required"},
		"no alg":             {"wrapkey", `{` + key + `,"subject":{"name":"x"}}`, 400, "alg is required"},
		"an unknown subject": {"wrapkey", `{` + key + `,"subject":{"name":"x"},"alg":"AES","mode":"KWP"}`, 404, "sobject does not exist"},
		"an unknown key":     {"wrapkey", `{"key":{"name":"x"},"subject":{"kid":"` + cmk.KID + `"},"alg":"AES","mode":"KWP"}`, 404, "sobject does not exist"},
		"alg of another":     {"wrapkey", `{` + key + `,"subject":{"kid":"` + cmk.KID + `"},"alg":"RSA"}`, 400, "alg does not fit"},
		"no mode":            {"wrapkey", `{` + key + `,"subject":{"kid":"` + cmk.KID + `"},"alg":"AES"}`, 400, "mode"},
		"a format of nobody": {"wrapkey", `{` + key + `,"subject":{"kid":"` + cmk.KID + `"},"alg":"AES","mode":"KWP","key_format":"marker"}`, 400, "key_format"},
		"iv for KW":          {"wrapkey", `{` + key + `,"subject":{"kid":"` + cmk.KID + `"},"alg":"AES","mode":"KW","iv":"AAAAAAAAAAA="}`, 400, "iv"},
		"no wrapped key":     {"unwrapkey", `{` + key + `,"alg":"AES","obj_type":"AES","name":"x","mode":"KW"}`, 400, "wrapped_key is required"},
		"no type":            {"unwrapkey", `{` + key + `,"alg":"AES","wrapped_key":"AAAA","name":"x","mode":"KW"}`, 400, "obj_type is required"},
		"no name":            {"unwrapkey", `{` + key + `,"alg":"AES","obj_type":"AES","wrapped_key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","mode":"KW"}`, 400, "name"},
		"a name that is taken": {
			"unwrapkey", `{"key":{"name":"transfer-key"},"alg":"RSA","obj_type":"AES","wrapped_key":"` + wrapped + `","name":"transfer-key"}`, 409, "sobject already exists",
		},
		"a policy of export": {"unwrapkey", `{` + key + `,"alg":"AES","obj_type":"AES","wrapped_key":"AAAA","name":"x","mode":"KW","export_policy":{"$type":"Wrapped","by":{"$type":"Any"}}}`, 400, "allow_weakening"},
		"kcv of another length": {
			"unwrapkey", `{` + key + `,"alg":"AES","obj_type":"AES","wrapped_key":"AAAA","name":"x","mode":"KW","kcv":"00","kcv_method":"Encrypt"}`, 400, "kcv",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, reply := w.ask(http.MethodPost, "/crypto/v1/"+c.path, c.body)
			if status != c.status || !strings.Contains(reply, c.says) || strings.Contains(reply, "marker") {
				t.Errorf("got %d %s, want %d with %q", status, reply, c.status, c.says)
			}
		})
	}
}
