package restapi_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"gatehouse/adapters/dsmwire"
)

// What is particular to a type of keys is read and shown.
func TestKeyOptionsOnTheWire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		name, body string
		status     int
		says       string
	}{
		{"ML-DSA", `"obj_type":"MLDSA","mldsa":{"param_set":"MlDsa65"}`, 201, `"mldsa":{"param_set":"MlDsa65"}`},
		{"ML-KEM", `"obj_type":"MLKEM","mlkem":{"param_set":"MlKem1024"}`, 201, `"mlkem":{"param_set":"MlKem1024"}`},
		{"ML-KEM without a set", `"obj_type":"MLKEM"`, 400, "param_set is required"},
		{"ML-KEM with a set of ML-DSA", `"obj_type":"MLKEM","mlkem":{"param_set":"MlDsa65"}`, 400, "param_set is not one"},
		{"ML-KEM with a set that is not here", `"obj_type":"MLKEM","mlkem":{"param_set":"MlKem512"}`, 501, "MlKem512 is not supported"},
		{"ML-KEM with options of ML-DSA", `"obj_type":"MLKEM","mldsa":{"param_set":"MlDsa65"}`, 400, "mldsa is for MLDSA keys only"},
		{"a draft", `"obj_type":"MLKEMBETA"`, 501, "MLKEMBETA is not supported"},
		{"AES for ECB", `"obj_type":"AES","key_size":256,"aes":{"cipher_mode":"ECB"}`, 201, `"aes":{"cipher_mode":"ECB"}`},
		{"AES with nothing", `"obj_type":"AES","key_size":256,"aes":{"cipher_mode":null,"random_iv":false,"fpe":null}`, 201, `"obj_type":"AES"`},
		{"AES for what is not here", `"obj_type":"AES","key_size":256,"aes":{"cipher_mode":"FF1"}`, 501, "mode FF1 is not supported"},
		{"AES for what nobody knows", `"obj_type":"AES","key_size":256,"aes":{"cipher_mode":"XTS"}`, 400, "mode is not one"},
		{"AES of random IVs", `"obj_type":"AES","key_size":256,"aes":{"random_iv":true}`, 201, `"aes":{"random_iv":true}`},
		{"DES3 of random IVs for CBC", `"obj_type":"DES3","key_size":168,"des3":{"random_iv":true,"cipher_mode":"CBC"}`, 201, `"des3":{"cipher_mode":"CBC","random_iv":true}`},
		{"AES with a policy that would not be obeyed", `"obj_type":"AES","key_size":256,"aes":{"iv_length":12}`, 501, "iv_length"},
		{"HMAC with random IVs", `"obj_type":"HMAC","key_size":256,"aes":{"random_iv":true}`, 400, "aes is for AES keys only"},
		{"HMAC with options of AES", `"obj_type":"HMAC","key_size":256,"aes":{"cipher_mode":"ECB"}`, 400, "aes is for AES keys only"},
		{"DES3 for CBC", `"obj_type":"DES3","key_size":168,"des3":{"cipher_mode":"CBC"}`, 201, `"des3":{"cipher_mode":"CBC"}`},
	} {
		status, reply := w.ask(http.MethodPost, "/crypto/v1/keys", fmt.Sprintf(`{"name":%q,"group_id":%q,%s}`, c.name, w.local, c.body))
		if status != c.status || !strings.Contains(reply, c.says) {
			t.Errorf("%s: got %d %s, want %d with %q", c.name, status, reply, c.status, c.says)
		}
	}
}

func TestECBNeedsThePolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, group := range []string{w.local, w.slot} {
		k := w.generate(dsmwire.SobjectRequest{Name: ptr("of " + group), GroupID: &group, ObjType: "AES", KeySize: ptr(uint32(256))})
		encrypt := fmt.Sprintf(`{"key":{"kid":%q},"alg":"AES","mode":"ECB","plain":"AAAAAAAAAAAAAAAAAAAAAA=="}`, k.KID)
		if status, reply := w.ask(http.MethodPost, "/crypto/v1/encrypt", encrypt); status != http.StatusForbidden || !strings.Contains(reply, "mode ECB is not permitted by the key's policy") {
			t.Errorf("ECB unnamed: got %d %s", status, reply)
		}
		if status, reply := w.ask(http.MethodPatch, "/crypto/v1/keys/"+k.KID, `{"aes":{"cipher_mode":"ECB"}}`); status != http.StatusOK || !strings.Contains(reply, `"cipher_mode":"ECB"`) {
			t.Errorf("naming ECB: got %d %s", status, reply)
		}
		if status, reply := w.ask(http.MethodPost, "/crypto/v1/encrypt", encrypt); status != http.StatusOK {
			t.Errorf("ECB named: got %d %s", status, reply)
		}
	}
}

func TestMLDSAOnTheWire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.generate(dsmwire.SobjectRequest{Name: ptr("signer"), ObjType: "MLDSA", MLDSA: &dsmwire.ParamSetOptions{ParamSet: "MlDsa44"}})
	data, context := base64.StdEncoding.EncodeToString(message), base64.StdEncoding.EncodeToString([]byte("context"))
	status, reply := w.ask(http.MethodPost, "/crypto/v1/sign", fmt.Sprintf(`{"key":{"kid":%q},"data":%q,"context":%q,"mode":{"variant":"PURE"}}`, k.KID, data, context))
	_, rest, _ := strings.Cut(reply, `"signature":"`)
	signature, _, _ := strings.Cut(rest, `"`)
	if raw, err := base64.StdEncoding.DecodeString(signature); status != http.StatusOK || err != nil || len(raw) != 2420 || bytes.Equal(raw, make([]byte, 2420)) {
		t.Fatalf("got %d %s, want a signature of ML-DSA-44", status, reply)
	}
	for context, want := range map[string]string{context: `"result":true`, "": `"result":false`} {
		body := fmt.Sprintf(`{"key":{"kid":%q},"data":%q,"context":%q,"signature":%q}`, k.KID, data, context, signature)
		if status, reply := w.ask(http.MethodPost, "/crypto/v1/verify", body); status != http.StatusOK || !strings.Contains(reply, want) {
			t.Errorf("with the context %q: got %d %s, want %s", context, status, reply, want)
		}
	}
	for mode, says := range map[string]string{"PRE_HASH": "PRE_HASH is not supported", "EXTERNAL_MU": "EXTERNAL_MU is not supported"} {
		body := fmt.Sprintf(`{"key":{"kid":%q},"data":%q,"mode":{"variant":%q}}`, k.KID, data, mode)
		if status, reply := w.ask(http.MethodPost, "/crypto/v1/sign", body); status != http.StatusNotImplemented || !strings.Contains(reply, says) {
			t.Errorf("%s: got %d %s", mode, status, reply)
		}
	}
}
