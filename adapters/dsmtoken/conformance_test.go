package dsmtoken_test

import (
	"encoding/hex"
	"testing"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
	"gatehouse/ports/token/tokentest"
)

// TestConformance runs the suite of the Token port over another Gatehouse: over
// TLS, with its whole REST API and keys of an ordinary group.
func TestConformance(t *testing.T) {
	o := newOther(t)
	tokentest.Run(t, tokentest.Harness{
		Refuses: refuses,
		Open:    func(t *testing.T) token.Token { t.Helper(); return o.open(t) },
		OpenWrongPIN: func(t *testing.T) (token.Token, error) {
			t.Helper()
			tok, err := o.dial(t.Context(), dsmclient.APIKey("00000000-0000-4000-8000-000000000000", secret.FromString("wrong")))
			if err != nil {
				return nil, err
			}
			return tok, nil
		},
		Foreign: &tokentest.Foreign{
			Create: o.create, Remove: o.remove,
			Cannot: map[hsm.Class]string{
				hsm.Certificate: "the name of the key beside it is taken", hsm.Data: "the name of the key beside it is taken",
			},
			OnePerID:  "names are unique in the other service",
			OnlyWhole: "every key of the other service has an id and a name, and pairs are one key there",
		},
		Reinitialise: o.endSessions,
		FailApplied:  func(_ *testing.T, c tokentest.Call) { o.loseAnswer(c) },
		Hang: func(_ *testing.T, c tokentest.Call) (<-chan struct{}, func()) {
			o.mu.Lock()
			defer o.mu.Unlock()
			released := make(chan struct{})
			o.hang, o.reached, o.released = c, make(chan struct{}), released
			return o.reached, func() { close(released) }
		},
		NotApplicable: map[string]string{"Swap": "no other service takes the API key"},
	})
}

// refuses is what keys of another Gatehouse cannot.
var refuses = []string{
	"update label to none",
	"encrypt AES ECB", "encrypt DES3 ECB", "wrap AES ECB", "derive AES ECB", // a key there must have been made for it
}

// create makes keys as another app of the group.
func (o *other) create(t *testing.T, all ...tokentest.ForeignObject) {
	t.Helper()
	for _, f := range all {
		name, ops, metadata := string(f.Label), (f.Ops | keys.OpAppManageable).Names(), map[string]string{"gatehouse_cka_id": hex.EncodeToString(f.ID)}
		_, err := o.beside.Import(t.Context(), dsmwire.SobjectRequest{
			Name: &name, ObjType: string(f.Type), EllipticCurve: string(f.Curve), KeyOps: &ops, CustomMetadata: &metadata,
			Value: dsmwire.NewSecretBytes(secret.New(f.Value)),
		})
		must(t, err)
	}
}

// remove deletes keys as another app of the group.
func (o *other) remove(t *testing.T, _ hsm.Class, id []byte) {
	t.Helper()
	all, err := o.beside.Keys(t.Context(), dsmclient.KeyQuery{Metadata: map[string]string{"gatehouse_cka_id": hex.EncodeToString(id)}})
	must(t, err)
	for _, k := range all {
		must(t, o.beside.DeleteKey(t.Context(), k.KID))
	}
}
