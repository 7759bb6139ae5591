package restapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/adapters/dsmwire"
)

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
