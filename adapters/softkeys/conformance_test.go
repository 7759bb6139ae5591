package softkeys_test

import (
	"bytes"
	"testing"

	"gatehouse/adapters/seal"
	"gatehouse/adapters/softkeys"
	"gatehouse/core/groups"
	"gatehouse/core/secret"
	"gatehouse/ports/backend"
	"gatehouse/ports/backend/backendtest"
)

var ordinary = groups.Group{ID: "2e2b0c1e-7b7c-4f57-8d0c-0d4f1a1c9a01", Account: "2e2b0c1e-7b7c-4f57-8d0c-0d4f1a1c9a02", Name: "ordinary"}

func sealer(tb testing.TB) *seal.Ring {
	tb.Helper()
	r, err := seal.NewRing(secret.New(bytes.Repeat([]byte{7}, seal.KeySize)))
	if err != nil {
		tb.Fatalf("NewRing: %v", err)
	}
	return r
}

func TestConformance(t *testing.T) {
	backendtest.Run(t, backendtest.Harness{
		Group: ordinary,
		Open: func(t *testing.T) backend.Backend {
			t.Helper()
			return softkeys.New(sealer(t), softkeys.Config{})
		},
		Refuses: []string{
			"encrypt AES GCM with a tag of 32 bits",
		},
	})
}
