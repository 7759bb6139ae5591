package restapi_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/adapters/dsmwire"
)

// discard is a ResponseWriter that keeps the status only.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkHandler measures one request from the handler on: identity, decoding,
// policy, the operation in software, encoding. The keys are HIGHVOLUME, so that
// no audit record is waited for; net/http and TLS are not in it.
func BenchmarkHandler(b *testing.B) {
	w := newWorld(b)
	highVolume := []string{"ENCRYPT", "DECRYPT", "HIGHVOLUME", "APPMANAGEABLE"}
	aes := w.generate(dsmwire.SobjectRequest{Name: ptr("aes"), ObjType: "AES", KeySize: ptr(uint32(256)), KeyOps: &highVolume})
	signs := []string{"SIGN", "VERIFY", "HIGHVOLUME", "APPMANAGEABLE"}
	ec := w.generate(dsmwire.SobjectRequest{Name: ptr("ec"), ObjType: "EC", EllipticCurve: "NistP256", KeyOps: &signs})
	plain := base64.StdEncoding.EncodeToString(make([]byte, 1024))
	digest := base64.StdEncoding.EncodeToString(make([]byte, 32))

	for _, c := range []struct{ name, path, body string }{
		{"encrypt GCM 1 KiB", "/crypto/v1/encrypt", fmt.Sprintf(`{"key":{"kid":%q},"alg":"AES","plain":%q,"mode":"GCM"}`, aes.KID, plain)},
		{"sign P-256", "/crypto/v1/sign", fmt.Sprintf(`{"key":{"kid":%q},"hash_alg":"SHA256","hash":%q}`, ec.KID, digest)},
		{"digest 1 KiB", "/crypto/v1/digest", fmt.Sprintf(`{"alg":"SHA256","data":%q}`, plain)},
		{"version", "/sys/v1/version", ""},
	} {
		b.Run(c.name, func(b *testing.B) {
			header := w.authorization()
			handler := w.server.Config.Handler
			b.ReportAllocs()
			for b.Loop() {
				method := http.MethodPost
				if c.body == "" {
					method = http.MethodGet
				}
				r := httptest.NewRequest(method, c.path, strings.NewReader(c.body))
				r.Header.Set("Authorization", header)
				r.Header.Set("Content-Type", "application/json")
				d := &discard{header: http.Header{}}
				handler.ServeHTTP(d, r)
				if d.status != http.StatusOK {
					b.Fatalf("status %d", d.status)
				}
			}
		})
	}
}
