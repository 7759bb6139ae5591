package crash_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"path/filepath"
	"testing"

	"gatehouse/core/hsm"
	"gatehouse/core/secret"
	"gatehouse/simulators/lab/simgateway"
	"gatehouse/simulators/tokensim"
)

// simulated is a gateway with simulated HSMs in this process, which lives
// through all crashes.
type simulated struct {
	gateway *simgateway.Gateway
	pki     simgateway.PKI
}

// newSimulatedWorld is a world over simulated HSMs: it has none yet.
func newSimulatedWorld(t *testing.T) (*world, simulated) {
	t.Helper()
	pki, err := simgateway.NewPKI(filepath.Join(t.TempDir(), "pki"), "127.0.0.1")
	must(t, err)
	gateway, err := simgateway.Start(context.WithoutCancel(t.Context()), simgateway.Config{
		CertFile: pki.Gateway, CAFile: pki.CAFile, Log: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	t.Cleanup(func() { must(t, gateway.Close()) })
	w := newService(t)
	w.hmg = w.relay(gateway.Address)
	return w, simulated{gateway, pki}
}

// insert adds an HSM and links the world to it.
func (w *world) insert(s simulated) *tokensim.Slot {
	pin := "pin-" + rand.Text()
	slot, number := s.gateway.Insert(tokensim.Options{PIN: secret.FromString(pin), Label: "simulated"})
	w.token = simulatedToken{slot}
	w.link = linked(uint64(number), pin, s.pki.CA, s.pki.ClientCert, s.pki.ClientKey)
	return slot
}

// simulatedToken is a slot as somebody else sees it.
type simulatedToken struct{ *tokensim.Slot }

// Objects returns what is in the token.
func (t simulatedToken) Objects() ([]hsm.Object, error) { return t.Slot.Objects(), nil }

// places counts the public keys of a token by CKA_ID and CKA_LABEL.
func places(all []hsm.Object) map[string]int {
	at := map[string]int{}
	for _, o := range all {
		if o.Class == hsm.PublicKey {
			at[hex.EncodeToString(o.ID)+" "+string(o.Label)]++
		}
	}
	return at
}
