package dsmwire_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

// What every union and format looks like, and that it is read as it is written.
func TestUnionsAndFormats(t *testing.T) {
	t.Parallel()
	const a, b = "11111111-0000-4000-8000-000000000000", "22222222-0000-4000-8000-000000000000"
	same(t, dsmwire.Principal{User: a}, `{"user":"`+a+`"}`)
	same(t, dsmwire.Principal{App: a}, `{"app":"`+a+`"}`)
	same(t, dsmwire.Principal{Plugin: a}, `{"plugin":"`+a+`"}`)
	same(t, dsmwire.Principal{UserViaApp: &dsmwire.UserViaApp{UserID: a, Scopes: []string{"app"}}}, `{"userviaapp":{"user_id":"`+a+`","scopes":["app"]}}`)
	same(t, dsmwire.Principal{System: true}, `"system"`)
	same(t, dsmwire.Principal{Unregistered: true}, `"unregistereduser"`)

	same(t, dsmwire.Mode{Name: "GCM"}, `"GCM"`)
	same(t, dsmwire.Mode{Name: dsmwire.PKCS1v15}, `{"PKCS1_V15":{}}`)
	same(t, dsmwire.Mode{Name: dsmwire.Pure}, `{"variant":"PURE"}`)
	same(t, dsmwire.Mode{Name: dsmwire.RawDecrypt}, `{"RAW_DECRYPT":{}}`)
	same(t, dsmwire.Mode{Name: dsmwire.OAEP, Hash: "SHA256"}, `{"OAEP":{"mgf":{"mgf1":{"hash":"SHA256"}}}}`)
	same(t, dsmwire.Mode{Name: dsmwire.PSS, Hash: "SHA512"}, `{"PSS":{"mgf":{"mgf1":{"hash":"SHA512"}}}}`)

	same(t, dsmwire.NewTime(time.Date(2017, 5, 9, 9, 9, 12, 999, time.FixedZone("", 2*3600))), `"20170509T070912Z"`)

	same(t, dsmwire.AppGroups{IDs: []string{}}, `[]`)
	same(t, dsmwire.AppGroups{IDs: []string{a, b}}, `["`+a+`","`+b+`"]`)
	same(t, dsmwire.AppGroups{Permissions: map[string][]string{a: {"SIGN"}, b: {}}}, `{"`+a+`":["SIGN"],"`+b+`":[]}`)

	same(t, dsmwire.Removable[string]{Set: ptr("PriorityFailover")}, `"PriorityFailover"`)
	same(t, dsmwire.Removable[string]{Remove: true}, `"remove"`)
	same(t, dsmwire.Removable[dsmwire.Tag]{Set: &dsmwire.Tag{Type: "x"}}, `{"$type":"x"}`)

	same(t, dsmwire.SobjectDescriptor{KID: a}, `{"kid":"`+a+`"}`)
	same(t, dsmwire.HmgConfig{
		Kind: "Ncipher", URL: "h:4442", Slot: ptr(uint64(0)), HSMOrder: ptr(int32(-4)),
		TLS: &dsmwire.TLSConfig{Mode: "required", ValidateHostname: ptr(false), CA: &dsmwire.CAConfig{Pinned: [][]byte{{1}}}},
	}, `{"kind":"Ncipher","url":"h:4442","tls":{"mode":"required","validate_hostname":false,"ca":{"pinned":["AQ=="]}},"slot":0,"hsm_order":-4}`)
	same(t, dsmwire.External{ID: dsmwire.ExternalID{ID: []byte{}, Label: []byte{0xff}}, HSMGroupID: a}, `{"id":{"id":"","label":"/w=="},"hsm_group_id":"`+a+`"}`)
	same(t, dsmwire.External{ID: dsmwire.ExternalID{KID: b}, HSMGroupID: a}, `{"id":{"id":"`+b+`"},"hsm_group_id":"`+a+`"}`)
}

// same checks that v is written as text, and that text is read as v.
func same[T any](t *testing.T, v T, text string) {
	t.Helper()
	got, err := json.Marshal(v)
	if err != nil || string(got) != text {
		t.Errorf("%T: wrote %s, %v, want %s", v, got, err, text)
	}
	var read T
	if err := json.Unmarshal([]byte(text), &read); err != nil {
		t.Errorf("%T: reading %s: %v", v, text, err)
	}
	if diff := cmp.Diff(v, read, cmp.Comparer(timesEqual), cmp.Comparer(textsEqual), cmp.Comparer(bytesEqual)); diff != "" {
		t.Errorf("%s is read otherwise (-want +got):\n%s", text, diff)
	}
}

func timesEqual(a, b dsmwire.Time) bool       { return a.Time().Equal(b.Time()) }
func textsEqual(a, b dsmwire.SecretText) bool { return a.Secret().Equal(b.Secret()) }
func bytesEqual(a, b dsmwire.SecretBytes) bool {
	return a.IsZero() == b.IsZero() && a.Secret().Equal(b.Secret())
}
func ptr[T any](v T) *T { return &v }

