package agreement_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"gatehouse/features/agreement"
	"gatehouse/features/agreement/task"
)

// TestAgreement compares the service with everybody, row by row.
func TestAgreement(t *testing.T) {
	t.Parallel()
	ring := ring(t)
	w := newWorld(t, ring)
	var mu sync.Mutex
	agreed := map[agreement.Kind]map[agreement.Peer]int{}
	rows := agreement.Table(ring)
	t.Cleanup(func() {
		var b strings.Builder
		for _, k := range agreement.Kinds() {
			fmt.Fprintf(&b, "%s:", k)
			for _, p := range agreement.Peers() {
				fmt.Fprintf(&b, " %d with %s,", agreed[k][p], p)
			}
			fmt.Fprintf(&b, " of %d rows\n", len(rows))
		}
		t.Logf("agreement\n%sopenssl was started %d times, pkcs11-tool %d times", b.String(), w.openssl.Calls(), w.tool.Calls())
	})
	for _, kind := range agreement.Kinds() {
		agreed[kind] = map[agreement.Peer]int{}
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			if kind == agreement.HSM {
				t.Run("pkcs11-tool says no", func(t *testing.T) { saysNo(t, w, ring) })
			}
			for _, row := range rows {
				t.Run(row.String(), func(t *testing.T) {
					if kind == agreement.Ordinary { // what many do at once to an HSM is the fault campaign's matter
						t.Parallel()
					}
					res := w.Row(t.Context(), kind, row)
					for _, err := range res.Errors {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					for p, d := range res.Agrees {
						if d != agreement.Neither {
							agreed[kind][p]++
						}
					}
				})
			}
		})
	}
}

// saysNo: as TestPeersSayNo, for the peer that needs the token.
func saysNo(t *testing.T, w world, ring agreement.Ring) {
	t.Helper()
	for _, row := range []task.Task{
		{Act: task.Sign, Key: ring.Key("EC", "NistP256"), Hash: "SHA256", In: []byte("signed")},
		{Act: task.MAC, Key: ring.Key("HMAC", 256), Hash: "SHA256", In: []byte("stamped")},
		{Act: task.Wrap, Key: ring.Key("AES", 256), Mode: "KW", Subject: ring.Key("AES", 192)},
	} {
		m, err := w.Service[agreement.HSM].Make(t.Context(), row)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.tool.Check(t.Context(), row, m); err != nil {
			t.Errorf("%s: it does not take what is right: %v", row, err)
		}
		m.Out[len(m.Out)-1] ^= 1
		if w.tool.Check(t.Context(), row, m) == nil {
			t.Errorf("%s: it takes it with a bit changed, too", row)
		}
	}
}
