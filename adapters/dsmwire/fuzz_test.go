package dsmwire_test

import (
	"encoding/json"
	"testing"

	"gatehouse/adapters/dsmwire"
)

// FuzzBodies: whatever is read is written in a form that is read as the same,
// and written again to the same bytes.
func FuzzBodies(f *testing.F) {
	for _, seed := range []string{
		`{"kid":"a","name":"b","key_ops":["SIGN"],"creator":"system","created_at":"20170509T070912Z","external":{"id":{"id":"AA==","label":""},"hsm_group_id":"g"},"value":"AA==","rsa":{"encryption_policy":[{"padding":{"OAEP":{}}}]}}`,
		`{"key":{"inline":{"value":"AA==","obj_type":"AES"}},"mode":{"PSS":{"mgf":{"mgf1":{"hash":"SHA1"}}}},"tag_len":128,"hash":"","data":null}`,
		`{"add_hmg":[{"kind":"NCIPHER","slot":1,"pin":"1","tls":{"mode":"required","ca":{"ca_set":"global_roots"}}}],"hmg_redundancy":"remove"}`,
		`{"add_groups":{"g":["SIGN"]},"mod_groups":["g"],"credential":{"secret":""}}`,
		`{"key":{"kid":"a"},"subject":{"transient_key":"AA=="},"alg":"AES","mode":"KW","wrapped_key":"AA==","kcv":"00"}`,
		`{"private_key":{"kid":"a"},"mechanism":{"hkdf":{"hash_alg":"SHA256","info":"AA=="}},"key_type":"AES","key_size":128}`,
		`{"Batch":{"batch_execution_type":"Serial","items":[{"SingleItem":{"method":"GET","operation":"x","body":{"a":[1,null]}}}]}}`,
		`{"SingleItem":{"Result":{"status":200,"body":"text"}}}`,
		`{"method":"password","email":"e","password":"p"}`, `{}`, `null`, `[]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		stable[dsmwire.Sobject](t, body)
		stable[dsmwire.SobjectRequest](t, body)
		stable[dsmwire.SobjectDescriptor](t, body)
		stable[dsmwire.EncryptRequest](t, body)
		stable[dsmwire.SignRequest](t, body)
		stable[dsmwire.GroupRequest](t, body)
		stable[dsmwire.HmgConfig](t, body)
		stable[dsmwire.AppRequest](t, body)
		stable[dsmwire.AuthRequest](t, body)
		stable[dsmwire.SyncEvent](t, body)
		stable[dsmwire.WrapKeyRequest](t, body)
		stable[dsmwire.UnwrapKeyRequest](t, body)
		stable[dsmwire.DeriveKeyRequest](t, body)
		stable[dsmwire.AgreeKeyRequest](t, body)
		stable[dsmwire.EncapsulateKeyResponse](t, body)
		stable[dsmwire.DecapsulateKeyRequest](t, body)
		stable[dsmwire.EncryptUpdateRequest](t, body)
		stable[dsmwire.DecryptFinalRequest](t, body)
		stable[dsmwire.BatchRequest](t, body)
		stable[dsmwire.BatchResponse](t, body)
	})
}

func stable[T any](t *testing.T, body []byte) {
	t.Helper()
	var first, second T
	if json.Unmarshal(body, &first) != nil {
		return
	}
	once, err := json.Marshal(first)
	if err != nil {
		t.Fatalf("%T was read and cannot be written: %v", first, err)
	}
	if err := json.Unmarshal(once, &second); err != nil {
		t.Fatalf("%T is not read as it was written: %v\n%s", first, err, once)
	}
	again, err := json.Marshal(second)
	if err != nil || string(again) != string(once) {
		t.Fatalf("%T is written otherwise the second time: %s, then %s (%v)", first, once, again, err)
	}
}
