package restapi_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/adapters/dsmwire"
	"gatehouse/adapters/restapi"
)

// bodies are written as applications write them, and in ways that are easily
// read otherwise than encoding/json does.
var bodies = []string{
	`{"key":{"kid":"7f3a5b8e-0000-4000-8000-000000000001"},"alg":"AES","plain":"cGxhaW4=","mode":"GCM","ad":"","tag_len":128}`,
	"\t{ \"key\" : { \"name\" : \"a key\" } ,\r\n \"cipher\" : \"AAAA\" , \"iv\":null , \"masked\" : false }  ",
	`{"key":{"kid":"1"},"hash_alg":"SHA256","hash":"AA==","data":null,"signature":"AA==","deterministic_signature":true}`,
	`{"alg":"SHA256","data":"","mac":"AA=="}`,
	`{}`, ``, `null`, `[]`, `{`, `{"plain"}`, `{"plain":"AA=="`, `{"plain":"AA=="}x`, `{"plain":"AA==",}`,
	`{"plain":"AA==","plain":null}`, `{"plain":null,"plain":"AA=="}`, `{"plain":"AA==","plain":"BB=="}`, `{"Plain":"AA=="}`,
	`{"plain":"A\u0041=="}`, `{"plain":"AA\n=="}`, "{\"plain\":\"AA\n==\"}", "{\"plain\":\"AA\r==\"}", `{"plain":"AA"}`, `{"plain":"A==="}`, `{"plain":"AA==\"}`,
	`{"tag_len":007}`, `{"tag_len":0}`, `{"tag_len":12345678901234567890}`, `{"tag_len":1.5}`, `{"tag_len":-1}`, `{"tag_len":1e2}`, `{"tag_len":""}`,
	`{"tag_len":128,"tag_len":null}`, `{"masked":true,"masked":null}`, `{"masked":truely}`, `{"iv":nullify}`,
	`{"mode":{"OAEP":{"mgf":{"mgf1":{"hash":"SHA256"}}}}}`, `{"mode":{"PKCS1_V15":{}}}`, `{"mode":"PKCS1_V15"}`, `{"mode":"GCM","mode":null}`, `{"mode":7}`,
	`{"key":null}`, `{"key":{"kid":"a","name":"b"}}`, `{"key":{"kid":"a"},"key":{"name":"b"}}`, `{"key":{"transient_key":"AA=="}}`, `{"key":{"kid":null,"name":"n"}}`,
	`{"key":{"kid":"a","kid":""}}`, `{"key":"a"}`, `{"alg":"A\/B"}`, `{"alg":"Ünicode"}`, "{\"alg\":\"\x7f\"}", "{\"alg\":\"\xff\"}", "{\"alg\":\"\x01\"}", `{"unknown":{"deep":[1,2]},"alg":"AES"}`,
	"\x00{}", "{}\x00", "{\x00}",
}

// FuzzLeanReadsAsEncodingJSON: whatever a body is, both decoders make the same
// of it.
func FuzzLeanReadsAsEncodingJSON(f *testing.F) {
	for _, b := range bodies {
		f.Add([]byte(b))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		agree(t, body, restapi.LeanEncrypt)
		agree(t, body, restapi.LeanDecrypt)
		agree(t, body, restapi.LeanSign)
		agree(t, body, restapi.LeanVerify)
		agree(t, body, restapi.LeanMAC)
		agree(t, body, restapi.LeanMACVerify)
	})
}

func agree[B any](t *testing.T, body []byte, leanly func([]byte, *B) error) {
	t.Helper()
	var got, want B
	wantErr := restapi.DecodeJSON(body, &want)
	gotErr := leanly(body, &got)
	if (gotErr == nil) != (wantErr == nil) || gotErr != nil && gotErr.Error() != wantErr.Error() {
		t.Fatalf("%T: got error %v, want %v", got, gotErr, wantErr)
	}
	if wantErr != nil {
		return
	}
	if diff := cmp.Diff(want, got, secretsEqual); diff != "" {
		t.Fatalf("%T differs (-want +got):\n%s", got, diff)
	}
}

// secretsEqual compares secrets without showing them.
var secretsEqual = cmp.Comparer(func(a, b dsmwire.SecretBytes) bool { return a.IsZero() == b.IsZero() && a.Secret().Equal(b.Secret()) })

// What applications write is what the lean decoder is there for.
func TestUsualBodiesAreReadLeanly(t *testing.T) {
	t.Parallel()
	for _, r := range []dsmwire.EncryptRequest{
		{Key: &dsmwire.SobjectDescriptor{KID: "7f3a5b8e-0000-4000-8000-000000000001"}, Alg: "AES", Plain: []byte("plain"), Mode: &dsmwire.Mode{Name: "GCM"}, TagLen: ptr(96)},
		{Key: &dsmwire.SobjectDescriptor{Name: "a key"}, Alg: "RSA", Plain: []byte{}},
		{Alg: "AES", Plain: make([]byte, 1<<20), Mode: &dsmwire.Mode{Name: "CBC"}, IV: make([]byte, 16), AD: []byte("ad")},
	} {
		body, err := json.Marshal(r)
		must(t, err)
		if !restapi.ReadsLeanly(body) {
			t.Errorf("not read leanly: %.200s", body)
		}
	}
}

// Replies written without reflection say what encoding/json would say.
func TestLeanRepliesAreJSON(t *testing.T) {
	t.Parallel()
	const kid = "7f3a5b8e-0000-4000-8000-000000000001"
	for _, b := range [][]byte{{}, {1}, {1, 2}, make([]byte, 1000)} {
		says(t, restapi.EncodeEncrypt, dsmwire.EncryptResponse{KID: kid, Cipher: b})
		says(t, restapi.EncodeEncrypt, dsmwire.EncryptResponse{KID: kid, Cipher: b, IV: []byte{1, 2, 3}, Tag: []byte{255}})
		says(t, restapi.EncodeDecrypt, dsmwire.DecryptResponse{KID: kid, Plain: b})
		says(t, restapi.EncodeSign, dsmwire.SignResponse{KID: kid, Signature: b})
		says(t, restapi.EncodeMAC, dsmwire.MACResponse{KID: kid, MAC: b})
	}
	says(t, restapi.EncodeVerdict, dsmwire.VerifyResponse{KID: kid, Result: true})
	says(t, restapi.EncodeVerdict, dsmwire.VerifyResponse{KID: kid})
}

func says[R any](t *testing.T, encode func([]byte, R) ([]byte, error), reply R) {
	t.Helper()
	got, err := encode([]byte("before"), reply)
	must(t, err)
	want, err := json.Marshal(reply)
	must(t, err)
	if string(got) != "before"+string(want)+"\n" {
		t.Errorf("got %s, want %s", got, want)
	}
}

// BenchmarkDecoding measures what reading the body of a 1 KiB encryption costs,
// with and without the lean decoder.
func BenchmarkDecoding(b *testing.B) {
	body := fmt.Appendf(nil, `{"key":{"kid":"7f3a5b8e-0000-4000-8000-000000000001"},"alg":"AES","plain":%q,"mode":"GCM"}`,
		base64.StdEncoding.EncodeToString(make([]byte, 1024)))
	for name, decode := range map[string]func([]byte, *dsmwire.EncryptRequest) error{
		"lean": restapi.LeanEncrypt, "encoding json": restapi.DecodeJSON[dsmwire.EncryptRequest],
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var r dsmwire.EncryptRequest
				must(b, decode(body, &r))
			}
		})
	}
}
