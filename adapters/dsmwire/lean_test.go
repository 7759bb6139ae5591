package dsmwire_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/adapters/dsmwire"
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
	`{"kid":"7f3a5b8e-0000-4000-8000-000000000001","cipher":"AAAA","iv":"AA==","tag":""}`, `{"kid":"1","result":true}`, `{"result":null}`,
	`{"result":false,"result":true}`, `{"result":true,"result":false}`, `{"result":true,"result":null}`, `{"kid":null,"signature":"AA=="}`,
	"\x00{}", "{}\x00", "{\x00}",
}

// FuzzLeanReadsAsEncodingJSON: what is read leanly is what encoding/json makes of it.
func FuzzLeanReadsAsEncodingJSON(f *testing.F) {
	for _, b := range bodies {
		f.Add([]byte(b))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		agree[dsmwire.EncryptRequest](t, body)
		agree[dsmwire.DecryptRequest](t, body)
		agree[dsmwire.SignRequest](t, body)
		agree[dsmwire.VerifyRequest](t, body)
		agree[dsmwire.MACRequest](t, body)
		agree[dsmwire.MACVerifyRequest](t, body)
		agree[dsmwire.EncryptResponse](t, body)
		agree[dsmwire.DecryptResponse](t, body)
		agree[dsmwire.SignResponse](t, body)
		agree[dsmwire.VerifyResponse](t, body)
		agree[dsmwire.MACResponse](t, body)
	})
}

type readsLean[B any] interface {
	*B
	ReadLean(body []byte) bool
}

func agree[B any, P readsLean[B]](t *testing.T, body []byte) {
	t.Helper()
	var got, want B
	if !P(&got).ReadLean(body) {
		return
	}
	if err := json.Unmarshal(body, &want); err != nil {
		t.Fatalf("%T was read leanly, and is wrong: %v", got, err)
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(bytesEqual)); diff != "" {
		t.Fatalf("%T differs (-want +got):\n%s", got, diff)
	}
}

// What programs write is what the lean reader is there for.
func TestUsualBodiesAreReadLeanly(t *testing.T) {
	t.Parallel()
	const kid = "7f3a5b8e-0000-4000-8000-000000000001"
	key := &dsmwire.SobjectDescriptor{KID: kid}
	leanly(t, dsmwire.EncryptRequest{Key: key, Alg: "AES", Plain: []byte("plain"), Mode: &dsmwire.Mode{Name: "GCM"}, TagLen: ptr(96)})
	leanly(t, dsmwire.EncryptRequest{Key: &dsmwire.SobjectDescriptor{Name: "a key"}, Alg: "RSA", Plain: []byte{}})
	leanly(t, dsmwire.EncryptRequest{Alg: "AES", Plain: make([]byte, 10_000), Mode: &dsmwire.Mode{Name: "CBC"}, IV: make([]byte, 16), AD: []byte("ad")})
	leanly(t, dsmwire.DecryptRequest{Key: key, Cipher: []byte("c"), Mode: &dsmwire.Mode{Name: "GCM"}, IV: make([]byte, 12), Tag: make([]byte, 16)})
	leanly(t, dsmwire.SignRequest{Key: key, HashAlg: "SHA256", Hash: make([]byte, 32)})
	leanly(t, dsmwire.SignRequest{Key: key, HashAlg: "SHA256", Data: []byte{}})
	leanly(t, dsmwire.VerifyRequest{Key: key, HashAlg: "SHA256", Data: []byte{1}, Signature: make([]byte, 64)})
	leanly(t, dsmwire.MACRequest{Key: key, Alg: "SHA256", Data: []byte{1}})
	leanly(t, dsmwire.MACVerifyRequest{Key: key, Alg: "SHA256", Data: []byte{1}, MAC: []byte{2}})
	leanly(t, dsmwire.EncryptResponse{KID: kid, Cipher: []byte{1}, IV: []byte{2}, Tag: []byte{3}})
	leanly(t, dsmwire.DecryptResponse{KID: kid, Plain: []byte{}})
	leanly(t, dsmwire.SignResponse{KID: kid, Signature: []byte{1}})
	leanly(t, dsmwire.VerifyResponse{KID: kid, Result: true})
	leanly(t, dsmwire.VerifyResponse{KID: kid})
	leanly(t, dsmwire.MACResponse{KID: kid, MAC: []byte{1}})
}

func leanly[B any, P readsLean[B]](t *testing.T, v B) {
	t.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var got B
	if !P(&got).ReadLean(body) {
		t.Errorf("not read leanly: %.200s", body)
	} else if diff := cmp.Diff(v, got, cmp.Comparer(bytesEqual)); diff != "" {
		t.Errorf("%T differs (-want +got):\n%s", v, diff)
	}
}

// Replies written without reflection say what encoding/json would say.
func TestLeanRepliesAreJSON(t *testing.T) {
	t.Parallel()
	const kid = "7f3a5b8e-0000-4000-8000-000000000001"
	for _, b := range [][]byte{{}, {1}, {1, 2}, make([]byte, 1000)} {
		says(t, dsmwire.EncryptResponse{KID: kid, Cipher: b})
		says(t, dsmwire.EncryptResponse{KID: kid, Cipher: b, IV: []byte{1, 2, 3}, Tag: []byte{255}})
		says(t, dsmwire.DecryptResponse{KID: kid, Plain: b})
		says(t, dsmwire.SignResponse{KID: kid, Signature: b})
		says(t, dsmwire.MACResponse{KID: kid, MAC: b})
	}
	says(t, dsmwire.VerifyResponse{KID: kid, Result: true})
	says(t, dsmwire.VerifyResponse{KID: kid})
}

func says[R interface{ AppendJSON(dst []byte) []byte }](t *testing.T, reply R) {
	t.Helper()
	want, err := json.Marshal(reply)
	if got := string(reply.AppendJSON([]byte("before"))); err != nil || got != "before"+string(want) {
		t.Errorf("got %s, want %s, %v", got, want, err)
	}
}

// BenchmarkReading measures what reading the body of a 1 KiB encryption costs,
// leanly and with encoding/json.
func BenchmarkReading(b *testing.B) {
	body := fmt.Appendf(nil, `{"key":{"kid":"7f3a5b8e-0000-4000-8000-000000000001"},"alg":"AES","plain":%q,"mode":"GCM"}`,
		base64.StdEncoding.EncodeToString(make([]byte, 1024)))
	b.Run("lean", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var r dsmwire.EncryptRequest
			if !r.ReadLean(body) {
				b.Fatal("not read leanly")
			}
		}
	})
	b.Run("encoding json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var r dsmwire.EncryptRequest
			if err := json.Unmarshal(body, &r); err != nil {
				b.Fatal(err)
			}
		}
	})
}
