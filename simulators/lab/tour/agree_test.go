package tour_test

import (
	"strings"
	"testing"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/simulators/lab/opensc"
	"gatehouse/simulators/lab/tour"
)

func TestAgree(t *testing.T) {
	listed := func(class hsm.Class, id, label string) opensc.Object {
		return opensc.Object{Class: class, Type: keys.EC, ID: id, Label: label}
	}
	virtual := func(public bool, id, label string) dsmwire.Sobject {
		return dsmwire.Sobject{
			ObjType: "EC", PublicOnly: public,
			External: &dsmwire.External{ID: dsmwire.ExternalID{ID: []byte(id), Label: []byte(label)}},
		}
	}
	for _, c := range []struct {
		name    string
		listed  []opensc.Object
		virtual []dsmwire.Sobject
		want    string // in the error; empty for none
	}{
		{name: "nothing"},
		{
			"the same in another order, padding aside",
			[]opensc.Object{listed(hsm.PrivateKey, "01", "a"), listed(hsm.PublicKey, "", "Zürich")},
			[]dsmwire.Sobject{virtual(true, "", "Zürich   "), virtual(false, "\x01", "a")},
			"",
		},
		{
			"a key that only the token has",
			[]opensc.Object{listed(hsm.PrivateKey, "01", "a")},
			nil,
			`only in the HSM: EC, CKA_ID "01", CKA_LABEL "a"`,
		},
		{
			"a key that only the service has",
			nil,
			[]dsmwire.Sobject{virtual(false, "\x01", "a")},
			`only in the service: EC, CKA_ID "01", CKA_LABEL "a"`,
		},
		{
			"two alike here, one there",
			[]opensc.Object{listed(hsm.PrivateKey, "", ""), listed(hsm.PrivateKey, "", "")},
			[]dsmwire.Sobject{virtual(false, "", "")},
			`only in the HSM: EC, CKA_ID "", CKA_LABEL ""`,
		},
		{
			"a pair here, half of it there",
			[]opensc.Object{listed(hsm.PrivateKey, "01", "a")},
			[]dsmwire.Sobject{virtual(true, "\x01", "a")},
			"a public key alone",
		},
		{"a key that is not virtual", nil, []dsmwire.Sobject{{Name: "ordinary"}}, "ordinary"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := tour.Agree(c.listed, c.virtual)
			if c.want == "" {
				if err != nil {
					t.Errorf("got %v, want nil", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}
