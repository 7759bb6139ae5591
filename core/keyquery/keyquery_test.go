package keyquery_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keyquery"
	"gatehouse/core/keys"
)

// examples are those of the API's document, in our words where they name keys.
const now = 1_750_000_000

func estate() []keys.Key {
	at := func(s int64) time.Time { return time.Unix(s, 0).UTC() }
	app := id.Principal{Kind: id.AppPrincipal, ID: "app-1"}
	return []keys.Key{
		{
			ID: "kid-aes", Name: "Alpha", Type: keys.AES, Size: 256, Ops: keys.OpEncrypt | keys.OpDecrypt, State: keys.Active, Enabled: true,
			Creator: app, Group: "g1", CreatedAt: at(1_739_000_000), Metadata: map[string]string{"custom": "A1", "cng.Key Type": "machine"}, Description: "for BIPS32",
			DeactivationDate: at(1_739_794_199), Origin: keys.OriginGenerated,
		},
		{
			ID: "kid-rsa", Name: "beta", Type: keys.RSA, Size: 2048, Ops: keys.OpSign | keys.OpHighVolume, State: keys.Active,
			Creator: id.Principal{Kind: id.UserPrincipal, ID: "user-1"}, Group: "g2", CreatedAt: at(1_740_000_000), Links: keys.Links{WrappingKey: "kid-aes"},
			Virtual: &keys.Pointer{ID: []byte{1, 2}, Label: []byte("pay"), Extractable: true, MissingSince: at(5)},
		},
	}
}

func TestFields(t *testing.T) {
	t.Parallel()
	const aes, rsa = "kid-aes", "kid-rsa"
	for text, want := range map[string][]string{
		`{"kid":{"$text":{"$search":"kid-aes"}}}`:                            {aes},
		`{"name":{"$text":{"$search":"ALPHA"}}}`:                             {aes},
		`{"state":{"$eq":"Deactivated"}}`:                                    {aes}, // its date has come
		`{"state":"Active"}`:                                                 {rsa},
		`{"key_ops":{"$any":{"$or":[{"$eq":"ENCRYPT"},{"$eq":"WRAPKEY"}]}}}`: {aes},
		`{"key_ops":{"$all":{"$ne":"HIGHVOLUME"}}}`:                          {aes},
		`{"group_name":{"$text":{"$search":"test_group"}}}`:                  {aes},
		`{"creator_name":{"$text":{"$search":"key creator"}}}`:               {rsa},
		`{"$and":[{"creator_type":{"$in":["App","User","Plugin"]}},{"obj_type":{"$eq":"RSA"}},{"enabled":{"$eq":"false"}}]}`: {rsa},
		`{"$and":[{"key_size":{"$gte":256}},{"obj_type":{"$eq":"AES"}}]}`:                                                    {aes},
		`{"custom_attributes.custom":{"$text":{"$search":"1"}}}`:                                                             {aes},
		`{"custom_metadata.custom":"A1"}`:                                                                                    {aes},
		`{"created_at":{"$lt":1739794080}}`:                                                                                  {aes},
		`{"description":{"$text":{"$search":"BIPS32"}}}`:                                                                     {aes},
		`{"expires":{"$lt":1739794200}}`:                                                                                     {aes},
		`{"deactivation_date":{"$exists":false}}`:                                                                            {rsa},
		`{"$and":[{"obj_type":{"$nin":["DES3","HMAC"]}},{"state":{"$nin":["Compromise","Destroyed"]}}]}`:                     {aes, rsa},
		`{"$and": [{"key_size": 256}, {"state":{"$eq":"Deactivated"}}]}`:                                                     {aes},
		`{"wrapping_key":{"$text":{"$search":"kid-aes"}}}`:                                                                   {rsa},
		`{"group_id":{"$text":{"$search":"g2"}}}`:                                                                            {rsa},
		`{"creator_id":{"$text":{"$search":"app-1"}}}`:                                                                       {aes},
		`{"enabled":{"$eq":"true"}}`:                                                                                         {aes},
		`{"virtual":true}`:                                                                                                   {rsa},
		`{"missing_since":{"$exists":true}}`:                                                                                 {rsa},
		`{"pkcs11_label":"pay"}`:                                                                                             {rsa},
		`{"pkcs11_id":"AQI="}`:                                                                                               {rsa},
		`{"pkcs11.CKA_EXTRACTABLE":"true"}`:                                                                                  {rsa},
		`{"pkcs11.cka_key_type":"CKK_AES"}`:                                                                                  {aes},
		`{"cng.Key Type":"machine"}`:                                                                                         {aes},
		`{"cng.Algorithm Group":{"$in":["RSA"]}}`:                                                                            {rsa},
		`{"origin":"FortanixHSM"}`:                                                                                           {aes},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			f, err := keyquery.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			match := f.Where(keyquery.Circumstances{
				Now: time.Unix(now, 0), Groups: map[id.Group]string{"g1": "Test_Group"},
				Creators: map[id.Principal]string{{Kind: id.UserPrincipal, ID: "user-1"}: "The key creator"},
			})
			got := []string{}
			for _, k := range estate() {
				if match(k) {
					got = append(got, string(k.ID))
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("let through (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("nothing asked is nothing to ask", func(t *testing.T) {
		t.Parallel()
		f, err := keyquery.Parse(`{}`)
		if err != nil || f.Where(keyquery.Circumstances{}) != nil || (keyquery.Filter{}).Where(keyquery.Circumstances{}) != nil {
			t.Errorf("got a condition, error %v", err)
		}
	})
	t.Run("an unknown field is refused with those that there are", func(t *testing.T) {
		t.Parallel()
		_, err := keyquery.Parse(`{"value":"x"}`)
		if !errors.Is(err, fault.Invalid) || !slices.ContainsFunc([]string{"custom_attributes.<name>", "expires"}, func(s string) bool { return strings.Contains(err.Error(), s) }) {
			t.Errorf("got %v", err)
		}
	})
}