// What is none of a union's alternatives is refused as Invalid, without repeating it.
func TestUnionsRefuseWhatTheyDoNotKnow(t *testing.T) {
	t.Parallel()
	refused[dsmwire.Principal](t, `"marker"`, `{}`, `{"marker":"a"}`, `{"user":"a","app":"b"}`)
	refused[dsmwire.Mode](t, `{}`, `{"marker":{}}`, `{"OAEP":{}}`, `{"OAEP":{"mgf":{}}}`, `{"PKCS1_V15":{"mgf":{"mgf1":{"hash":"SHA1"}}}}`,
		`{"OAEP":{"mgf":{"mgf1":{"hash":"SHA1"}}},"PKCS1_V15":{}}`, `"OAEP"`, `"PKCS1_V15"`, `7`, `["marker"]`, `{"PSS":"marker"}`)
	refused[dsmwire.Time](t, `"marker"`, `"2017-05-09T07:09:12Z"`, `"20171309T070912Z"`, `"20170509T070912"`, `"20170509T070912.5Z"`,
		`"00010101T000000Z"`, `"`+strings.Repeat("2", 5000)+`"`, `"20170509T070912+00:00"`)
	refused[dsmwire.AppGroups](t, `"marker"`, `7`, `{"a":"marker"}`, `[7]`)
	refused[dsmwire.SecretText](t, `7`, `{"marker":1}`, `["marker"]`)
	refused[dsmwire.SecretBytes](t, `7`, `"marker!"`, `{"marker":1}`, `"AA"`)
}

func refused[T any](t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		var v T
		err := json.Unmarshal([]byte(text), &v)
		if !errors.Is(err, fault.Invalid) || strings.Contains(fmt.Sprint(err), "marker") {
			t.Errorf("%T of %.40s: got error %v, want one of kind invalid that repeats nothing", v, text, err)
		}
	}
}

// Absent, null and empty are told apart where that matters.
func TestAbsentNullAndEmpty(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		body       string
		hash, data bool
		value      bool
	}{
		{`{}`, false, false, false},
		{`{"hash":null,"data":null,"value":null}`, false, false, false},
		{`{"hash":"","data":"AA==","value":""}`, true, true, true},
	} {
		var r struct {
			dsmwire.SignRequest
			Value dsmwire.SecretBytes `json:"value"`
		}
		if err := json.Unmarshal([]byte(c.body), &r); err != nil {
			t.Fatal(err)
		}
		if r.Hash != nil != c.hash || r.Data != nil != c.data || !r.Value.IsZero() != c.value {
			t.Errorf("%s: got hash %t, data %t, value %t", c.body, r.Hash != nil, r.Data != nil, !r.Value.IsZero())
		}
	}
	var g dsmwire.GroupRequest
	if err := json.Unmarshal([]byte(`{"hmg_redundancy":null,"name":null}`), &g); err != nil || !g.HmgRedundancy.IsZero() || g.Name != nil {
		t.Errorf("got %+v, %v", g, err)
	}
	if b, err := json.Marshal(dsmwire.SobjectRequest{}); err != nil || string(b) != `{}` {
		t.Errorf("an empty request is written as %s, %v", b, err)
	}
	if b, err := json.Marshal(dsmwire.SignRequest{Data: []byte{}}); err != nil || string(b) != `{"data":""}` {
		t.Errorf("empty data is written as %s, %v", b, err)
	}
}

// Secrets show themselves to a JSON encoder and to nobody else.
func TestSecretsPrintAsPlaceholders(t *testing.T) {
	t.Parallel()
	const marker = "marker-secret"
	text := dsmwire.NewSecretText(secret.FromString(marker))
	blob := dsmwire.NewSecretBytes(secret.FromString(marker))
	decimal := strings.Trim(fmt.Sprintf("%d", []byte(marker)), "[]")
	bodies := []any{
		text, &text, blob, &blob,
		dsmwire.HmgConfig{PIN: text},
		dsmwire.AuthResponse{AccessToken: text},
		dsmwire.Sobject{Value: blob},
		&dsmwire.Sobject{Value: blob},
		dsmwire.SobjectRequest{Value: blob},
		[]dsmwire.SecretText{text},
	}
	for _, body := range bodies {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if out := fmt.Sprintf(verb, body); strings.Contains(out, marker) || strings.Contains(out, fmt.Sprintf("%x", marker)) ||
				strings.Contains(out, decimal) || strings.Contains(out, "0x6d, 0x61") {
				t.Errorf("%T printed with %s shows the secret: %s", body, verb, out)
			}
		}
	}
	b, err := json.Marshal(dsmwire.HmgConfig{PIN: text})
	if err != nil || !strings.Contains(string(b), marker) {
		t.Errorf("the body that hands it over is %s, %v", b, err)
	}
	var read dsmwire.SecretBytes
	if b, err = json.Marshal(blob); err == nil {
		err = json.Unmarshal(b, &read)
	}
	if err != nil || string(read.Secret().Reveal(reveal.Permit{})) != marker {
		t.Errorf("a secret in base64 does not come back: %v", err)
	}
}

func TestKindsAreReadInAnyCase(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"NCIPHER": "Ncipher", "safenet": "Safenet", "AWSCLOUDHSM": "AwsCloudHsm", "SoftHSM": "Softhsm", "AWSKMS": "AwsKms",
		"AZUREKEYVAULT": "AzureKeyVault", "GCPKEYRING": "GcpKeyRing", "FortanixFipsCluster": "FortanixFipsCluster", "other": "other", "": "",
	} {
		if got := dsmwire.CanonicalKind(given); got != want {
			t.Errorf("%s: got %s, want %s", given, got, want)
		}
	}
}
