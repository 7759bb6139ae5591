package restapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/adapters/dsmwire"
)

// readable are bodies that calls read, where KID is a key's id.
var readable = map[string]string{
	"/crypto/v1/wrapkey":         `{"key":{"kid":"KID"},"subject":{"inline":{"value":"AAAAAAAAAAAAAAAAAAAAAA==","obj_type":"AES"}},"alg":"AES","mode":"KW","iv":null,"out":null}`,
	"/crypto/v1/unwrapkey":       `{"key":{"kid":"KID"},"alg":"AES","mode":"KW","obj_type":"AES","wrapped_key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","name":"x","kcv":"000000"}`,
	"/crypto/v1/derive":          `{"key":{"kid":"KID"},"key_type":"AES","key_size":128,"transient":true,"mechanism":{"hkdf":{"hash_alg":"SHA256","info":"AAAA"}}}`,
	"/crypto/v1/agree":           `{"private_key":{"kid":"KID"},"public_key":{"name":"k"},"mechanism":"diffie_hellman","key_type":"AES","key_size":128,"name":"x"}`,
	"/crypto/v1/encapsulate":     `{"key":{"kid":"KID"},"key_type":"AES","key_size":256,"name":"x"}`,
	"/crypto/v1/decapsulate":     `{"key":{"kid":"KID"},"ciphertext":"AAAA","key_type":"AES","name":"x"}`,
	"/crypto/v1/encrypt/init":    `{"key":{"kid":"KID"},"alg":"AES","mode":"CTR"}`,
	"/crypto/v1/encrypt/update":  `{"key":{"kid":"KID"},"state":"AAAA","plain":"AAAA"}`,
	"/crypto/v1/decrypt/final":   `{"key":{"kid":"KID"},"state":"AAAA","tag":"AAAA"}`,
	"/crypto/v1/keys/persist":    `{"transient_key":"AAAA","name":"x"}`,
	"/crypto/v1/keys/digest":     `{"key":{"inline":{"value":"AAAAAAAAAAAAAAAAAAAAAA==","obj_type":"AES"}},"alg":"SHA256"}`,
	"/crypto/v1/keys/kcv/verify": `{"kcv":"66E94B","value":"AAAAAAAAAAAAAAAAAAAAAA==","obj_type":"AES"}`,
	"/batch/v1":                  `{"Batch":{"batch_execution_type":"Serial","items":[{"SingleItem":{"method":"POST","operation":"crypto/v1/digest","body":{"alg":"SHA256","data":""}}}]}}`,
}

// FuzzBodies sends anything to the calls under /crypto/v1. Whatever comes is
// answered as the caller's mistake or done, never as the service's.
func FuzzBodies(f *testing.F) {
	w := newWorld(f)
	k := w.generate(dsmwire.SobjectRequest{Name: ptr("k"), ObjType: "AES", KeySize: ptr(uint32(256))})
	paths := []struct{ method, path string }{
		{http.MethodPost, "/crypto/v1/encrypt"},
		{http.MethodPost, "/crypto/v1/decrypt"},
		{http.MethodPost, "/crypto/v1/sign"},
		{http.MethodPost, "/crypto/v1/verify"},
		{http.MethodPost, "/crypto/v1/mac"},
		{http.MethodPost, "/crypto/v1/macverify"},
		{http.MethodPost, "/crypto/v1/digest"},
		{http.MethodPost, "/crypto/v1/keys/batch/encrypt"},
		{http.MethodPost, "/crypto/v1/keys/batch/sign"},
		{http.MethodPut, "/crypto/v1/keys"},
		{http.MethodPost, "/crypto/v1/keys/info"},
		{http.MethodPost, "/crypto/v1/keys/kcv"},
		{http.MethodPatch, "/crypto/v1/keys/" + k.KID},
		{http.MethodPost, "/gatehouse/v1/random"},
		{http.MethodPost, "/crypto/v1/wrapkey"},
		{http.MethodPost, "/crypto/v1/unwrapkey"},
		{http.MethodPost, "/crypto/v1/derive"},
		{http.MethodPost, "/crypto/v1/agree"},
		{http.MethodPost, "/crypto/v1/encapsulate"},
		{http.MethodPost, "/crypto/v1/decapsulate"},
		{http.MethodPost, "/crypto/v1/encrypt/init"},
		{http.MethodPost, "/crypto/v1/encrypt/update"},
		{http.MethodPost, "/crypto/v1/decrypt/final"},
		{http.MethodPost, "/crypto/v1/keys/persist"},
		{http.MethodPost, "/crypto/v1/keys/digest"},
		{http.MethodPost, "/crypto/v1/keys/kcv/verify"},
		{http.MethodPost, "/batch/v1"},
	}
	for i, body := range bodies {
		f.Add(i%len(paths), []byte(body))
	}
	for i, body := range []string{
		`{"key":{"name":"k"},"alg":"AES","plain":"AAAA","mode":"GCM"}`, `{"key":{"kid":"` + k.KID + `"},"cipher":"AAAA","mode":"CBC","iv":"AAAAAAAAAAAAAAAAAAAAAA=="}`,
		`{"name":"n","obj_type":"AES","value":"AAAAAAAAAAAAAAAAAAAAAA==","custom_metadata":{"a":"b"},"key_ops":["ENCRYPT"]}`, `[{"kid":"` + k.KID + `","request":{"alg":"AES","mode":"GCM","plain":""}}]`,
	} {
		f.Add(i, []byte(body))
	}
	for i, to := range paths { // each is sent something that it reads
		if body := readable[to.path]; body != "" {
			f.Add(i, []byte(strings.ReplaceAll(body, "KID", k.KID)))
		}
	}
	authorization, handler := w.authorization(), w.server.Config.Handler
	f.Fuzz(func(t *testing.T, at int, body []byte) {
		to := paths[uint(at)%uint(len(paths))]
		r := httptest.NewRequest(to.method, to.path, strings.NewReader(string(body)))
		r.Header.Set("Authorization", authorization)
		reply := httptest.NewRecorder()
		handler.ServeHTTP(reply, r)
		switch reply.Code {
		case 200, 201, 400, 403, 404, 409, 413, 501:
		default:
			t.Errorf("%s %s: got %d %s", to.method, to.path, reply.Code, reply.Body)
		}
	})
}
