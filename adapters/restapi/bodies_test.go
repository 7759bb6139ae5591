package restapi_test

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
